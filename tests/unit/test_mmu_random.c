// Frames and the PV MMU under random sequences of valid and invalid operations by two domains on
// three CPUs with TLBs. After each operation an independent checker recounts everything
// (mmu_check.h): no sequence ever yields a writable mapping of a page table, a mapping of somebody
// else's frame, a stale TLB entry that matters, or a reference too many or too few.
//
// MMU_SEED and MMU_STEPS in the environment choose another or a longer run.
//
// sources: tests/unit/mmu_machine.c tests/unit/mmu_check.c hypervisor/core/rangeset.c
// sources: hypervisor/core/memory.c hypervisor/core/memory_exchange.c hypervisor/core/memory_map.c
// sources: hypervisor/core/memory_physmap.c hypervisor/core/memory_reservation.c
// sources: hypervisor/mm/buddy.c hypervisor/mm/frame.c hypervisor/mm/frame_type.c
// sources: hypervisor/mm/heap.c hypervisor/pv/desc.c hypervisor/pv/mmu_domain.c
// sources: hypervisor/pv/mmu_grant.c hypervisor/pv/mmu_l1.c hypervisor/pv/mmu_ptwr.c
// sources: hypervisor/pv/mmu_types.c hypervisor/pv/mmu_update.c hypervisor/pv/mmu_va.c
// sources: hypervisor/pv/mmuext.c hypervisor/pv/ptwr_insn.c
#include <CUnit/Basic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/grant.h"
#include "core/hypercall_table.h"
#include "core/memory.h"
#include "core/rangeset.h"
#include "mm/alloc.h"
#include "mm/buddy.h"
#include "mm/paging.h"
#include "mm/tlb.h"
#include "pv-abi/grant_table.h"
#include "pv-abi/memory.h"
#include "pv-abi/mmu.h"
#include "pv/desc.h"
#include "pv/mmu.h"
#include "pv/pt.h"
#include "tests/unit/mmu_check.h"
#include "tests/unit/mmu_machine.h"

#define POOL                    48 // frames of a domain at first
#define MAX_POOL                64
#define PFEC_WRITE_PRESENT_USER 7

static struct domain *doms[2];
static struct vcpu *running[NR_CPUS];
static unsigned depth; // of operations between pieces of others
static char last[160];

#define NOTE(...) snprintf(last, sizeof(last), __VA_ARGS__)

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

// Random things -----------------------------------------------------------------------------------

static struct domain *any_domain(void)
{
    return doms[below(2)];
}

// A frame of d's, NULL if it has none.
static struct frame *own_frame(struct domain *d)
{
    struct frame *f = frame_list_first(&d->mem.pages);

    if (!f)
        return NULL;
    for (unsigned n = below(d->mem.pages.count); n; n--)
        f = frame_list_next(f);
    return f;
}

// Mostly d's own, sometimes what it must not have.
static mfn_t any_mfn(struct domain *d)
{
    struct frame *f = own_frame(one_in(16) ? doms[d == doms[0]] : d);

    switch (below(24)) {
    case 0:
        return below(RAM_FRAMES + 16);
    case 1:
        return HOLE_START + below(HOLE_END - HOLE_START);
    case 2:
        return virt_to_mfn(d->shared_info);
    case 3:
        return virt_to_mfn(d);
    default:
        return f ? frame_to_mfn(f) : 1;
    }
}

// A frame that is a table of the given level, or could be; else any.
static mfn_t table_mfn(struct domain *d, unsigned level)
{
    for (unsigned tries = 0; tries < 12; tries++) {
        struct frame *f = own_frame(d);

        if (f && frame_type_of(frame_state(f)) == level)
            return frame_to_mfn(f);
    }
    return any_mfn(d);
}

static unsigned any_index(unsigned level)
{
    static const uint16_t some[] = {0, 1, 2, 3, 4, 5, 7, 60, 255, 511};
    static const uint16_t hypervisor[] = {256, 257, 260, 262, 271, 272};

    if (level == 4 && one_in(8))
        return hypervisor[below(ARRAY_SIZE(hypervisor))];
    if (level == 1 && one_in(2))
        return below(MAX_POOL);
    return some[below(ARRAY_SIZE(some))];
}

