// The PV MMU on CPUs that are threads: they work on the same few frames and tables of one domain at
// once; now and then all stop and everything is recounted. TLBs are not modelled here
// (test_mmu_random does).
//
// sources: hypervisor/core/memory_relinquish.c hypervisor/core/permissions.c
// sources: tests/unit/mmu_machine.c tests/unit/mmu_calls.c tests/unit/mmu_check.c
// sources: hypervisor/core/rangeset.c hypervisor/mm/buddy.c hypervisor/mm/frame.c
// sources: hypervisor/mm/frame_type.c hypervisor/mm/heap.c hypervisor/pv/desc.c
// sources: hypervisor/pv/mmu_domain.c hypervisor/pv/mmu_grant.c hypervisor/pv/mmu_l1.c
// sources: hypervisor/pv/mmu_ptwr.c hypervisor/pv/mmu_types.c hypervisor/pv/mmu_update.c
// sources: hypervisor/pv/mmu_va.c hypervisor/pv/mmuext.c hypervisor/core/alu.c
// sources: hypervisor/core/insn.c hypervisor/pv/ptwr_insn.c
#include <CUnit/Basic.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/hypercall_table.h"
#include "core/rangeset.h"
#include "mm/buddy.h"
#include "mm/paging.h"
#include "pv-abi/mmu.h"
#include "pv/mmu.h"
#include "pv/pt.h"
#include "tests/suite.h"
#include "tests/unit/mmu_check.h"
#include "tests/unit/mmu_machine.h"

#define POOL   20
#define ROUNDS 300
#define STEPS  2000

static struct domain *dom;
static mfn_t frame[POOL];
static pthread_barrier_t barrier;
static const char *bad;

static mfn_t any(void)
{
    return frame[below(POOL)];
}

static uint64_t entry(unsigned level)
{
    uint64_t e = any() << 12 | PTE_A;

    e |= one_in(4) ? 0 : PTE_P;
    e |= one_in(2) ? PTE_RW : 0;
    return one_in(2) ? e | PTE_US : e;
}

static void op_update(void)
{
    struct mmu_update r[2];

    for (unsigned i = 0; i < 2; i++) {
        r[i].ptr = any() << 12 | below(8) * 8 | (one_in(3) ? MMU_PT_UPDATE_PRESERVE_AD : 0);
        r[i].val = entry(1);
    }
    call_mmu_update(r, 1 + below(2), DOMID_SELF, NULL);
}

static void op_ext(void)
{
    struct mmuext_op op = {.cmd = one_in(2) ? MMUEXT_UNPIN_TABLE : MMUEXT_PIN_L1_TABLE + below(4),
                           .arg1.mfn = any()};

    if (one_in(6))
        op.cmd = one_in(2) ? MMUEXT_NEW_BASEPTR : MMUEXT_NEW_USER_BASEPTR;
    call_mmuext(&op, 1, DOMID_SELF, NULL);
}

static void op_va(void)
{
    do_update_va_mapping((uint64_t)below(POOL) << 12, entry(1), UVMF_NONE);
}

// A store by the guest: to a page that it may write, while it may.
static void op_store(void)
{
    mfn_t mfn = any();

    if (!frame_get_writable(mfn_to_frame(mfn), frame_owner_id(dom)))
        return;
    if (one_in(2))
        memset(mfn_to_virt(mfn), 0, PAGE_SIZE);
    for (unsigned n = below(3); n; n--)
        __atomic_store_n(&((uint64_t *)mfn_to_virt(mfn))[below(8)], entry(1), __ATOMIC_RELAXED);
    frame_put_and_type(mfn_to_frame(mfn));
}

static void op_trapped(void)
{
    static const uint8_t code[16] = {0xf0, 0x48, 0x0f, 0xba, 0x32, 0x01}; // lock btrq $1,(%rdx)
    struct cpu_user_regs regs = {.error_code = 7, .rip = (uint64_t)code};

    pv_mmu_fault(&regs, (uint64_t)below(POOL) << 12 | below(8) * 8);
}

static void op_free(void)
{
    struct frame *f = mfn_to_frame(any());
    struct frame *other;

    // Half of a decrease, and a populate: the pool's numbers stay, the frame may change hands.
    if (!frame_get(f, dom))
        return;
    other = frame_alloc(dom, 0, 0);
    if (other)
        frame_release_allocation(other);
    frame_put(f);
}

