// TLB flushing. Mappings of guests' user pages and of the hypervisor are global (PTE_G): they
// survive a mere reload of CR3. See mm/tlb.c for the lazy protocol.
#pragma once

#include "cpu/percpu.h"

// Flush on this CPU: everything; one address.
void tlb_flush_local_global(void);
void tlb_flush_local_one(uint64_t va);
// While cpu_info()->soft_tlb is not NULL: what a flush on that CPU calls first, for an address or
// all.
extern void (*tlb_soft_drop)(uint64_t va);
#define TLB_ALL (~0ull)
// Loads CR3 and drops everything, global or not, of the old one.
void tlb_switch_cr3(uint64_t cr3);

// Everything, or one address, on every CPU of mask, this one included if it is in it; returns when
// done.
void tlb_flush_mask(cpumask_t mask);
void tlb_flush_mask_one(cpumask_t mask, uint64_t va);

// A lazy protocol for frames that change hands: tlb_clock_now() is stored in a frame when its last
// reference as a page of some type goes; before it is used in another way, tlb_flush_since(mask,
// stamp) flushes those CPUs of mask that have not flushed everything since.
extern uint64_t tlb_clock;
static inline uint32_t tlb_clock_now(void)
{
    return (uint32_t)__atomic_load_n(&tlb_clock, __ATOMIC_SEQ_CST);
}
void tlb_flush_since(cpumask_t mask, uint32_t stamp);
// The later of two stamps.
uint32_t tlb_stamp_max(uint32_t a, uint32_t b);
