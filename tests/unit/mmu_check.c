#include "tests/unit/mmu_check.h"

#include <stdio.h>
#include <string.h>

#include "mm/buddy.h"
#include "mm/paging.h"
#include "pv/pt.h"

unsigned extra_refs[RAM_FRAMES], extra_types[RAM_FRAMES];

bool lent[2][RAM_FRAMES];

static unsigned refs[RAM_FRAMES], types[RAM_FRAMES];
static char text[256];

#define FAIL(...) return snprintf(text, sizeof(text), __VA_ARGS__), text

// Plain reading of the bits, independent of mm/frame.h's helpers.
static unsigned refs_of(mfn_t m)
{
    return (unsigned)(frame_table[m].state & 0xfffffff);
}
static unsigned types_of(mfn_t m)
{
    return (unsigned)(frame_table[m].state >> 28 & 0xfffffff);
}
static unsigned type_of(mfn_t m)
{
    return (unsigned)(frame_table[m].state >> 56 & 7);
}
static bool flag(mfn_t m, unsigned bit)
{
    return frame_table[m].state >> bit & 1;
}
#define VALIDATED(m) flag(m, 59)
#define PARTIAL(m)   flag(m, 60)
#define PINNED(m)    flag(m, 61)
#define ALLOCATED(m) flag(m, 62)
#define LOCKED(m)    flag(m, 63)

static bool is_ram(mfn_t m)
{
    return m < RAM_FRAMES && frame_table[m].kind != FRAME_HOLE;
}

static bool is_table(mfn_t m)
{
    return types_of(m) && type_of(m) >= FT_L1 && type_of(m) <= FT_L4;
}

// How many entries of a table hold their references.
static unsigned live_entries(mfn_t m)
{
    if (VALIDATED(m))
        return 512;
    return PARTIAL(m) ? frame_table[m].progress : 0;
}

static const char *count_l1_entry(mfn_t table, unsigned i, uint64_t e)
{
    mfn_t m = e >> 12 & 0xffffffffff;

    if (!(e & PTE_US))
        FAIL("L1 %lx[%u] = %lx lacks US", table, i, e);
    if (!(e & PTE_GUEST_KERNEL) != !!(e & PTE_G))
        FAIL("L1 %lx[%u] = %lx: global kernel page or local user page", table, i, e);
    if (!is_ram(m))
        return NULL;
    refs[m]++;
    if (e & PTE_RW) {
        types[m]++;
        if (type_of(m) != FT_WRITABLE)
            FAIL("L1 %lx[%u] = %lx maps frame of type %u writable", table, i, e, type_of(m));
    }
    return NULL;
}

static const char *count_upper_entry(mfn_t table, unsigned i, uint64_t e, bool untyped)
{
    mfn_t m = e >> 12 & 0xffffffffff;
    unsigned level = type_of(table);

    if (!(e & PTE_US) || (e & (PTE_PSE | PTE_PCD | PTE_PWT | PTE_G)))
        FAIL("L%u %lx[%u] = %lx: bad flags", level, table, i, e);
    if (!is_ram(m) || frame_table[m].owner != frame_table[table].owner)
        FAIL("L%u %lx[%u] = %lx: not the owner's frame", level, table, i, e);
    refs[m]++;
    if (m == table || untyped)
        return NULL;
    types[m]++;
    if (type_of(m) == level - 1 && VALIDATED(m))
        return NULL;
    if (type_of(m) == level && VALIDATED(m) && !(e & PTE_RW))
        return NULL; // linear
    FAIL("L%u %lx[%u] = %lx leads to frame of type %u, state %lx", level, table, i, e, type_of(m),
         frame_table[m].state);
}

static const char *check_hypervisor_slots(mfn_t m)
{
    const uint64_t *t = mfn_to_virt(m);

    for (unsigned i = 256; i <= 271; i++) {
        uint64_t want = machine_pml4[i];

        if (i == PERDOMAIN_SLOT)
            want = virt_to_maddr(
                       ((struct pv_domain *)mfn_to_virt(frame_table[m].owner))->perdomain_l3) |
                   0x63;
        if (i == 256 && !t[i]) // hidden, where the table has been a user's root
            continue;
        if ((t[i] | PTE_A | PTE_D) != (want | PTE_A | PTE_D))
            FAIL("L4 %lx[%u] = %lx, not %lx", m, i, t[i], want);
    }
    return NULL;
}