// An entry for a table of that level: mostly sensible.
static uint64_t any_entry(struct domain *d, unsigned level)
{
    mfn_t mfn = level > 1 && !one_in(6) ? table_mfn(d, one_in(10) ? level : level - 1) : any_mfn(d);
    uint64_t e = mfn << 12 | PTE_A | PTE_D;

    if (!one_in(6))
        e |= PTE_P;
    if (one_in(2))
        e |= PTE_RW;
    if (one_in(2))
        e |= PTE_US;
    if (one_in(4))
        e |= PTE_NX;
    if (one_in(20))
        e |= 1ull << below(12);
    if (one_in(40))
        e |= 1ull << (40 + below(23));
    return e;
}

// Memory that a guest may write at will: ordinary, unless it is a table.
static bool guest_may_write(const struct frame *f)
{
    uint64_t s = frame_state(f);

    return !(s & FS_COUNT) || frame_type_of(s) == FT_WRITABLE;
}

// It does so through some mapping that it makes and removes; NULL if it can not have one.
static uint64_t *begin_writing(struct frame *f)
{
    return frame_get_writable(f, f->owner) ? mfn_to_virt(frame_to_mfn(f)) : NULL;
}

static void end_writing(struct frame *f)
{
    frame_put_and_type(f);
}

// The privileged domain may map the other's frames where it says so.
static void lend(struct domain *to, struct domain *from, uint64_t entry)
{
    mfn_t mfn = PTE_TO_MFN(entry);

    if (to != from && current->domain->privileged && mfn_valid(mfn) &&
        mfn_to_frame(mfn)->owner == frame_owner_id(from))
        lent[to->id][mfn] = true;
}

// Operations --------------------------------------------------------------------------------------

static void op_mmu_update(struct domain *d)
{
    struct mmu_update r[3];
    unsigned n = 1 + below(3), done;
    unsigned dom = DOMID_SELF;
    struct domain *tables = d, *frames = d;

    if (one_in(8)) {
        frames = any_domain();
        dom = frames->id;
    }
    if (one_in(8)) {
        tables = any_domain();
        dom |= (tables->id + 1u) << 16;
    }
    for (unsigned i = 0; i < n; i++) {
        unsigned level = one_in(2) ? 1 : 1 + below(4);

        r[i].ptr = table_mfn(tables, level) << 12 | any_index(level) * 8;
        r[i].ptr |= one_in(10) ? MMU_MACHPHYS_UPDATE : one_in(4) ? MMU_PT_UPDATE_PRESERVE_AD : 0;
        r[i].val = any_entry(frames, level);
        lend(tables, frames, r[i].val);
    }
    NOTE("mmu_update %u, first %lx = %lx, dom %x", n, r[0].ptr, r[0].val, dom);
    call_mmu_update(r, n, dom, one_in(2) ? &done : NULL);
}

static void op_update_va(struct domain *d)
{
    struct domain *from = one_in(12) ? any_domain() : d;
    uint64_t va = (uint64_t)any_index(1) << 12, e = any_entry(from, 1);
    uint64_t flags = below(3);

    if (one_in(8))
        va |= (uint64_t)any_index(2) << 21;
    if (flags && one_in(2))
        flags |= UVMF_ALL;
    NOTE("update_va_mapping %lx = %lx flags %lx", va, e, flags);
    lend(d, from, e);
    if (from != d)
        do_update_va_mapping_otherdomain(va, e, flags, from->id);
    else
        do_update_va_mapping(va, e, flags);
}

