// A TLB in software.
//
// The guest's tables stay what they are, validated and read by the guest as ever, but the processor
// is given others to walk: a few pages of each CPU's that hold copies of those entries that were
// needed lately. They are a TLB in every respect. An access without an entry faults; the guest's
// tables are walked, the accessed and dirty bits set in them as the processor would, and the entry
// is copied. An entry is writable only if it was filled in for a write, and that is what it is all
// about: the frame is marked FRAME_DIRTY then. Whatever flushes the CPU's TLB empties this one too
// (mm/tlb.c), so that everything which holds of stale TLB entries and of flushing before a frame is
// used otherwise holds of these as well, and nothing else in the hypervisor need know. Full means
// empty it.
//
// Nobody else touches a CPU's software TLB, and the CPU does so with interrupts off.
#include "pv/soft_tlb.h"

#include "cpu/asm.h"
#include "cpu/traps.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "mm/alloc.h"
#include "mm/direct_read.h"
#include "mm/pte.h"
#include "mm/tlb.h"
#include "pv/pt.h"

#define PAGES_ORDER 7 // of a CPU's, two of which are the roots
#define KERNEL_ROOT 0
#define USER_ROOT   1

struct soft_tlb {
    uint64_t *pages; // NULL: none
    struct pv_vcpu *v;
    unsigned used; // pages, the roots included
};

static struct soft_tlb soft_tlbs[MAX_CPUS];
static unsigned users;

static uint64_t *page(const struct soft_tlb *s, unsigned n)
{
    return s->pages + (size_t)n * PTES_PER_TABLE;
}

static void empty_root(struct soft_tlb *s, unsigned n)
{
    uint64_t *root = page(s, n);

    memset(root, 0, HV_FIRST_SLOT * sizeof(*root));
    memset(root + HV_LAST_SLOT + 1, 0, (PTES_PER_TABLE - HV_LAST_SLOT - 1) * sizeof(*root));
}

// The place of an address's entry; NULL: there is none, and no page for it.
static uint64_t *place(struct soft_tlb *s, unsigned root, uint64_t va, bool make)
{
    uint64_t *t = page(s, root);

    for (unsigned shift = L4_SHIFT; shift > L1_SHIFT; shift -= 9) {
        uint64_t *p = &t[PT_INDEX(va, shift)];

        if (!*p) {
            if (!make || s->used == 1u << PAGES_ORDER)
                return NULL;
            t = memset(page(s, s->used++), 0, PAGE_SIZE);
            *p = virt_to_maddr(t) | PTE_USER_TABLE;
        } else {
            t = maddr_to_virt(*p & PTE_ADDR);
        }
    }
    return &t[PT_INDEX(va, L1_SHIFT)];
}

// mm/tlb.c: this CPU's TLB is being flushed, of one address or of all.
static void drop(uint64_t va)
{
    struct soft_tlb *s = cpu_info()->soft_tlb;

    for (unsigned root = KERNEL_ROOT; root <= USER_ROOT; root++) {
        uint64_t *p;

        if (va == TLB_ALL)
            empty_root(s, root);
        else if ((p = place(s, root, va, false)))
            *p = 0;
    }
    if (va == TLB_ALL)
        s->used = USER_ROOT + 1;
}

int soft_tlb_prepare(void)
{
    unsigned cpu;

    tlb_soft_drop = drop;
    users++;
    for_each_cpu (cpu, cpus_online) {
        struct soft_tlb *s = &soft_tlbs[cpu];

        if (!s->pages && !(s->pages = pages_alloc(PAGES_ORDER))) {
            soft_tlb_release();
            return -ENOMEM;
        }
    }
    return 0;
}

void soft_tlb_release(void)
{
    unsigned cpu;

    if (--users)
        return;
    for_each_cpu (cpu, cpus_online) {
        pages_free(soft_tlbs[cpu].pages, PAGES_ORDER);
        soft_tlbs[cpu].pages = NULL;
    }
}

