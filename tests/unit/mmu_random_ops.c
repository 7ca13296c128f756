// The random choices, and the operations of every kind.
#include <string.h>

#include "core/hypercall_table.h"
#include "mm/tlb.h"
#include "pv-abi/grant_table.h"
#include "pv-abi/memory.h"
#include "pv-abi/mmu.h"
#include "pv/desc.h"
#include "pv/mmu.h"
#include "pv/pt.h"
#include "tests/unit/mmu_random.h"

#define PFEC_WRITE_PRESENT_USER 7

struct domain *doms[2];
struct vcpu *running[NR_CPUS];
char last[160];

struct domain *any_domain(void)
{
    return doms[below(2)];
}

// A frame of d's, NULL if it has none.
struct frame *own_frame(struct domain *d)
{
    struct frame *f = frame_list_first(&d->mem.pages);

    if (!f)
        return NULL;
    for (unsigned n = below(d->mem.pages.count); n; n--)
        f = frame_list_next(f);
    return f;
}

// Mostly d's own, sometimes what it must not have.
mfn_t any_mfn(struct domain *d)
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
mfn_t table_mfn(struct domain *d, unsigned level)
{
    for (unsigned tries = 0; tries < 12; tries++) {
        struct frame *f = own_frame(d);

        if (f && frame_type_of(frame_state(f)) == level)
            return frame_to_mfn(f);
    }
    return any_mfn(d);
}

unsigned any_index(unsigned level)
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
uint64_t any_entry(struct domain *d, unsigned level)
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
bool guest_may_write(const struct frame *f)
{
    uint64_t s = frame_state(f);

    return !(s & FS_COUNT) || frame_type_of(s) == FT_WRITABLE;
}

// It does so through some mapping that it makes and removes; NULL if it can not have one.
uint64_t *begin_writing(struct frame *f)
{
    return frame_get_writable(f, f->owner) ? mfn_to_virt(frame_to_mfn(f)) : NULL;
}

void end_writing(struct frame *f)
{
    frame_put_and_type(f);
}

// The privileged domain may map the other's frames where it says so.
void lend(struct domain *to, struct domain *from, uint64_t entry)
{
    mfn_t mfn = PTE_TO_MFN(entry);

    if (to != from && current->domain->privileged && mfn_valid(mfn) &&
        mfn_to_frame(mfn)->owner == frame_owner_id(from))
        lent[to->id][mfn] = true;
}

void op_mmu_update(struct domain *d)
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

void op_update_va(struct domain *d)
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

void op_mmuext(struct domain *d)
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
void op_prepare_table(struct domain *d)
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
void op_make_tree(struct domain *d)
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
void op_access(struct domain *d)
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
void op_trapped_write(struct domain *d)
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

void op_reservation(struct domain *d)
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

void op_exchange(struct domain *d)
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

void op_descriptors(struct domain *d)
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
void op_grant(struct domain *d)
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