static const char *count_table(mfn_t m)
{
    const uint64_t *t = mfn_to_virt(m);
    unsigned n = live_entries(m), level = type_of(m);
    bool unfinished = PARTIAL(m) && (frame_table[m].phase & FRAME_CHILD_UNFINISHED);

    for (unsigned i = 0; i < n; i++) {
        const char *bad;

        if (!(t[i] & PTE_P) || (level == 4 && i >= 256 && i <= 271))
            continue;
        bad = level == 1 ? count_l1_entry(m, i, t[i])
                         : count_upper_entry(m, i, t[i], unfinished && i == n - 1);
        if (bad)
            return bad;
    }
    return level == 4 && VALIDATED(m) ? check_hypervisor_slots(m) : NULL;
}

static void count_use(mfn_t m, bool typed)
{
    refs[m]++;
    types[m] += typed;
}

static void count_vcpu(struct pv_vcpu *v)
{
    if (v->root)
        count_use(v->root, true);
    if (v->user_root)
        count_use(v->user_root, true);
    if (v->unfinished)
        count_use(frame_to_mfn(v->unfinished), false);
    for (unsigned i = 0; i * 512 < v->gdt_entries; i++)
        count_use(v->gdt_frames[i], true);
    for (unsigned i = 0; i < PV_LDT_FRAMES; i++)
        if (v->ldt_mapped >> i & 1) {
            struct pv_domain *d = to_pvd(v->v.domain);
            unsigned page = v->v.id * 32 + 16 + i;

            count_use(d->perdomain_l1[page / 512][page % 512] >> 12 & 0xffffffffff, true);
        }
}

static const char *count_frame(mfn_t m)
{
    struct frame *f = &frame_table[m];

    if (LOCKED(m))
        FAIL("frame %lx is left locked", m);
    if (f->kind == FRAME_FREE || f->kind == FRAME_FREE_HEAD || f->kind == FRAME_HYPERVISOR) {
        if (f->state || f->owner)
            FAIL("frame %lx of kind %u has state %lx, owner %x", m, f->kind, f->state, f->owner);
        return NULL;
    }
    if (f->kind == FRAME_HEAP)
        return NULL;
    if (f->kind == FRAME_SHARED)
        types[m] += ALLOCATED(m);
    refs[m] += ALLOCATED(m) + PINNED(m) + PARTIAL(m);
    types[m] += PINNED(m) + PARTIAL(m);
    if (types_of(m) && !VALIDATED(m) && !PARTIAL(m))
        FAIL("frame %lx is left in exclusive use, state %lx", m, f->state);
    return is_table(m) ? count_table(m) : NULL;
}

static const char *compare(mfn_t m)
{
    if (refs_of(m) != refs[m] || types_of(m) != types[m])
        FAIL("frame %lx (state %lx, kind %u, owner %x): %u refs, %u types expected", m,
             frame_table[m].state, frame_table[m].kind, frame_table[m].owner, refs[m], types[m]);
    if (types[m] && type_of(m) == 0 && frame_table[m].kind != FRAME_SHARED)
        FAIL("frame %lx: typed references of no type", m);
    if (!refs[m] && frame_table[m].kind == FRAME_DOMAIN)
        FAIL("frame %lx has no references and is not free", m);
    return NULL;
}

// May a CPU that runs a vCPU of d write to this frame?
static const char *check_leaf(struct domain *d, mfn_t m, bool writable, const char *where)
{
    struct frame *f = &frame_table[m];

    if (!is_ram(m))
        return NULL;
    if (f->kind != FRAME_DOMAIN && f->kind != FRAME_SHARED)
        FAIL("%s: frame %lx of kind %u is mapped", where, m, f->kind);
    if (writable && types_of(m) && type_of(m) != FT_WRITABLE)
        FAIL("%s: frame %lx of type %u is mapped writable", where, m, type_of(m));
    if (f->owner != frame_owner_id(d) && !lent[d->id][m])
        FAIL("%s: frame %lx of another owner is mapped", where, m);
    return NULL;
}

// As the processor walks: `level` counts down whatever the tables are. Where a linear entry has led
// to a table of higher level than the processor takes it for, nothing below may be writable.
static const char *walk(struct domain *d, mfn_t table, unsigned level, bool writable)
{
    const uint64_t *t = mfn_to_virt(table);

    if (!VALIDATED(table) || type_of(table) < level || type_of(table) > 4 ||
        (type_of(table) != level && writable))
        FAIL("CR3 reaches frame %lx, state %lx, as L%u", table, frame_table[table].state, level);
    for (unsigned i = 0; i < 512; i++) {
        mfn_t m = t[i] >> 12 & 0xffffffffff;
        bool w = writable && (t[i] & PTE_RW);
        const char *bad;

        if (!(t[i] & PTE_P) || (type_of(table) == 4 && i >= 256 && i <= 271))
            continue;
        bad = level == 1 ? check_leaf(d, m, w, "CR3") : walk(d, m, level - 1, w);
        if (bad)
            return bad;
    }
    return NULL;
}

