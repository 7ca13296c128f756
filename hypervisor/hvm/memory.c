// The memory of the current HVM guest by its own virtual addresses: its page tables are walked in
// software, page by page, as its kernel would have them walked.
#include "cpu/features.h"
#include "hvm/hvm.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "mm/guest.h"
#include "mm/pte.h"

#define CR0_PG   0x80000000u
#define CR0_WP   0x00010000u
#define EFER_LMA 0x400u
#define NO_GFN   (~0ull)
#define ADDR_32  0xfffff000u // of an entry of a 32-bit table
#define ADDR_4M  0xffc00000u

// A frame of the guest's, with a reference, and where it is mapped; NULL if there is none.
static void *map_gfn(gfn_t gfn, struct frame **f)
{
    if (hvm_gfn_to_frame(current->domain, gfn, f))
        return NULL;
    frame_add_trait(*f, FRAME_DIRTY);
    return mfn_to_virt(frame_to_mfn(*f));
}

struct walk {
    uint64_t address;
    bool write, protect; // protect: read-only pages bind the kernel (CR0.WP)
};

// Reads an entry at a guest-physical address and marks it accessed, and dirty if it is the leaf
// that is written to. False: not present, or not to be had.
static bool read_entry(const struct walk *w, uint64_t at, unsigned bytes, bool leaf,
                       uint64_t *entry)
{
    uint64_t marks = PTE_A | (leaf && w->write ? PTE_D : 0);
    struct frame *f;
    char *page = map_gfn(at >> PAGE_SHIFT, &f);

    if (!page)
        return false;
    page += at % PAGE_SIZE;
    *entry = bytes == 8 ? READ_ONCE(*(uint64_t *)page) : READ_ONCE(*(uint32_t *)page);
    if ((*entry & PTE_P) && (*entry & marks) != marks)
        __atomic_fetch_or((uint32_t *)page, (uint32_t)marks, __ATOMIC_SEQ_CST);
    frame_put(f);
    return (*entry & PTE_P) && !(w->write && w->protect && !(*entry & PTE_RW));
}

// Tables of 8-byte entries, from the one at `table` which translates up to bit `top`.
static gfn_t walk_wide(const struct walk *w, uint64_t table, unsigned top)
{
    for (unsigned shift = top;; shift -= 9) {
        uint64_t at = (table & PTE_ADDR) + PT_INDEX(w->address, shift) * 8, e;

        // Whether it is a leaf only the entry itself tells; marking it dirty besides does no harm.
        if (!read_entry(w, at, 8, shift <= L3_SHIFT, &e))
            return NO_GFN;
        if (shift == L1_SHIFT || (shift <= L3_SHIFT && (e & PTE_PSE)))
            return (e & PTE_ADDR & ~((1ull << shift) - 1)) >> PAGE_SHIFT |
                   (w->address & ((1ull << shift) - 1)) >> PAGE_SHIFT;
        table = e;
    }
}

// PAE's four top entries have no rights, and their lowest nine bits are not all as elsewhere.
static gfn_t walk_pae(const struct walk *w, uint64_t cr3)
{
    const struct walk top = {.address = w->address};
    uint64_t e;

    if (!read_entry(&top, (cr3 & ~0x1full) + (w->address >> L3_SHIFT & 3) * 8, 8, false, &e))
        return NO_GFN;
    return walk_wide(w, e, L2_SHIFT);
}

static gfn_t walk_32(const struct walk *w, uint64_t cr3, bool pse)
{
    uint32_t va = (uint32_t)w->address;
    uint64_t e;

    if (!read_entry(w, (cr3 & ADDR_32) + (va >> 22) * 4, 4, true, &e))
        return NO_GFN;
    if (pse && (e & PTE_PSE))
        return (e & ADDR_4M) >> PAGE_SHIFT | (va & ~ADDR_4M) >> PAGE_SHIFT;
    if (!read_entry(w, (e & ADDR_32) + (va >> 12 & 0x3ff) * 4, 4, true, &e))
        return NO_GFN;
    return e >> PAGE_SHIFT;
}

static gfn_t translate(uint64_t address, bool write)
{
    struct hvm_vcpu *v = to_hvm(current);
    uint64_t cr0 = hvm_ops->read(v, HVM_CR0), cr3 = hvm_ops->read(v, HVM_CR3);
    uint64_t cr4 = hvm_ops->read(v, HVM_CR4);
    struct walk w = {address, write, cr0 & CR0_WP};

    if (!(cr0 & CR0_PG))
        return (uint32_t)address >> PAGE_SHIFT;
    if (hvm_ops->read(v, HVM_EFER) & EFER_LMA)
        return (uint64_t)((int64_t)(address << 16) >> 16) == address ? walk_wide(&w, cr3, L4_SHIFT)
                                                                     : NO_GFN;
    w.address = (uint32_t)address;
    return cr4 & CR4_PAE ? walk_pae(&w, cr3) : walk_32(&w, cr3, cr4 & CR4_PSE);
}

// One piece inside a page; src NULL: zeros. False: a fault.
static bool copy_piece(uint64_t address, void *out, const void *in, size_t len, bool write)
{
    struct frame *f;
    gfn_t gfn = translate(address, write);
    char *page = gfn == NO_GFN ? NULL : map_gfn(gfn, &f);

    if (!page)
        return false;
    page += address % PAGE_SIZE;
    if (!write)
        memcpy(out, page, len);
    else if (in)
        memcpy(page, in, len);
    else
        memset(page, 0, len);
    frame_put(f);
    return true;
}

static size_t piece_at(uint64_t address, size_t len)
{
    return MIN(len, (size_t)(PAGE_SIZE - address % PAGE_SIZE));
}

static int copy_from(void *dst, uint64_t src, size_t len)
{
    while (len) {
        size_t n = piece_at(src, len);

        if (!copy_piece(src, dst, NULL, n, false))
            return -EFAULT;
        dst = (char *)dst + n;
        src += n;
        len -= n;
    }
    return 0;
}

static int copy_to(uint64_t dst, const void *src, size_t len)
{
    while (len) {
        size_t n = piece_at(dst, len);

        if (!copy_piece(dst, NULL, src, n, true))
            return -EFAULT;
        src = src ? (const char *)src + n : NULL;
        dst += n;
        len -= n;
    }
    return 0;
}

const struct guest_access hvm_guest_access = {copy_from, copy_to};

unsigned hvm_fetch(struct hvm_vcpu *v, const struct cpu_user_regs *regs, uint8_t *out, unsigned len)
{
    uint64_t at =
        hvm_ops->read(v, HVM_CS_L) ? regs->rip : hvm_ops->read(v, HVM_CS_BASE) + regs->rip;
    unsigned first = (unsigned)piece_at(at, len);

    if (copy_from(out, at, first))
        return 0;
    return first < len && copy_from(out + first, at + first, len - first) ? first : len;
}
