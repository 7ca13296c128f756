// Stale translations: a page that CPUs have written to loses its mappings without any flush by the
// guest, and becomes something else.
#include <string.h>

#include "core/hypercall_table.h"
#include "mm/alloc.h"
#include "pv-abi/memory.h"
#include "pv-abi/mmu.h"
#include "pv/pt.h"
#include "tests/unit/mmu_random.h"

struct mapping {
    uint64_t va;
    mfn_t mfn, l1; // the page and the table that maps it
    bool writable;
};

// A random page of the current address space, in ram of d's own.
static bool any_mapping(struct domain *d, bool writable, struct mapping *m)
{
    const uint64_t *l4 = mfn_to_virt(to_pv(current)->root);
    unsigned seen = 0;

    for (unsigned i = 0; i < 8; i++) {
        const uint64_t *l3 = l4[0] & PTE_P ? mfn_to_virt(PTE_TO_MFN(l4[0])) : NULL;
        const uint64_t *l2 = l3 && l3[0] & PTE_P ? mfn_to_virt(PTE_TO_MFN(l3[0])) : NULL;
        const uint64_t *l1 = l2 && l2[i] & PTE_P ? mfn_to_virt(PTE_TO_MFN(l2[i])) : NULL;

        if (l1 && frame_type_of(frame_state(mfn_to_frame(virt_to_mfn(l1)))) != FT_L1)
            continue; // a linear entry
        for (unsigned j = 0; l1 && j < 512; j++) {
            mfn_t mfn = PTE_TO_MFN(l1[j]);

            if (!(l1[j] & PTE_P) || (writable && !(l1[j] & PTE_RW)) || !mfn_valid(mfn) ||
                mfn_to_frame(mfn)->kind != FRAME_DOMAIN ||
                mfn_to_frame(mfn)->owner != frame_owner_id(d) || !one_in(++seen))
                continue;
            *m = (struct mapping){.va = (uint64_t)i << 21 | (uint64_t)j << 12,
                                  .mfn = mfn,
                                  .l1 = virt_to_mfn(l1),
                                  .writable = l1[j] & PTE_RW};
        }
    }
    return seen;
}

// All CPUs that run vCPUs of d use the page; then this one goes on.
static void touch_everywhere(struct domain *d, uint64_t va)
{
    unsigned self = this_cpu();
    struct vcpu *v = current;
    struct tlb_entry e;

    for (unsigned i = 0; i < NR_CPUS; i++)
        if (running[i] && running[i]->domain == d) {
            run_on(i, running[i]);
            if (!cpu_access(i, va, true, &e))
                cpu_access(i, va, false, &e);
        }
    run_on(self, v);
}

// Changes all mappings of a frame in the low tables of the current root: removed, or read-only.
static void demote(struct domain *d, mfn_t mfn, bool remove)
{
    struct mapping m;

    for (unsigned tries = 0; tries < 30; tries++)
        if (any_mapping(d, !remove, &m) && m.mfn == mfn)
            do_update_va_mapping(m.va, remove ? 0 : mfn << 12 | PTE_P, UVMF_NONE);
}

static void refused_exchange(mfn_t mfn)
{
    uint64_t in[2] = {mfn, 0}, out[1] = {1};
    struct xen_memory_exchange e = {
        .in = {.extent_start = in, .nr_extents = 2, .domid = DOMID_SELF},
        .out = {.extent_start = out, .nr_extents = 1, .extent_order = 1, .domid = DOMID_SELF}};

    call_memory_op(XENMEM_exchange, &e);
}

void op_page_to_table(struct domain *d)
{
    struct mmuext_op op = {.cmd = MMUEXT_PIN_L1_TABLE};
    struct mapping m;

    if (!any_mapping(d, true, &m))
        return;
    NOTE("page %lx, written at %lx, becomes a table", m.mfn, m.va);
    memset(mfn_to_virt(m.mfn), 0, PAGE_SIZE);
    touch_everywhere(d, m.va);
    if (one_in(2)) {
        demote(d, m.mfn, false);
    } else { // and is nearly exchanged on the way
        demote(d, m.mfn, true);
        refused_exchange(m.mfn);
    }
    op.cmd += below(4);
    op.arg1.mfn = m.mfn;
    call_mmuext(&op, 1, DOMID_SELF, NULL);
}