static void op_mmuext(struct domain *d)
{
    static const uint8_t cmds[] = {
        MMUEXT_PIN_L1_TABLE, MMUEXT_PIN_L2_TABLE, MMUEXT_PIN_L3_TABLE,    MMUEXT_PIN_L4_TABLE,
        MMUEXT_UNPIN_TABLE,  MMUEXT_UNPIN_TABLE,  MMUEXT_NEW_BASEPTR,     MMUEXT_NEW_USER_BASEPTR,
        MMUEXT_CLEAR_PAGE,   MMUEXT_COPY_PAGE,    MMUEXT_TLB_FLUSH_LOCAL, MMUEXT_INVLPG_LOCAL,
        MMUEXT_TLB_FLUSH_ALL};
    struct mmuext_op ops[2];
    unsigned n = 1 + below(2), dom = DOMID_SELF, done;
    struct domain *of = d;

    if (one_in(8)) {
        of = any_domain();
        dom = of->id;
    }
    for (unsigned i = 0; i < n; i++) {
        ops[i].cmd = cmds[below(sizeof(cmds))];
        ops[i].arg1.mfn =
            ops[i].cmd <= MMUEXT_PIN_L4_TABLE ? table_mfn(of, ops[i].cmd + 1)
            : ops[i].cmd == MMUEXT_NEW_BASEPTR || ops[i].cmd == MMUEXT_NEW_USER_BASEPTR
                ? table_mfn(of, 4)
                : any_mfn(of);
        if (ops[i].cmd == MMUEXT_NEW_USER_BASEPTR && one_in(4))
            ops[i].arg1.mfn = 0;
        if (ops[i].cmd == MMUEXT_INVLPG_LOCAL)
            ops[i].arg1.linear_addr = (uint64_t)any_index(1) << 12;
        ops[i].arg2.src_mfn = any_mfn(of);
    }
    NOTE("mmuext %u, first %u on %lx, dom %x", n, ops[0].cmd, ops[0].arg1.mfn, dom);
    call_mmuext(ops, n, dom, one_in(2) ? &done : NULL);
}

// The guest fills a page, of its own accord, to look like a table.
static void op_prepare_table(struct domain *d)
{
    struct frame *f = own_frame(d);
    unsigned level = 1 + below(4);
    uint64_t *t;

    t = f ? begin_writing(f) : NULL;
    if (!t)
        return;
    NOTE("the guest makes %lx look like a table of level %u", frame_to_mfn(f), level);
    memset(t, 0, PAGE_SIZE);
    for (unsigned n = below(6); n; n--) {
        uint64_t e = any_entry(d, level);

        // Mostly such as pass, so that validation gets somewhere.
        if (!one_in(12))
            e &= PTE_ADDR | PTE_P | PTE_RW | PTE_US | PTE_NX | PTE_A;
        if (level == 1 && !one_in(8) && mfn_valid(PTE_TO_MFN(e)) &&
            !guest_may_write(mfn_to_frame(PTE_TO_MFN(e))))
            e &= ~PTE_RW;
        t[any_index(level)] = e;
    }
    end_writing(f);
}

// ... and pins it at once, which makes long trees.
static void op_make_tree(struct domain *d)
{
    struct frame *table[5];
    struct mmuext_op op;
    unsigned top = 2 + below(3);

    for (unsigned level = 1; level <= top; level++) {
        table[level] = own_frame(d);
        if (!table[level] || !guest_may_write(table[level]))
            return;
        for (unsigned i = 1; i < level; i++)
            if (table[i] == table[level])
                return;
    }
    for (unsigned level = 1; level <= top; level++) {
        uint64_t *t = begin_writing(table[level]);

        memset(t, 0, PAGE_SIZE);
        for (unsigned n = 1 + below(4); n; n--)
            t[any_index(level)] = level == 1 ? any_entry(d, 1) & ~(one_in(3) ? 0 : PTE_RW)
                                             : frame_to_mfn(table[level - 1]) << 12 | 7;
        end_writing(table[level]);
    }
    op.cmd = MMUEXT_PIN_L1_TABLE + top - 1;
    op.arg1.mfn = frame_to_mfn(table[top]);
    NOTE("pin of a tree of level %u at %lx", top, op.arg1.mfn);
    call_mmuext(&op, 1, DOMID_SELF, NULL);
}

static void random_store(struct domain *d, mfn_t mfn)
{
    uint64_t *t = mfn_to_virt(mfn);

    t[any_index(1)] = any_entry(d, 1 + below(4));
}

