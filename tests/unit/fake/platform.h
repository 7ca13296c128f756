// A machine for test programs: some memory at the place of the direct map, domains without a
// kernel, CPUs that are threads. Everything is the test's to look at.
#pragma once

#include "core/domain.h"

#define FAKE_FRAMES 8192 // of machine memory; frame 0 is never given out

// Starts afresh: no domains, all memory free. Reports what the test before has leaked: returns the
// number of pages and objects that were still allocated.
unsigned fake_reset(void);
unsigned fake_pages_in_use(void);
unsigned fake_objects_in_use(void);

// A domain with vCPUs up and running; its shared_info and vCPU areas are there. No room's init
// function has been called for it.
struct domain *fake_domain(domid_t id, unsigned nr_vcpus, bool privileged);
// Forgets the domain: domain_get_by_id no longer finds it. Its memory goes with fake_domain_free.
void fake_domain_remove(struct domain *d);
void fake_domain_free(struct domain *d);
// The guest kind of domains made from now on.
extern struct domain_ops fake_ops;

// What the scheduler was told.
extern unsigned fake_kicks, fake_wakes;
extern struct vcpu *fake_last_kicked, *fake_last_woken;

// Called by whoever waits for a lock.
extern void (*fake_on_wait)(void);

// preempt_check says yes every that many calls; 0: never.
extern unsigned fake_preempt_every;
// The next n allocations succeed, then they fail; negative: never.
extern int fake_alloc_budget;
// A hypercall that was continued: its number and arguments. hypercall_continue counts.
extern unsigned fake_continued, fake_hypercall;
extern uint64_t fake_hypercall_args[6];

// Guest addresses are the test's own pointers; this range faults.
#define FAKE_FAULT_ADDRESS 0x1000ull
#define FAKE_FAULT_END     0x100000ull
static inline uint64_t guest_address(const void *p)
{
    return (uint64_t)(uintptr_t)p;
}

// Ordinary memory of a domain; the allocation's reference is the only one. frames.c
struct frame *fake_guest_frame(struct domain *d);
static inline void *fake_frame_va(const struct frame *f)
{
    return mfn_to_virt(frame_to_mfn(f));
}
uint64_t fake_frame_refs(const struct frame *f);
uint64_t fake_frame_types(const struct frame *f);
// TLB flushes are counted, and a test may look at the world at each.
extern unsigned fake_tlb_flushes;
extern void (*fake_on_tlb_flush)(void);

// Random numbers, reproducible.
void fake_seed(uint64_t seed);
uint64_t fake_random(void);
static inline unsigned fake_below(unsigned n)
{
    return (unsigned)(fake_random() % n);
}
