// Interrupt vectors and what is behind them. Below the exceptions' end lie the dynamic vectors, one
// for each device interrupt in use on the whole machine (cpu/irq.c), above them the hypervisor's
// own.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "cpu/spinlock.h"

enum irq_vector {
    VECTOR_FIRST_DYNAMIC = 0x30,
    VECTOR_LAST_DYNAMIC = 0xdf,
    VECTOR_FIRST_DIRECT = 0xf0,
    VECTOR_TIMER = 0xfa,
    VECTOR_KICK = 0xfc,
    VECTOR_CALL = 0xfd,
    VECTOR_ERROR = 0xfe,
    VECTOR_SPURIOUS = 0xff,
};
#define NR_IRQS (VECTOR_LAST_DYNAMIC - VECTOR_FIRST_DYNAMIC + 1)

struct irq;

// How an interrupt's source is handled. All calls are made with the interrupt's lock held.
struct irq_chip {
    const char *name;
    void (*mask)(struct irq *irq); // both NULL where the source cannot be masked
    void (*unmask)(struct irq *irq);
    void (*set_target)(struct irq *irq); // deliver irq->vector to irq->cpu from now on
};

// Returns true when the interrupt has been dealt with. A handler that returns false keeps a level
// triggered source masked until somebody calls irq_finish().
typedef bool irq_handler_t(struct irq *irq, void *data);

// Reasons why a source is masked; it is open when there is none.
#define IRQ_MASK_DISABLED   (1u << 0) // nobody listens, or the listener does not want it now
#define IRQ_MASK_IN_SERVICE (1u << 1) // level triggered, and its cause not yet removed

struct irq {
    spinlock_t lock;
    uint8_t vector;
    bool allocated;
    bool level; // the source repeats until its cause is removed
    uint8_t mask_reasons;
    uint16_t cpu;
    uint16_t source; // the chip's own: GSI, or entry number
    uint32_t strays; // arrived with nobody listening
    uint64_t count;
    const struct irq_chip *chip;
    void *chip_data;
    irq_handler_t *handler;
    void *data;
};

// Takes an external interrupt, vectors 0x20 to 0xff; called with interrupts off.
void irq_dispatch(unsigned vector);

// Names the function for one of the hypervisor's own vectors (VECTOR_FIRST_DIRECT and up); NULL:
// its arrival is all. Acknowledged before the call.
void irq_set_direct(unsigned vector, void (*fn)(void));

// Allocates `count` (1, 2, 4 .. 32) interrupts with consecutive vectors, the first a multiple of
// count, masked, without a handler, targeting CPU 0. NULL, after a message, if there are none.
struct irq *irq_alloc(unsigned count, const struct irq_chip *chip, void *chip_data);
// Gives back one; it must have no handler any more.
void irq_free(struct irq *irq);

// The interrupt with this dynamic vector; NULL if it is not allocated.
struct irq *irq_of_vector(unsigned vector);

// Sets the handler and opens the source. -EBUSY: it has one.
int irq_bind(struct irq *irq, irq_handler_t *handler, void *data);
// Masks the source and takes the handler away; it may still be running.
void irq_unbind(struct irq *irq);
// The cause of a level triggered interrupt is gone: it may come again.
void irq_finish(struct irq *irq);
// Delivers it to another CPU from now on; stays with the old one if the new one cannot be
// addressed.
void irq_set_cpu(struct irq *irq, unsigned cpu);

// Prints all interrupts in use (debug key 'i').
void irq_dump(void);
