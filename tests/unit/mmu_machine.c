#include "tests/unit/mmu_machine.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "core/hypercall.h"
#include "core/hypercall_table.h"
#include "core/rangeset.h"
#include "cpu/asm.h"
#include "cpu/desc.h"
#include "cpu/features.h"
#include "cpu/smp.h"
#include "lib/errno.h"
#include "lib/log.h"
#include "mm/alloc.h"
#include "mm/buddy.h"
#include "mm/guest.h"
#include "mm/paging.h"
#include "pv/soft_tlb.h"
#include "pv/cpu.h"
#include "pv/desc.h"
#include "pv/mmu.h"
#include "pv-abi/memory.h"
#include "pv-abi/mmu.h"

// The control registers of the machine's CPUs, for mm/tlb.c.
static void set_cr3(uint64_t value);
static void set_cr4(uint64_t value);
static void drop_page(uint64_t va);
#define read_cr3()   (machine_cpus[this_cpu()].cr3)
#define read_cr4()   (machine_cpus[this_cpu()].cr4)
#define write_cr3(v) set_cr3(v)
#define write_cr4(v) set_cr4(v)
#define invlpg(va)   drop_page(va)
#include "hypervisor/mm/tlb.c"

struct machine_cpu machine_cpus[NR_CPUS];
__thread struct cpu_info fake_cpu_info;
static struct cpu_info cpu_info_store[NR_CPUS];
struct cpu_info *cpu_infos[MAX_CPUS];
unsigned nr_cpus = NR_CPUS;
cpumask_t cpus_online = (1u << NR_CPUS) - 1;
mfn_t max_mfn = RAM_FRAMES;
uint64_t machine_pml4[512] __attribute__((aligned(4096)));
uint64_t *hv_pml4 = machine_pml4;
struct cpu_features cpu_features = {.phys_bits = 46};
uint64_t cpu_gdt_mfn[MAX_CPUS];
struct domain *dom0, *dom_io, *dom_xen;
bool model_tlb = true;
__thread unsigned preempt_one_in, abandon_one_in, injected;

static struct domain *all_domains[8];
static __thread uint64_t random_state = 1;
static uint64_t thread_seed; // of machine_thread()

uint64_t random64(void)
{
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return random_state * 0x2545f4914f6cdd1dull;
}

// TLBs --------------------------------------------------------------------------------------------

static void drop(struct machine_cpu *c, bool also_global)
{
    for (unsigned i = 0; i < MAX_TLB; i++)
        if (also_global || !c->tlb[i].global)
            c->tlb[i].valid = false;
}

static void set_cr3(uint64_t value)
{
    machine_cpus[this_cpu()].cr3 = value;
    drop(&machine_cpus[this_cpu()], false);
}

static void set_cr4(uint64_t value)
{
    struct machine_cpu *c = &machine_cpus[this_cpu()];

    if ((c->cr4 ^ value) & CR4_PGE)
        drop(c, true);
    c->cr4 = value;
}

// A page, and by architecture all that is cached of the upper levels.
static void drop_page(uint64_t va)
{
    struct machine_cpu *c = &machine_cpus[this_cpu()];

    for (unsigned i = 0; i < MAX_TLB; i++)
        if (c->tlb[i].level > 1 || c->tlb[i].va == (va & PAGE_MASK))
            c->tlb[i].valid = false;
}

static void remember(unsigned cpu, struct tlb_entry e)
{
    if (model_tlb)
        machine_cpus[cpu].tlb[below(MAX_TLB)] = e;
}

