// A small world for tests of single operations: two domains with a page each of everything.
#pragma once

#include <CUnit/Basic.h>
#include <stdio.h>
#include <string.h>

#include "core/hypercall_table.h"
#include "core/rangeset.h"
#include "lib/errno.h"
#include "pv-abi/mmu.h"
#include "pv/mmu.h"
#include "pv/pt.h"
#include "tests/unit/mmu_check.h"
#include "tests/unit/mmu_machine.h"

#define PAGES 32

// The world: domain 0, privileged, runs on CPU 0; domain 1 on CPU 1. Page i of each address space
// is frame[d][i]; 1 to 4 are its tables, read-only; the others are writable.
static struct domain *dom[2];
static mfn_t frame[2][PAGES];

static inline uint64_t *table(mfn_t mfn)
{
    return mfn_to_virt(mfn);
}

static inline void build(unsigned n, unsigned vcpus)
{
    struct domain *d = dom[n] = machine_domain((domid_t)n, vcpus, PAGES + 32);

    for (unsigned i = 0; i < PAGES; i++)
        frame[n][i] = frame_to_mfn(frame_alloc(d, 0, 0));
    for (unsigned level = 2; level <= 4; level++)
        table(frame[n][level])[0] = frame[n][level - 1] << 12 | 7;
    for (unsigned i = 0; i < PAGES; i++)
        table(frame[n][1])[i] = frame[n][i] << 12 | PTE_P | (i > 4 ? PTE_RW : 0);
    for (unsigned i = 0; i < vcpus; i++)
        if (pv_set_roots(to_pv(d->vcpus[i]), frame[n][4], 0))
            CU_FAIL_FATAL("no root");
}

static inline void check(void)
{
    const char *bad = machine_check(dom, 2);

    if (bad)
        fprintf(stderr, "%s\n", bad);
    CU_ASSERT_PTR_NULL_FATAL(bad);
}

static inline void begin(void)
{
    machine_reset(7);
    memset(lent, 0, sizeof(lent));
    build(0, 2);
    build(1, 1);
    rangeset_add(dom[0]->io_memory, HOLE_START, HOLE_END - 1);
    run_on(1, dom[1]->vcpus[0]);
    run_on(0, dom[0]->vcpus[0]);
    check();
}

static inline void end(void)
{
    check();
    preempt_one_in = 0;
    machine_domain_end(dom[1]);
    machine_domain_end(dom[0]);
    CU_ASSERT_PTR_NULL(machine_check(dom, 2));
    CU_ASSERT(dom[0]->mem.nr_pages == 0 && dom[1]->mem.nr_pages == 0);
    machine_domain_free(dom[1]);
    machine_domain_free(dom[0]);
}

static inline long store(mfn_t mfn, unsigned index, uint64_t val)
{
    struct mmu_update r = {.ptr = mfn << 12 | index * 8, .val = val};

    return call_mmu_update(&r, 1, DOMID_SELF, NULL);
}

static inline long ext(unsigned cmd, uint64_t arg)
{
    struct mmuext_op op = {.cmd = cmd, .arg1.mfn = arg};

    return call_mmuext(&op, 1, DOMID_SELF, NULL);
}

// Makes page i of domain 0 read-only and empty, ready to become a table.
static inline mfn_t blank(unsigned i)
{
    memset(table(frame[0][i]), 0, PAGE_SIZE);
    CU_ASSERT_EQUAL(do_update_va_mapping((uint64_t)i << 12, frame[0][i] << 12 | PTE_P, UVMF_INVLPG),
                    0);
    return frame[0][i];
}

static inline unsigned type(mfn_t mfn)
{
    uint64_t s = frame_table[mfn].state;

    return s & FS_COUNT ? frame_type_of(s) : FT_NONE;
}
