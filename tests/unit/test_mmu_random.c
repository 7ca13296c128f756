// Frames and the PV MMU under random sequences of valid and invalid operations by two domains on
// three CPUs with TLBs. After each operation an independent checker recounts everything
// (mmu_check.h): no sequence ever yields a writable mapping of a page table, a mapping of somebody
// else's frame, a stale TLB entry that matters, or a reference too many or too few.
//
// MMU_SEED and MMU_STEPS in the environment choose another or a longer run.
//
// sources: hypervisor/core/memory_relinquish.c hypervisor/core/permissions.c
// sources: tests/unit/mmu_random_ops.c tests/unit/mmu_random_stale.c tests/unit/mmu_machine.c
// sources: tests/unit/mmu_calls.c tests/unit/mmu_check.c hypervisor/core/rangeset.c
// sources: hypervisor/core/memory.c hypervisor/core/memory_exchange.c
// sources: hypervisor/core/memory_map.c hypervisor/core/memory_physmap.c
// sources: hypervisor/core/memory_reservation.c hypervisor/mm/buddy.c hypervisor/mm/frame.c
// sources: hypervisor/mm/frame_type.c hypervisor/mm/heap.c hypervisor/pv/desc.c
// sources: hypervisor/pv/mmu_domain.c hypervisor/pv/mmu_grant.c hypervisor/pv/mmu_l1.c
// sources: hypervisor/pv/mmu_ptwr.c hypervisor/pv/mmu_types.c hypervisor/pv/mmu_update.c
// sources: hypervisor/pv/mmu_va.c hypervisor/pv/mmuext.c hypervisor/core/alu.c
// sources: hypervisor/core/insn.c hypervisor/pv/ptwr_insn.c
#include <CUnit/Basic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/grant.h"
#include "core/rangeset.h"
#include "mm/buddy.h"
#include "mm/paging.h"
#include "pv/mmu.h"
#include "tests/suite.h"
#include "tests/unit/mmu_random.h"

static unsigned depth; // of operations between pieces of others

maddr_t hv_translate(uint64_t va)
{
    return ~0ull;
}

int grant_table_frame(struct domain *d, unsigned index, bool status, mfn_t *mfn)
{
    return -EINVAL;
}

unsigned grant_table_max_frames(const struct domain *d)
{
    return 0;
}

static void op_switch_cpu(struct domain *d)
{
    unsigned cpu = below(NR_CPUS);

    NOTE("CPU %u goes on", cpu);
    if (one_in(4)) {
        struct domain *other = any_domain();
        struct vcpu *v = other->vcpus[below(other->max_vcpus)];

        for (unsigned i = 0; i < NR_CPUS; i++)
            if (running[i] == v && i != cpu)
                return;
        if (!to_pv(v)->root)
            return;
        running[cpu] = v;
    }
    if (running[cpu])
        run_on(cpu, running[cpu]);
}

static void one_op(void)
{
    static void (*const ops[])(struct domain *) = {
        op_mmu_update,    op_mmu_update,    op_mmu_update,       op_update_va,
        op_update_va,     op_mmuext,        op_mmuext,           op_prepare_table,
        op_make_tree,     op_access,        op_access,           op_trapped_write,
        op_trapped_write, op_switch_cpu,    op_descriptors,      op_reservation,
        op_exchange,      op_grant,         op_add_table,        op_add_table,
        op_page_to_table, op_table_to_page, op_page_to_somebody, op_lent_to_table,
    };

    ops[below(ARRAY_SIZE(ops))](current->domain);
}

// Between two pieces of a hypercall other vCPUs do something, on their CPUs.
static void interleave(void)
{
    unsigned cpu = this_cpu(), saved = preempt_one_in;
    struct vcpu *v = current;

    if (depth || !one_in(4))
        return;
    depth++;
    preempt_one_in = 0;
    for (unsigned i = 0; i < NR_CPUS; i++)
        if (running[i] && running[i] != v) {
            run_on(i, running[i]);
            one_op();
        }
    run_on(cpu, v);
    preempt_one_in = saved;
    depth--;
}

// Worlds ------------------------------------------------------------------------------------------