// The best known start of a walk: the lowest level that is cached.
static mfn_t cached_start(unsigned cpu, uint64_t va, unsigned *level, bool *writable)
{
    struct machine_cpu *c = &machine_cpus[cpu];
    mfn_t table = c->cr3 >> PAGE_SHIFT;

    *level = 4;
    *writable = true;
    if (one_in(2)) // caches may be used, or not
        return table;
    for (unsigned i = 0; i < MAX_TLB; i++) {
        struct tlb_entry *e = &c->tlb[i];
        unsigned shift = 12 + 9 * (e->level - 1);

        if (e->valid && e->level > 1 && e->va >> shift == va >> shift && e->level - 1 < *level) {
            *level = e->level - 1;
            *writable = e->writable;
            table = e->mfn;
        }
    }
    return table;
}

bool cpu_access(unsigned cpu, uint64_t va, bool write, struct tlb_entry *out)
{
    struct machine_cpu *c = &machine_cpus[cpu];
    struct tlb_entry e = {.valid = true, .domain = c->vcpu ? c->vcpu->domain : NULL};
    unsigned level;
    mfn_t table;

    for (unsigned i = 0; i < MAX_TLB; i++)
        if (c->tlb[i].valid && c->tlb[i].level == 1 && c->tlb[i].va == (va & PAGE_MASK) &&
            (!write || c->tlb[i].writable)) {
            *out = c->tlb[i];
            return true;
        }
    table = cached_start(cpu, va, &level, &e.writable);
    for (;; level--) {
        uint64_t *p = (uint64_t *)mfn_to_virt(table) + (va >> (12 + 9 * (level - 1)) & 511);
        uint64_t entry = *p;

        if (!(entry & PTE_P) || !(entry & PTE_US))
            return false;
        e.writable &= !!(entry & PTE_RW);
        e.level = level;
        e.mfn = PTE_TO_MFN(entry);
        e.va = va & ~((1ull << (12 + 9 * (level - 1))) - 1);
        if (level == 1) {
            if (write && !e.writable)
                return false;
            e.global = entry & PTE_G;
            __atomic_fetch_or(p, PTE_A | (write ? PTE_D : 0), __ATOMIC_SEQ_CST);
            remember(cpu, e);
            *out = e;
            return true;
        }
        __atomic_fetch_or(p, PTE_A, __ATOMIC_SEQ_CST);
        remember(cpu, e);
        if (e.mfn >= max_mfn)
            return false; // into the hypervisor's own tables
        table = e.mfn;
    }
}

// CPUs --------------------------------------------------------------------------------------------

static void leave(unsigned cpu)
{
    cpu_info_store[cpu] = fake_cpu_info;
}

void idle_on(unsigned cpu)
{
    leave(fake_cpu_info.cpu);
    fake_cpu_info = cpu_info_store[cpu];
    fake_cpu_info.cpu = cpu;
    if (machine_cpus[cpu].vcpu) {
        struct domain *d = machine_cpus[cpu].vcpu->domain;

        tlb_switch_cr3(0);
        __atomic_fetch_and(&d->mem.dirty_cpus, ~cpumask_of(cpu), __ATOMIC_SEQ_CST);
    }
    machine_cpus[cpu].vcpu = NULL;
    fake_cpu_info.vcpu = NULL;
}

void run_on(unsigned cpu, struct vcpu *v)
{
    leave(fake_cpu_info.cpu);
    fake_cpu_info = cpu_info_store[cpu];
    fake_cpu_info.cpu = cpu;
    if (machine_cpus[cpu].vcpu != v) {
        if (machine_cpus[cpu].vcpu && machine_cpus[cpu].vcpu->domain != v->domain)
            __atomic_fetch_and(&machine_cpus[cpu].vcpu->domain->mem.dirty_cpus, ~cpumask_of(cpu),
                               __ATOMIC_SEQ_CST);
        __atomic_fetch_or(&v->domain->mem.dirty_cpus, cpumask_of(cpu), __ATOMIC_SEQ_CST);
        machine_cpus[cpu].vcpu = v;
        tlb_switch_cr3(to_pv(v)->root << PAGE_SHIFT);
    }
    v->cpu = cpu;
    fake_cpu_info.vcpu = v;
    fake_cpu_info.kernel_cr3 = to_pv(v)->root << PAGE_SHIFT;
    fake_cpu_info.user_cr3 = to_pv(v)->user_root << PAGE_SHIFT;
}