// One table that only its pin keeps: CPU 0 pins and unpins it, the others store to it all the time.
static void *pin_main(void *arg)
{
    unsigned cpu = (unsigned)(uintptr_t)arg;
    struct mmuext_op pin = {.cmd = MMUEXT_PIN_L1_TABLE, .arg1.mfn = frame[10]};
    struct mmuext_op unpin = {.cmd = MMUEXT_UNPIN_TABLE, .arg1.mfn = frame[10]};
    struct mmu_update r;

    machine_thread(cpu, dom->vcpus[cpu]);
    pthread_barrier_wait(&barrier);
    for (unsigned i = 0; i < 200000; i++) {
        if (cpu == 0) {
            call_mmuext(&pin, 1, DOMID_SELF, NULL);
            call_mmuext(&unpin, 1, DOMID_SELF, NULL);
            continue;
        }
        r.ptr = frame[10] << 12 | below(4) * 8;
        r.val = frame[11 + below(4)] << 12 | PTE_RW | (one_in(2) ? PTE_P : 0);
        call_mmu_update(&r, 1, DOMID_SELF, NULL);
    }
    return NULL;
}

static void *cpu_main(void *arg)
{
    static void (*const ops[])(void) = {op_update, op_update, op_update,  op_ext, op_ext,
                                        op_va,     op_store,  op_trapped, op_free};
    unsigned cpu = (unsigned)(uintptr_t)arg;

    machine_thread(cpu, dom->vcpus[cpu]);
    preempt_one_in = 4;
    for (unsigned round = 0; round < ROUNDS; round++) {
        for (unsigned i = 0; i < STEPS; i++)
            ops[below(ARRAY_SIZE(ops))]();
        pthread_barrier_wait(&barrier);
        if (cpu == 0 && !bad)
            bad = machine_check(&dom, 1);
        pthread_barrier_wait(&barrier);
        if (bad)
            break;
    }
    return NULL;
}

static void build(void)
{
    uint64_t *t[5];

    dom = machine_domain(0, NR_CPUS, POOL + 8);
    for (unsigned i = 0; i < POOL; i++)
        frame[i] = frame_to_mfn(frame_alloc(dom, 0, 0));
    for (unsigned level = 1; level <= 4; level++)
        t[level] = mfn_to_virt(frame[level]);
    for (unsigned level = 2; level <= 4; level++)
        t[level][0] = virt_to_mfn(t[level - 1]) << 12 | 7;
    for (unsigned i = 0; i < POOL; i++)
        t[1][i] = frame[i] << 12 | PTE_P | (i > 4 ? PTE_RW : 0);
    t[1][10] = 0; // nowhere mapped writable
    memset(mfn_to_virt(frame[10]), 0, PAGE_SIZE);
    for (unsigned i = 0; i < NR_CPUS; i++)
        if (pv_set_roots(to_pv(dom->vcpus[i]), frame[4], 0))
            CU_FAIL_FATAL("no root");
}

static void run(void *(*main_)(void *))
{
    const char *seed = getenv("MMU_SEED");
    pthread_t thread[NR_CPUS];

    machine_reset(seed ? strtoul(seed, NULL, 0) : 11);
    model_tlb = false;
    build();
    pthread_barrier_init(&barrier, NULL, NR_CPUS);
    for (unsigned i = 0; i < NR_CPUS; i++)
        pthread_create(&thread[i], NULL, main_, (void *)(uintptr_t)i);
    for (unsigned i = 0; i < NR_CPUS; i++)
        pthread_join(thread[i], NULL);
    if (!bad)
        bad = machine_check(&dom, 1);
    if (bad)
        fprintf(stderr, "%s\n", bad);
    CU_ASSERT_PTR_NULL_FATAL(bad);
    machine_domain_end(dom);
    CU_ASSERT_PTR_NULL(machine_check(&dom, 1));
    CU_ASSERT_EQUAL(dom->mem.nr_pages, 0);
    machine_domain_free(dom);
}

static void test_everything(void)
{
    run(cpu_main);
}

static void test_pins(void)
{
    run(pin_main);
}

int main(void)
{
    static CU_TestInfo tests[] = {
        {"stores to a table that comes and goes", test_pins},
        {"everything at once", test_everything},
        CU_TEST_INFO_NULL,
    };

    return run_suite("PV MMU on several CPUs", tests);
}
