// Device interrupts.
//
// A struct irq is a dynamic vector: the same number on every CPU, so moving an interrupt changes
// only its destination, one 32-bit store in the IO-APIC or the device, and whatever is in flight
// arrives all the same. The price is NR_IRQS device interrupts for the whole machine.
//
// Masking. A source is masked while mask_reasons is not 0. Edge triggered interrupts (messages are
// such) stay open while they are handled; a level triggered one is masked before it is acknowledged
// to the local APIC and opened when its cause is gone, so no CPU's priority is ever held up by a
// guest that takes its time.
//
// irq->lock guards all of it. It is taken by irq_dispatch(), which runs with interrupts off
// wherever interrupts are let in, that is, never while any lock is held that a handler takes;
// handlers run without it. Lock order: whatever a handler takes, then irq->lock, then the chip's
// own locks.
#include "cpu/irq.h"

#include "cpu/apic.h"
#include "cpu/asm.h"
#include "cpu/percpu.h"
#include "lib/bits.h"
#include "lib/bug.h"
#include "lib/errno.h"
#include "lib/log.h"

#define MAX_DESTINATION 254 // an APIC id is 8 bits wide in IO-APICs and messages, 255 is everybody
#define STRAY_REPORTS   4   // of one interrupt; later ones are counted only

static struct irq irqs[NR_IRQS];
static spinlock_t alloc_lock; // guards `allocated` of all
static void (*direct[256 - VECTOR_FIRST_DIRECT])(void);
static uint32_t unexpected[256];

void irq_set_direct(unsigned vector, void (*fn)(void))
{
    ASSERT(vector >= VECTOR_FIRST_DIRECT && vector < 256);
    direct[vector - VECTOR_FIRST_DIRECT] = fn;
}

// Masks or unmasks the source if the first reason came or the last one went.
static void change_mask(struct irq *irq, unsigned add, unsigned remove)
{
    unsigned old = irq->mask_reasons;
    unsigned now = (old | add) & ~remove;

    irq->mask_reasons = (uint8_t)now;
    if (!irq->chip->mask)
        return;
    if (!old && now)
        irq->chip->mask(irq);
    else if (old && !now)
        irq->chip->unmask(irq);
}

static void stray(struct irq *irq)
{
    change_mask(irq, IRQ_MASK_DISABLED, 0);
    if (irq->strays++ < STRAY_REPORTS)
        log_warn("interrupt %#x (%s %u) with nobody listening\n", irq->vector,
                 irq->chip ? irq->chip->name : "?", irq->source);
}

static void handle(struct irq *irq)
{
    irq_handler_t *handler;
    void *data;

    spin_lock(&irq->lock);
    handler = irq->handler;
    data = irq->data;
    if (!irq->allocated || !handler) {
        if (irq->allocated)
            stray(irq);
        spin_unlock(&irq->lock);
        apic_eoi();
        return;
    }
    irq->count++;
    if (irq->level)
        change_mask(irq, IRQ_MASK_IN_SERVICE, 0);
    spin_unlock(&irq->lock);
    apic_eoi();
    if (handler(irq, data) && irq->level)
        irq_finish(irq);
}

static void handle_unexpected(unsigned vector)
{
    apic_eoi();
    if (unexpected[vector]++ < STRAY_REPORTS)
        log_warn("unexpected interrupt vector %#x on CPU %u\n", vector, this_cpu());
}

void irq_dispatch(unsigned vector)
{
    if (vector >= VECTOR_FIRST_DIRECT) {
        if (vector != VECTOR_SPURIOUS) // which must not be acknowledged
            apic_eoi();
        if (direct[vector - VECTOR_FIRST_DIRECT])
            direct[vector - VECTOR_FIRST_DIRECT]();
    } else if (vector >= VECTOR_FIRST_DYNAMIC && vector <= VECTOR_LAST_DYNAMIC) {
        handle(&irqs[vector - VECTOR_FIRST_DYNAMIC]);
    } else {
        handle_unexpected(vector);
    }
}

static bool all_free(const struct irq *first, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        if (first[i].allocated)
            return false;
    return true;
}

static struct irq *find_free(unsigned count)
{
    unsigned vector = ROUND_UP((unsigned)VECTOR_FIRST_DYNAMIC, count);