void machine_thread(unsigned cpu, struct vcpu *v)
{
    memset(&fake_cpu_info, 0, sizeof(fake_cpu_info));
    fake_cpu_info.cpu = cpu;
    random_state = (thread_seed + cpu * 0x9e3779b97f4a7c15ull) | 1;
    run_on(cpu, v);
}

// With one thread the others' CPUs are idle meanwhile; with several, only TLBs are called for, and
// those are not modelled then.
void smp_call(cpumask_t mask, void (*fn)(void *), void *arg)
{
    unsigned self = fake_cpu_info.cpu, cpu;

    if (!model_tlb) { // the others would have to be stopped: nothing that they hold matters
        if (mask & cpumask_of(self))
            fn(arg);
        return;
    }
    for_each_cpu (cpu, mask & cpus_online) {
        fake_cpu_info.cpu = cpu;
        fn(arg);
    }
    fake_cpu_info.cpu = self;
}

void smp_serve(void)
{
    sched_yield();
}

bool preempt_check(void)
{
    return preempt_one_in && one_in(preempt_one_in);
}

// No log of dirty frames is ever on here.
void soft_tlb_use(struct pv_vcpu *v)
{
    abort();
}

void dirty_log_stop(struct domain *d)
{
}

void pv_forget(struct domain *d)
{
    unsigned self = fake_cpu_info.cpu;

    for (unsigned cpu = 0; cpu < NR_CPUS; cpu++)
        if (machine_cpus[cpu].vcpu && machine_cpus[cpu].vcpu->domain == d)
            idle_on(cpu);
    leave(fake_cpu_info.cpu);
    fake_cpu_info = cpu_info_store[self];
    fake_cpu_info.cpu = self;
}

void pv_inject(struct cpu_user_regs *regs, unsigned vector, uint32_t error)
{
    injected++;
}

void pv_inject_page_fault(struct cpu_user_regs *regs, uint64_t addr, uint32_t error)
{
    injected++;
}

void gdt_load(uint64_t base)
{
}

void ldt_load(uint64_t base, unsigned entries)
{
}

// Domains -----------------------------------------------------------------------------------------

static const struct domain_ops ops = {
    .name = "pv", .kind = GUEST_PV, .grant_map = pv_grant_map, .grant_unmap = pv_grant_unmap};

struct domain *machine_domain(domid_t id, unsigned vcpus, unsigned max_pages)
{
    struct pv_domain *pvd = pages_alloc(2);
    struct domain *d = &pvd->d;

    _Static_assert(sizeof(*pvd) <= 4 * PAGE_SIZE && sizeof(struct pv_vcpu) <= 4 * PAGE_SIZE, "");
    d->id = id;
    d->ops = &ops;
    d->refs = 1;
    d->privileged = id == 0;
    d->max_vcpus = vcpus;
    d->mem.max_pages = max_pages;
    d->vm_assist = ~0ull >> 32; // all but m2p_strict
    d->io_memory = rangeset_new();
    d->vcpus = xzalloc_array(struct vcpu *, vcpus);
    d->shared_info = pages_alloc(0);
    frame_share(d->shared_info, d, true);
    if (pv_domain_init(d))
        abort();
    for (unsigned i = 0; i < vcpus; i++) {
        struct pv_vcpu *v = pages_alloc(2);

        v->v.id = i;
        v->v.domain = d;
        v->kernel_mode = true;
        d->vcpus[i] = &v->v;
        if (pv_desc_vcpu_init(v))
            abort();
    }
    for (unsigned i = 0; i < ARRAY_SIZE(all_domains); i++)
        if (!all_domains[i]) {
            all_domains[i] = d;
            break;
        }
    if (id == 0)
        dom0 = d;
    return d;
}