// The CPU runs the guest's code: loads and stores anywhere, by whatever translation it has.
static void op_access(struct domain *d)
{
    for (unsigned n = 1 + below(8); n; n--) {
        uint64_t va = (uint64_t)any_index(1) << 12 | (uint64_t)(one_in(4) ? any_index(2) : 0) << 21;
        bool write = one_in(2);
        struct tlb_entry e;

        if (one_in(12))
            va |= (uint64_t)any_index(3) << 30;
        NOTE("access to %lx, write %d", va, write);
        if (cpu_access(this_cpu(), va, write, &e) && write && mfn_valid(e.mfn) &&
            mfn_to_frame(e.mfn)->kind == FRAME_DOMAIN)
            random_store(d, e.mfn);
    }
}

// A store to a table that is mapped read-only.
static void op_trapped_write(struct domain *d)
{
    static uint8_t code[][16] = {
        {0x48, 0x89, 0x0a},                   // mov %rcx,(%rdx)
        {0x48, 0x87, 0x0a},                   // xchg %rcx,(%rdx)
        {0xf0, 0x80, 0x22, 0xfd},             // lock andb $0xfd,(%rdx)
        {0xf0, 0x48, 0x0f, 0xba, 0x32, 0x05}, // lock btrq $5,(%rdx)
        {0xf0, 0x48, 0x0f, 0xb1, 0x0a},       // lock cmpxchg %rcx,(%rdx)
        {0x48, 0xc7, 0x02, 0, 0, 0, 0},       // movq $0,(%rdx)
        {0x89, 0x0a},                         // mov %ecx,(%rdx)
        {0x0f, 0x0b},                         // ud2
    };
    struct cpu_user_regs regs = {.error_code = PFEC_WRITE_PRESENT_USER};
    uint64_t va = (uint64_t)below(MAX_POOL) << 12 | any_index(1) * 8;

    regs.rip = (uint64_t)code[below(ARRAY_SIZE(code))];
    regs.rcx = any_entry(d, 1);
    regs.rdx = va;
    regs.rax = regs.rcx ^ (one_in(2) ? 0 : PTE_RW);
    NOTE("trapped write at %lx, rcx %lx, opcode %x", va, regs.rcx, *(uint8_t *)regs.rip);
    pv_mmu_fault(&regs, va);
}

static void op_reservation(struct domain *d)
{
    uint64_t list[4];
    struct xen_memory_reservation r = {
        .extent_start = list, .nr_extents = 1 + below(4), .domid = DOMID_SELF};
    unsigned op = one_in(2) ? XENMEM_decrease_reservation : XENMEM_populate_physmap;

    if (d->mem.nr_pages < POOL / 2)
        op = XENMEM_populate_physmap;
    for (unsigned i = 0; i < r.nr_extents; i++)
        list[i] = op == XENMEM_decrease_reservation ? any_mfn(d) : below(1000);
    r.extent_order = one_in(6);
    NOTE("memory_op %u, %lu extents, first %lx", op, r.nr_extents, list[0]);
    call_memory_op(op, &r);
}

static void op_exchange(struct domain *d)
{
    uint64_t in[2] = {any_mfn(d), any_mfn(d)}, out[2] = {1, 2};
    struct xen_memory_exchange e = {
        .in = {.extent_start = in, .nr_extents = 2, .domid = DOMID_SELF},
        .out = {.extent_start = out, .nr_extents = 2, .domid = DOMID_SELF}};

    if (one_in(2)) {
        e.out.nr_extents = 1;
        e.out.extent_order = 1;
    }
    NOTE("exchange of %lx, %lx", in[0], in[1]);
    call_memory_op(XENMEM_exchange, &e);
}

static void op_descriptors(struct domain *d)
{
    struct pv_vcpu *v = to_pv(current);
    uint64_t frames[2] = {any_mfn(d), any_mfn(d)};

    switch (below(3)) {
    case 0:
        NOTE("set_gdt %lx %lx", frames[0], frames[1]);
        do_set_gdt((uint64_t)frames, below(3) * 400);
        break;
    case 1:
        NOTE("set_ldt");
        pv_set_ldt(v, (uint64_t)below(MAX_POOL) << 12, below(3) * 300);
        break;
    default:
        NOTE("update_descriptor in %lx", frames[0]);
        do_update_descriptor(frames[0] << 12 | any_index(1) * 8,
                             one_in(2) ? random64() : 0x00cffb000000ffff);
        break;
    }
}