// A stale translation does no harm as long as the frame is what it was, or nobody's.
static const char *check_tlb_entry(unsigned cpu, const struct tlb_entry *e)
{
    struct frame *f = &frame_table[e->mfn];

    if (!is_ram(e->mfn) || f->kind == FRAME_FREE || f->kind == FRAME_FREE_HEAD)
        return NULL;
    if (e->level == 1) {
        static char where[40];

        snprintf(where, sizeof(where), "TLB of CPU %u, d%u, %lx", cpu, e->domain->id, e->va);
        return check_leaf(e->domain, e->mfn, e->writable, where);
    }
    if (f->kind != FRAME_DOMAIN || f->owner != frame_owner_id(e->domain))
        FAIL("CPU %u: cached table %lx has another owner", cpu, e->mfn);
    // Linear mappings make a table serve for a lower level, too.
    if (types_of(e->mfn) && (type_of(e->mfn) < e->level - 1 || type_of(e->mfn) > 4))
        FAIL("CPU %u: cached L%u table %lx has type %u", cpu, e->level - 1, e->mfn,
             type_of(e->mfn));
    return NULL;
}

static const char *check_cpu(unsigned cpu)
{
    struct machine_cpu *c = &machine_cpus[cpu];
    const char *bad;

    if (!c->vcpu || !c->cr3)
        return NULL;
    if (c->cr3 >> 12 != to_pv(c->vcpu)->root && c->cr3 >> 12 != to_pv(c->vcpu)->user_root)
        FAIL("CPU %u has root %lx, its vCPU %lx", cpu, c->cr3 >> 12, to_pv(c->vcpu)->root);
    bad = walk(c->vcpu->domain, c->cr3 >> 12, 4, true);
    for (unsigned i = 0; i < MAX_TLB && !bad; i++)
        if (c->tlb[i].valid)
            bad = check_tlb_entry(cpu, &c->tlb[i]);
    return bad;
}

static const char *check_domain(struct domain *d)
{
    unsigned pages = 0, listed = 0;

    for (mfn_t m = 1; m < RAM_FRAMES; m++)
        pages += frame_table[m].kind == FRAME_DOMAIN && frame_table[m].owner == frame_owner_id(d);
    for (struct frame *f = frame_list_first(&d->mem.pages); f; f = frame_list_next(f)) {
        if (f->owner != frame_owner_id(d) || f->kind != FRAME_DOMAIN)
            FAIL("d%u has frame %lx on its list", d->id, frame_to_mfn(f));
        if (listed++ > pages)
            FAIL("d%u's list is broken", d->id);
    }
    if (pages != d->mem.nr_pages || listed != pages || d->mem.pages.count != pages)
        FAIL("d%u: %u frames, counted %u, listed %u", d->id, pages, d->mem.nr_pages, listed);
    return NULL;
}

const char *machine_check(struct domain **domains_, unsigned nr_domains)
{
    const char *bad = NULL;
    uint64_t free = 0;

    memcpy(refs, extra_refs, sizeof(refs));
    memcpy(types, extra_types, sizeof(types));
    for (unsigned i = 0; i < nr_domains; i++)
        for (unsigned v = 0; v < domains_[i]->max_vcpus; v++)
            count_vcpu(to_pv(domains_[i]->vcpus[v]));
    for (mfn_t m = 1; m < RAM_FRAMES && !bad; m++) {
        bad = count_frame(m);
        if (frame_table[m].kind <= FRAME_FREE_HEAD)
            lent[0][m] = lent[1][m] = false;
        free += frame_table[m].kind == FRAME_FREE || frame_table[m].kind == FRAME_FREE_HEAD;
    }
    for (mfn_t m = 1; m < RAM_FRAMES && !bad; m++)
        if (frame_table[m].kind == FRAME_DOMAIN || frame_table[m].kind == FRAME_SHARED)
            bad = compare(m);
    if (!bad && free != frames_free())
        FAIL("%lu frames are free, counted %lu", free, frames_free());
    for (unsigned i = 0; i < nr_domains && !bad; i++)
        bad = check_domain(domains_[i]);
    for (unsigned i = 0; i < NR_CPUS && !bad; i++)
        bad = check_cpu(i);
    return bad;
}