void machine_domain_end(struct domain *d)
{
    frame_close(d);
    while (pv_domain_relinquish(d) == -ERESTART)
        ;
}

void machine_domain_free(struct domain *d)
{
    for (unsigned i = 0; i < d->max_vcpus; i++)
        pages_free(d->vcpus[i], 2);
    for (unsigned i = 0; i < ARRAY_SIZE(all_domains); i++)
        if (all_domains[i] == d)
            all_domains[i] = NULL;
    pages_free(d->shared_info, 0);
    pv_domain_destroy(d);
    xfree(d->vcpus);
    rangeset_free(d->io_memory);
    pages_free(d, 2);
}

struct domain *domain_get_by_id(domid_t id)
{
    if (id == DOMID_SELF)
        return domain_get(current->domain) ? current->domain : NULL;
    for (unsigned i = 0; i < ARRAY_SIZE(all_domains); i++)
        if (all_domains[i] && all_domains[i]->id == id)
            return domain_get(all_domains[i]) ? all_domains[i] : NULL;
    return NULL;
}

bool domain_get(struct domain *d)
{
    __atomic_fetch_add(&d->refs, 1, __ATOMIC_SEQ_CST);
    return true;
}

void domain_put(struct domain *d)
{
    if (__atomic_fetch_sub(&d->refs, 1, __ATOMIC_SEQ_CST) == 0)
        panic("d%u: a reference too many given back\n", d->id);
}

static void hold(struct domain *d)
{
    domain_get(d);
}

// The machine -------------------------------------------------------------------------------------

static void map(uint64_t start, size_t size)
{
    void *va = mmap((void *)start, size, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE | MAP_NORESERVE, -1, 0);

    if (va != (void *)start)
        panic("cannot map the machine's memory at %lx\n", start);
}

__attribute__((constructor)) static void map_memory(void)
{
    static const struct frame_owner_ops owner_ops = {.hold = hold, .release = domain_put};

    map(DIRECTMAP_START, RAM_FRAMES * PAGE_SIZE);
    map(FRAMETABLE_START, RAM_FRAMES * sizeof(struct frame));
    map(M2P_RW_START, RAM_FRAMES * sizeof(uint64_t));
    frame_register_owner_ops(&owner_ops);
    pv_mmu_init();
    // Something to be recognized by, and out of reach of the model's walks.
    for (unsigned i = HV_FIRST_SLOT; i <= HV_LAST_SLOT; i++)
        machine_pml4[i] = (0x1000000ull + i) << PAGE_SHIFT | PTE_P | PTE_RW;
    for (mfn_t mfn = 1; mfn < RAM_FRAMES; mfn++)
        if (mfn < HOLE_START || mfn >= HOLE_END)
            mfn_to_frame(mfn)->kind = FRAME_HYPERVISOR;
    buddy_add_range(16, HOLE_START);
    buddy_add_range(HOLE_END, RAM_FRAMES);
}

void machine_reset(uint64_t seed)
{
    random_state = seed * 0x9e3779b97f4a7c15ull | 1;
    for (unsigned i = 0; i < 10; i++)
        random64();
    thread_seed = random64();
    preempt_one_in = abandon_one_in = 0;
    for (unsigned i = 0; i < NR_CPUS; i++) {
        memset(&machine_cpus[i], 0, sizeof(machine_cpus[i]));
        machine_cpus[i].cr4 = CR4_PGE;
        memset(&cpu_info_store[i], 0, sizeof(cpu_info_store[i]));
        cpu_info_store[i].cpu = i;
    }
    memset(&fake_cpu_info, 0, sizeof(fake_cpu_info));
    if (!dom_io) {
        dom_io = pages_alloc(1);
        dom_io->id = DOMID_IO;
        dom_xen = pages_alloc(1);
        dom_xen->id = DOMID_XEN;
    }
}