    for (; vector + count - 1 <= VECTOR_LAST_DYNAMIC; vector += count)
        if (all_free(&irqs[vector - VECTOR_FIRST_DYNAMIC], count))
            return &irqs[vector - VECTOR_FIRST_DYNAMIC];
    return NULL;
}

static void init_irq(struct irq *irq, const struct irq_chip *chip, void *chip_data)
{
    spin_lock(&irq->lock); // a late arrival may look at it
    irq->vector = (uint8_t)(VECTOR_FIRST_DYNAMIC + (irq - irqs));
    irq->level = false;
    irq->mask_reasons = IRQ_MASK_DISABLED;
    irq->cpu = 0;
    irq->source = 0;
    irq->strays = 0;
    irq->count = 0;
    irq->chip = chip;
    irq->chip_data = chip_data;
    irq->handler = NULL;
    irq->data = NULL;
    irq->allocated = true;
    spin_unlock(&irq->lock);
}

struct irq *irq_alloc(unsigned count, const struct irq_chip *chip, void *chip_data)
{
    struct irq *first;

    ASSERT(count && count <= 32 && !(count & (count - 1)));
    spin_lock(&alloc_lock);
    first = find_free(count);
    if (first)
        for (unsigned i = 0; i < count; i++)
            init_irq(&first[i], chip, chip_data);
    spin_unlock(&alloc_lock);
    if (!first)
        log_warn("out of interrupt vectors: no %u free of %u\n", count, NR_IRQS);
    return first;
}

void irq_free(struct irq *irq)
{
    ASSERT(irq->allocated && !irq->handler);
    spin_lock(&alloc_lock);
    spin_lock(&irq->lock);
    irq->allocated = false;
    spin_unlock(&irq->lock);
    spin_unlock(&alloc_lock);
}

struct irq *irq_of_vector(unsigned vector)
{
    if (vector < VECTOR_FIRST_DYNAMIC || vector > VECTOR_LAST_DYNAMIC)
        return NULL;
    return irqs[vector - VECTOR_FIRST_DYNAMIC].allocated ? &irqs[vector - VECTOR_FIRST_DYNAMIC]
                                                         : NULL;
}

int irq_bind(struct irq *irq, irq_handler_t *handler, void *data)
{
    int rc = -EBUSY;

    spin_lock(&irq->lock);
    if (!irq->handler) {
        irq->handler = handler;
        irq->data = data;
        irq->chip->set_target(irq);
        change_mask(irq, 0, IRQ_MASK_DISABLED | IRQ_MASK_IN_SERVICE);
        rc = 0;
    }
    spin_unlock(&irq->lock);
    return rc;
}

void irq_unbind(struct irq *irq)
{
    spin_lock(&irq->lock);
    change_mask(irq, IRQ_MASK_DISABLED, 0);
    irq->handler = NULL;
    irq->data = NULL;
    spin_unlock(&irq->lock);
}

void irq_finish(struct irq *irq)
{
    spin_lock(&irq->lock);
    change_mask(irq, 0, IRQ_MASK_IN_SERVICE);
    spin_unlock(&irq->lock);
}

void irq_set_cpu(struct irq *irq, unsigned cpu)
{
    if (apic_id_of(cpu) > MAX_DESTINATION)
        return; // it stays where it can be delivered
    spin_lock(&irq->lock);
    if (irq->cpu != cpu) {
        irq->cpu = (uint16_t)cpu;
        irq->chip->set_target(irq);
    }
    spin_unlock(&irq->lock);
}

void irq_dump(void)
{
    log_info("vector  source         cpu  mask  trigger  count\n");
    for (unsigned i = 0; i < NR_IRQS; i++) {
        const struct irq *irq = &irqs[i];

        if (irq->allocated)
            log_info("%#6x  %-8s %4u  %4u  %s%s  %-7s  %lu%s\n", irq->vector, irq->chip->name,
                     irq->source, irq->cpu, irq->mask_reasons & IRQ_MASK_DISABLED ? "d" : "-",
                     irq->mask_reasons & IRQ_MASK_IN_SERVICE ? "s" : "-",
                     irq->level ? "level" : "edge", irq->count, irq->handler ? "" : " (unbound)");
    }
    for (unsigned v = 0; v < ARRAY_SIZE(unexpected); v++)
        if (unexpected[v])
            log_info("%#6x  unexpected: %u\n", v, unexpected[v]);
}