void op_table_to_page(struct domain *d)
{
    struct mmuext_op op = {.cmd = MMUEXT_UNPIN_TABLE};
    struct mmu_update r = {.val = 0};
    struct mapping m;
    uint64_t *l4 = mfn_to_virt(to_pv(current)->root), *l2;

    if (!any_mapping(d, false, &m) || m.va < 1 << 21)
        return;
    NOTE("table %lx, used at %lx, becomes a page", m.l1, m.va);
    touch_everywhere(d, m.va);
    l2 = mfn_to_virt(PTE_TO_MFN(((uint64_t *)mfn_to_virt(PTE_TO_MFN(l4[0])))[0]));
    for (unsigned i = 0; i < 8; i++) {
        r.ptr = virt_to_maddr(&l2[i]);
        if ((l2[i] & PTE_P) && PTE_TO_MFN(l2[i]) == m.l1)
            call_mmu_update(&r, 1, DOMID_SELF, NULL);
    }
    op.arg1.mfn = m.l1;
    call_mmuext(&op, 1, DOMID_SELF, NULL);
    do_update_va_mapping((uint64_t)below(MAX_POOL) << 12, m.l1 << 12 | PTE_P | PTE_RW, UVMF_NONE);
}

void op_page_to_somebody(struct domain *d)
{
    struct domain *other = doms[d == doms[0]];
    struct mapping m;
    uint64_t list[2];
    struct xen_memory_reservation r = {.extent_start = list, .nr_extents = 1, .domid = DOMID_SELF};

    if (!any_mapping(d, false, &m) || d->mem.nr_pages < POOL / 2)
        return;
    NOTE("page %lx, used at %lx, is given away", m.mfn, m.va);
    touch_everywhere(d, m.va);
    demote(d, m.mfn, true);
    list[0] = m.mfn;
    call_memory_op(XENMEM_decrease_reservation, &r);
    if (one_in(2))
        frame_alloc(other, 0, 0);
    else
        pages_free(pages_alloc(0), 0);
}

// The privileged domain has written to a page of the other, which makes a table of it.
void op_lent_to_table(struct domain *d)
{
    struct mmuext_op op = {.cmd = MMUEXT_PIN_L1_TABLE};
    struct frame *f = own_frame(doms[1]);
    uint64_t va = (uint64_t)below(MAX_POOL) << 12, *t;
    bool held, refused;

    if (d != doms[0] || !f || !(t = begin_writing(f)))
        return;
    memset(t, 0, PAGE_SIZE);
    held = one_in(2); // it is written by its owner as well, or not any more
    if (!held)
        end_writing(f);
    NOTE("page %lx, written at %lx by another domain, becomes a table", frame_to_mfn(f), va);
    lent[0][frame_to_mfn(f)] = true;
    refused = do_update_va_mapping_otherdomain(va, frame_to_mfn(f) << 12 | PTE_P | PTE_RW,
                                               UVMF_NONE, doms[1]->id);
    if (!refused) {
        touch_everywhere(d, va);
        do_update_va_mapping(va, 0, UVMF_NONE);
    }
    if (held)
        end_writing(f);
    op.arg1.mfn = frame_to_mfn(f);
    call_mmuext(&op, 1, doms[1]->id, NULL);
}

// More than one table below 2 MB each, so that there is something to take away.
void op_add_table(struct domain *d)
{
    struct frame *f = own_frame(d);
    uint64_t *l4 = mfn_to_virt(to_pv(current)->root), *l3, *l2, *t;
    struct mmu_update r;

    t = f ? begin_writing(f) : NULL;
    if (!t)
        return;
    memset(t, 0, PAGE_SIZE);
    for (unsigned n = below(8); n; n--) {
        uint64_t e = any_entry(d, 1) & (PTE_ADDR | PTE_P | PTE_US);

        t[any_index(1)] = one_in(2) ? e | PTE_RW : e;
    }
    end_writing(f);
    l3 = l4[0] & PTE_P ? mfn_to_virt(PTE_TO_MFN(l4[0])) : NULL;
    l2 = l3 && l3[0] & PTE_P ? mfn_to_virt(PTE_TO_MFN(l3[0])) : NULL;
    if (!l2)
        return;
    r.ptr = virt_to_maddr(&l2[1 + below(7)]);
    r.val = frame_to_mfn(f) << 12 | PTE_P | PTE_RW | PTE_US;
    NOTE("table %lx is hooked in at %lx", frame_to_mfn(f), r.ptr);
    call_mmu_update(&r, 1, DOMID_SELF, NULL);
}
