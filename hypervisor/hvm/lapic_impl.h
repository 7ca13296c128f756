// What the files of the local APIC share.
#pragma once

#include "hvm/hvm.h"
#include "lib/bits.h"

enum {
    R_ID = 0x20,
    R_VERSION = 0x30,
    R_TPR = 0x80,
    R_PPR = 0xa0,
    R_EOI = 0xb0,
    R_LDR = 0xd0,
    R_DFR = 0xe0,
    R_SVR = 0xf0,
    R_ISR = 0x100,
    R_TMR = 0x180,
    R_IRR = 0x200,
    R_ESR = 0x280,
    R_LVT_CMCI = 0x2f0,
    R_ICR = 0x300,
    R_ICR2 = 0x310,
    R_LVT_TIMER = 0x320,
    R_LVT_LINT0 = 0x350,
    R_LVT_ERROR = 0x370,
    R_TIMER_COUNT = 0x380,
    R_TIMER_NOW = 0x390,
    R_TIMER_DIVIDE = 0x3e0,
    R_SELF_IPI = 0x3f0,
};

#define LAPIC_BASE_BSP     (1u << 8)
#define LAPIC_BASE_X2APIC  (1u << 10)
#define LAPIC_BASE_ENABLED (1u << 11)
#define LAPIC_SVR_ENABLED  (1u << 8)
#define LAPIC_FIRST_VECTOR 16 // below it are exceptions: not to be sent

// Delivery modes, in bits 8 to 10 of whatever asks for an interrupt.
enum {
    MODE_FIXED = 0,
    MODE_LOWEST = 1,
    MODE_NMI = 4,
    MODE_INIT = 5,
    MODE_STARTUP = 6,
    MODE_EXTINT
};

static inline uint32_t *lapic_reg(struct lapic *l, unsigned offset)
{
    return &l->regs[offset / 4];
}

static inline uint32_t lapic_get(const struct lapic *l, unsigned offset)
{
    return READ_ONCE(l->regs[offset / 4]);
}

// Of ISR, TMR or IRR, the word that has a vector's bit.
static inline uint32_t *lapic_word(struct lapic *l, unsigned base, uint8_t vector)
{
    return lapic_reg(l, base + vector / 32 * 16u);
}

static inline bool lapic_is_x2apic(const struct lapic *l)
{
    return l->base_msr & LAPIC_BASE_X2APIC;
}

static inline bool lapic_is_enabled(const struct lapic *l)
{
    return (l->base_msr & LAPIC_BASE_ENABLED) && (lapic_get(l, R_SVR) & LAPIC_SVR_ENABLED);
}

static inline uint32_t lapic_id(const struct hvm_vcpu *v)
{
    return v->v.id * 2; // as the ABI numbers them, and the tools' tables say
}

// The class of what is being served, or the task's own if that is higher.
uint32_t lapic_priority(const struct lapic *l);
