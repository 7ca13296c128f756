// Interrupts and exceptions by the processor's own table; pages.
#include "pv-abi/hvm/params.h"
#include "tests/guests/hvm/hvm.h"

#define POOL_PAGES 64

volatile unsigned interrupt_count[256];
extern uint8_t interrupt_stubs[256][16];

static struct {
    uint16_t offset0, selector, flags, offset1;
    uint32_t offset2, zero;
} idt[256];

static uint8_t pool[POOL_PAGES][PAGE_SIZE] __attribute__((aligned(4096)));
static unsigned pool_used;

// Traps
// ------------------------------------------------------------------------

static void load_idt(void)
{
    const struct __attribute__((packed)) {
        uint16_t limit;
        uint64_t base;
    } pointer = {sizeof(idt) - 1, (uint64_t)idt};

    __asm__ volatile("lidt %0" : : "m"(pointer));
}

void trap_restore(void)
{
    load_idt();
    if (hvm_param_set(HVM_PARAM_CALLBACK_IRQ,
                      (uint64_t)HVM_PARAM_CALLBACK_TYPE_VECTOR << 56 | UPCALL_VECTOR))
        print("FATAL cannot set the vector of upcalls\n");
}

void trap_init(void)
{
    for (unsigned v = 0; v < 256; v++) {
        uint64_t entry = (uint64_t)interrupt_stubs[v];

        idt[v].offset0 = (uint16_t)entry;
        idt[v].selector = 8;
        idt[v].flags = 0x8e00; // an interrupt gate
        idt[v].offset1 = (uint16_t)(entry >> 16);
        idt[v].offset2 = (uint32_t)(entry >> 32);
    }
    trap_restore();
}

static void end_of_interrupt(void)
{
    if (rdmsr(MSR_APIC_BASE) & 0x400)
        wrmsr(0x800 + LAPIC_EOI / 16, 0);
    else
        *lapic(LAPIC_EOI) = 0;
}

void trap_dispatch(struct regs *regs)
{
    struct vcpu_block *vcpu = this_vcpu();
    uint64_t cr2 = READ_CR(2);

    if (regs->vector == UPCALL_VECTOR) {
        events_upcall();
        return;
    }
    if (trap_hook && trap_hook(regs))
        return;
    if (regs->vector >= 32 || regs->vector == 2) {
        interrupt_count[regs->vector]++;
        if (regs->vector != 2)
            end_of_interrupt();
        return;
    }
    if (vcpu->catching)
        trap_caught(regs, cr2);
    test_fail_now("unexpected vector 0x%lx error 0x%lx rip 0x%lx cs 0x%lx rsp 0x%lx cr2 0x%lx",
                  regs->vector, regs->error, regs->rip, regs->cs, regs->rsp, cr2);
}

// The interrupt flag
// ------------------------------------------------------------------------

void events_disable(void)
{
    __asm__ volatile("cli" : : : "memory");
}

void events_enable(void)
{
    __asm__ volatile("sti" : : : "memory");
}

void events_block(void)
{
    __asm__ volatile("sti; hlt" : : : "memory");
}

bool interrupt_wait(uint8_t vector, unsigned seen, uint64_t ns)
{
    uint64_t deadline = time_now() + ns;

    while (interrupt_count[vector] == seen && time_now() < deadline) {
        events_disable();
        hc(set_timer_op, deadline);
        if (interrupt_count[vector] == seen)
            events_block();
        events_enable();
    }
    hc(set_timer_op, 0);
    return interrupt_count[vector] != seen;
}

// Pages
// ------------------------------------------------------------------------

void *pages_alloc(unsigned n)
{
    void *page = pool[pool_used];

    if (pool_used + n > POOL_PAGES)
        test_fail_now("no page left");
    pool_used += n;
    return memset(page, 0, n * PAGE_SIZE);
}

void *page_alloc(void)
{
    return pages_alloc(1);
}

unsigned pool_release(void)
{
    pool_used = 0;
    return 0;
}