// What core/grant.c does, in short: the grant holds a reference while its mapping is made.
static void op_grant(struct domain *d)
{
    struct domain *granter = any_domain();
    struct frame *f = own_frame(granter);
    unsigned flags = GNTMAP_host_map | (one_in(2) ? GNTMAP_readonly : 0) |
                     (one_in(2) ? GNTMAP_application_map : 0);
    uint64_t addr = (uint64_t)below(MAX_POOL) << 12;

    if (!f || !frame_get(f, granter))
        return;
    if (one_in(3)) {
        flags |= GNTMAP_contains_pte;
        addr = table_mfn(d, 1) << 12 | any_index(1) * 8;
    }
    NOTE("grant map or unmap of %lx at %lx, flags %x", frame_to_mfn(f), addr, flags);
    if (one_in(2)) {
        lent[d->id][frame_to_mfn(f)] = true;
        pv_grant_map(addr, frame_to_mfn(f), flags);
    } else {
        pv_grant_unmap(addr, frame_to_mfn(f), flags,
                       one_in(4) ? (uint64_t)below(MAX_POOL) << 12 : 0);
        tlb_flush_mask(d->mem.dirty_cpus);
    }
    frame_put(f);
}

// Stale translations: a page that CPUs have written to loses its mappings without any flush by the
// guest, and becomes something else.

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

static void op_page_to_table(struct domain *d)
{
    struct mmuext_op op = {.cmd = MMUEXT_PIN_L1_TABLE};
    struct mapping m;

    if (!any_mapping(d, true, &m))
        return;
    NOTE("page %lx, written at %lx, becomes a table", m.mfn, m.va);
    memset(mfn_to_virt(m.mfn), 0, PAGE_SIZE);
    touch_everywhere(d, m.va);
    demote(d, m.mfn, false);
    op.cmd += below(4);
    op.arg1.mfn = m.mfn;
    call_mmuext(&op, 1, DOMID_SELF, NULL);
}

static void op_table_to_page(struct domain *d)
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

static void op_page_to_somebody(struct domain *d)
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
static void op_lent_to_table(struct domain *d)
{
    struct mmuext_op op = {.cmd = MMUEXT_PIN_L1_TABLE};
    struct frame *f = own_frame(doms[1]);
    uint64_t va = (uint64_t)below(MAX_POOL) << 12, *t;

    if (d != doms[0] || !f || !(t = begin_writing(f)))
        return;
    memset(t, 0, PAGE_SIZE);
    end_writing(f);
    NOTE("page %lx, written at %lx by another domain, becomes a table", frame_to_mfn(f), va);
    lent[0][frame_to_mfn(f)] = true;
    if (do_update_va_mapping_otherdomain(va, frame_to_mfn(f) << 12 | PTE_P | PTE_RW, UVMF_NONE,
                                         doms[1]->id))
        return;
    touch_everywhere(d, va);
    do_update_va_mapping(va, 0, UVMF_NONE);
    op.arg1.mfn = frame_to_mfn(f);
    call_mmuext(&op, 1, doms[1]->id, NULL);
}

// More than one table below 2 MB each, so that there is something to take away.
static void op_add_table(struct domain *d)
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
    unsigned worlds = from_environment("MMU_WORLDS", 12);

    for (unsigned seed = first; seed < first + worlds; seed++) {
        const char *bad = run_world(seed, steps);

        CU_ASSERT_PTR_NULL_FATAL(bad);
    }
}

int main(void)
{
    CU_pSuite suite;
    unsigned failures;

    CU_initialize_registry();
    suite = CU_add_suite("PV MMU under random operations", NULL, NULL);
    CU_add_test(suite, "every step leaves the machine sound", test_random);
    CU_basic_set_mode(CU_BRM_VERBOSE);
    CU_basic_run_tests();
    failures = CU_get_number_of_failures();
    CU_cleanup_registry();
    return failures != 0;
}