// Tables as a builder makes them: page i of the address space is frame i of the domain, tables and
// what else must be are read-only.
static void build(struct domain *d)
{
    struct frame *f[POOL];
    uint64_t *t[5];

    for (unsigned i = 0; i < POOL; i++)
        f[i] = frame_alloc(d, 0, 0);
    for (unsigned level = 1; level <= 4; level++)
        t[level] = mfn_to_virt(frame_to_mfn(f[level]));
    for (unsigned level = 2; level <= 4; level++)
        t[level][0] = virt_to_mfn(t[level - 1]) << 12 | 7;
    for (unsigned i = 0; i < POOL; i++)
        t[1][i] = frame_to_mfn(f[i]) << 12 | PTE_P | (i > 4 ? PTE_RW : 0);
    for (unsigned i = 0; i < d->max_vcpus; i++)
        if (pv_set_roots(to_pv(d->vcpus[i]), virt_to_mfn(t[4]), 0))
            abort();
}

static struct domain *make_domain(unsigned id)
{
    struct domain *d = machine_domain((domid_t)id, 2, MAX_POOL);

    if (id == 0)
        rangeset_add(d->io_memory, HOLE_START, HOLE_END - 9);
    build(d);
    return d;
}

static void place_vcpus(void)
{
    running[0] = doms[0]->vcpus[0];
    running[1] = doms[0]->vcpus[1];
    running[2] = doms[1]->vcpus[0];
    for (unsigned i = 0; i < NR_CPUS; i++)
        run_on(i, running[i]);
}

// The frames of a domain all come back, but for those that the other one still maps.
static const char *end_domain(unsigned n)
{
    struct domain *d = doms[n];
    const char *bad;

    for (unsigned i = 0; i < NR_CPUS; i++)
        if (running[i] && running[i]->domain == d)
            running[i] = NULL;
    machine_domain_end(d);
    bad = machine_check(doms, 2);
    if (bad)
        return bad;
    for (struct frame *f = frame_list_first(&d->mem.pages); f; f = frame_list_next(f))
        if (!lent[!n][frame_to_mfn(f)])
            return "a dead domain keeps a frame";
    return NULL;
}

static const char *run_world(uint64_t seed, unsigned steps)
{
    uint64_t free;
    const char *bad = NULL;

    machine_reset(seed);
    free = frames_free();
    doms[0] = make_domain(0);
    doms[1] = make_domain(1);
    place_vcpus();
    between_pieces = interleave;
    if (seed % 3)
        preempt_one_in = 2 + below(6);
    if (seed % 5 == 0)
        abandon_one_in = 3;
    for (unsigned i = 0; i < steps && !bad; i++) {
        one_op();
        bad = machine_check(doms, 2);
        if (bad)
            fprintf(stderr, "\nseed %lu, step %u, cpu %u, d%u: %s\n  %s\n", seed, i, this_cpu(),
                    current->domain->id, last, bad);
    }
    if (bad)
        return bad;
    between_pieces = NULL;
    bad = end_domain(1);
    if (!bad)
        bad = end_domain(0);
    if (!bad && (doms[0]->mem.nr_pages || doms[1]->mem.nr_pages))
        bad = "frames are left";
    if (!bad && (doms[0]->refs != 1 || doms[1]->refs != 1))
        bad = "a domain is still held";
    if (bad) {
        fprintf(stderr, "\nseed %lu, at the end: %s\n", seed, bad);
        return bad;
    }
    machine_domain_free(doms[1]);
    machine_domain_free(doms[0]);
    if (frames_free() != free)
        bad = "the hypervisor has lost frames";
    return bad;
}

static unsigned from_environment(const char *name, unsigned otherwise)
{
    const char *s = getenv(name);

    return s ? (unsigned)strtoul(s, NULL, 0) : otherwise;
}

static void test_random(void)
{
    unsigned first = from_environment("MMU_SEED", 1), steps = from_environment("MMU_STEPS", 1500);
    unsigned worlds = from_environment("MMU_WORLDS", 40);

    for (unsigned seed = first; seed < first + worlds; seed++) {
        const char *bad = run_world(seed, steps);

        CU_ASSERT_PTR_NULL_FATAL(bad);
    }
}

int main(void)
{
    static CU_TestInfo tests[] = {
        {"every step leaves the machine sound", test_random},
        CU_TEST_INFO_NULL,
    };

    return run_suite("PV MMU under random operations", tests);
}
