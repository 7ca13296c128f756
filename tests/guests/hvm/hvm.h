// The runtime of the bare PVH guest: the machine as the processor shows it. All its memory lies
// where it lies physically; 4 GB are mapped so.
#pragma once

#include "tests/guests/common/guest.h"
#include "tests/guests/common/instructions.h"

#define UPCALL_VECTOR 0xf3
#define LAPIC_BASE    0xfee00000ul
// Guest-physical addresses behind which there is no memory, of the hypervisor's or of anybody's.
#define HOLE 0xd0000000ul

struct hvm_start_info;
extern const struct hvm_start_info *hvm_info;

// The first of the hypervisor's CPUID leaves.
extern uint32_t hypervisor_leaf;

// How often each vector has come that is not an exception (but for 2, NMI).
extern volatile unsigned interrupt_count[256];
// Waits, halted, until one more than `seen` of them have come; false after `ns`.
bool interrupt_wait(uint8_t vector, unsigned seen, uint64_t ns);

static inline bool interrupts_on(void)
{
    uint64_t flags;

    __asm__ volatile("pushf; pop %0" : "=r"(flags));
    return flags & RFLAGS_IF;
}

static inline volatile uint32_t *lapic(unsigned offset)
{
    return (volatile uint32_t *)(LAPIC_BASE + offset);
}

// Registers of the local APIC.
#define LAPIC_ID        0x20
#define LAPIC_VERSION   0x30
#define LAPIC_TPR       0x80
#define LAPIC_EOI       0xb0
#define LAPIC_SVR       0xf0
#define LAPIC_ICR       0x300
#define LAPIC_ICR2      0x310
#define LAPIC_LVT_TIMER 0x320
#define LAPIC_COUNT     0x380
#define LAPIC_NOW       0x390
#define LAPIC_DIVIDE    0x3e0
#define MSR_APIC_BASE   0x1b
#define MSR_EFER        0xc0000080

// Enabled, nothing masked by priority, the timer stopped; xAPIC mode.
void lapic_setup(void);

long add_to_physmap(unsigned space, uint64_t idx, uint64_t gfn);
long hvm_param_get(unsigned index, uint64_t *value);
long hvm_param_set(unsigned index, uint64_t value);

// Measures what exits cost, and ends the guest, if asked to.
void bench_if_asked(void);

// Does what must end this guest, and nobody else (die=NAME); returns if there is no such name.
void die_if_asked(void);
