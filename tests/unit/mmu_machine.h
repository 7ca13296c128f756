// A machine for the tests of frames and the PV MMU: memory managed by the real mm/, PV domains
// without a kernel, and CPUs with a TLB that forgets nothing until it is told to.
#pragma once

#include "pv/domain.h"

#define RAM_FRAMES 1024
#define HOLE_START 512 // device memory in the middle of it
#define HOLE_END   544
#define NR_CPUS    3
#define MAX_TLB    64

// What a CPU remembers of a translation. level 1: of a page; 2 to 4: that the entry of that level
// leads to table `mfn` (paging-structure caches).
struct tlb_entry {
    bool valid, writable, global;
    unsigned level;
    uint64_t va; // of the first page that it concerns
    mfn_t mfn;
    struct domain *domain;
};

struct machine_cpu {
    uint64_t cr3, cr4;
    struct vcpu *vcpu;
    struct tlb_entry tlb[MAX_TLB];
};
extern struct machine_cpu machine_cpus[NR_CPUS];

// Empty machine, all memory free.
void machine_reset(uint64_t seed);
uint64_t random64(void);
static inline unsigned below(unsigned n)
{
    return (unsigned)(random64() % n);
}
static inline bool one_in(unsigned n)
{
    return below(n) == 0;
}

// A PV domain with vCPUs that have no root tables yet; domain 0 is privileged.
struct domain *machine_domain(domid_t id, unsigned vcpus, unsigned max_pages);
// Takes the domain's memory back, as its end does; returns when all is done. Its structure stays.
void machine_domain_end(struct domain *d);
void machine_domain_free(struct domain *d);

// This thread is CPU `cpu`; it runs v from now on, with v's root tables loaded.
void run_on(unsigned cpu, struct vcpu *v);
void idle_on(unsigned cpu);
// The same for a thread that stays that CPU; several may run at once with model_tlb off.
void machine_thread(unsigned cpu, struct vcpu *v);

// preempt_check says yes once in so many calls; 0: never.
extern __thread unsigned preempt_one_in;
// Hypercalls, executed again as long as they ask for it; `abandon`: one time in so many they are
// not.
extern __thread unsigned abandon_one_in;
// Called between the pieces of a preempted hypercall, if set: what else happens in the machine.
extern void (*between_pieces)(void);
struct mmu_update;
struct mmuext_op;
long call_mmu_update(struct mmu_update *r, unsigned n, unsigned dom, unsigned *done);
long call_mmuext(struct mmuext_op *ops, unsigned n, unsigned dom, unsigned *done);
long call_memory_op(unsigned cmd, void *arg);

// The CPU accesses an address with the root tables that it has loaded: looks into its TLB, then
// walks and remembers. False: fault. *e is the translation.
bool cpu_access(unsigned cpu, uint64_t va, bool write, struct tlb_entry *e);
// Off where several threads are CPUs at once.
extern bool model_tlb;

// The root tables' hypervisor entries.
extern uint64_t machine_pml4[512];
// Exceptions that the MMU raised in the guest.
extern __thread unsigned injected;