// The hypervisor's part of a root is the guest's own root's.
static maddr_t use_root(struct soft_tlb *s, unsigned n, mfn_t guest_root)
{
    const uint64_t *from = mfn_to_virt(guest_root);

    memcpy(page(s, n) + HV_FIRST_SLOT, from + HV_FIRST_SLOT,
           (HV_LAST_SLOT - HV_FIRST_SLOT + 1) * sizeof(*from));
    return virt_to_maddr(page(s, n));
}

void soft_tlb_use(struct pv_vcpu *v)
{
    struct cpu_info *info = cpu_info();
    struct soft_tlb *s = &soft_tlbs[this_cpu()];

    s->v = v;
    info->soft_tlb = s;
    info->kernel_cr3 = use_root(s, KERNEL_ROOT, v->root);
    info->user_cr3 = v->user_root ? use_root(s, USER_ROOT, v->user_root) : 0;
    tlb_flush_local_global(); // and so empties this one
}

// An entry of the guest's tables gets the bits that the processor would set. False: it has changed.
static bool touch(uint64_t *p, uint64_t *e, uint64_t bits)
{
    uint64_t old = *e;

    if ((old & bits) == bits)
        return true;
    *e |= bits;
    return __atomic_compare_exchange_n(p, &old, *e, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
}

enum outcome { ABSENT, REFUSED, CHANGED, FOUND };

// Walks the guest's tables for an access. *e: the entry that maps the address, with the rights that
// those above it leave.
static enum outcome walk(mfn_t root, uint64_t va, uint32_t error, uint64_t *e)
{
    uint64_t *t = mfn_to_virt(root), rights = PTE_RW, nx = 0, *p[4], entry[4];

    for (unsigned n = 0; n < 4; n++) {
        p[n] = &t[PT_INDEX(va, L4_SHIFT - 9 * n)];
        entry[n] = direct_read(p[n]);
        if (!(entry[n] & PTE_P))
            return ABSENT;
        rights &= entry[n];
        nx |= entry[n] & PTE_NX;
        t = maddr_to_virt(entry[n] & PTE_ADDR);
    }
    if (((error & PFEC_WRITE) && !rights) || ((error & PFEC_INSN) && nx))
        return REFUSED;
    for (unsigned n = 0; n < 4; n++)
        if (!touch(p[n], &entry[n], n == 3 && (error & PFEC_WRITE) ? PTE_A | PTE_D : PTE_A))
            return CHANGED;
    *e = (entry[3] & ~PTE_RW) | rights | nx;
    return FOUND;
}

// What the processor gets to see of an entry: writable only once the frame is known to be dirty.
static uint64_t copy_of(uint64_t e, bool write)
{
    uint64_t kept = PTE_P | PTE_US | PTE_A | PTE_D | PTE_CACHE_L1 | PTE_ADDR | PTE_NX;
    mfn_t mfn = PTE_TO_MFN(e);

    if (write && mfn_valid(mfn))
        frame_mark_dirty(mfn_to_frame(mfn));
    return e & (write ? kept | PTE_RW : kept);
}

static bool in_user_mode(const struct cpu_info *info)
{
    return info->user_cr3 && read_cr3() == info->user_cr3;
}

bool soft_tlb_fault(uint64_t addr, uint32_t *error)
{
    struct cpu_info *info = cpu_info();
    struct soft_tlb *s = info->soft_tlb;
    uint64_t e, *p, copy;
    unsigned root;

    if (!s || !pv_address_ok(addr) || (*error & PFEC_RSVD))
        return false;
    root = in_user_mode(info) ? USER_ROOT : KERNEL_ROOT;
    switch (walk(root == USER_ROOT ? s->v->user_root : s->v->root, addr, *error, &e)) {
    case ABSENT:
        return false;
    case REFUSED: // by an entry that the processor did not see, or it would have said so
        *error |= PFEC_PRESENT;
        return false;
    case CHANGED: // another vCPU is at it: the access will see what comes of it
        return true;
    default:
        break;
    }
    p = place(s, root, addr, true);
    if (!p) {
        tlb_flush_local_global();
        p = place(s, root, addr, true);
    }
    copy = copy_of(e, *error & PFEC_WRITE);
    if (*p == copy) // it was there: the access is refused for another reason
        return false;
    *p = copy;
    s->v->v.domain->dirty_log.faults++;
    return true;
}
