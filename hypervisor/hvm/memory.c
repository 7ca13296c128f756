// The memory of the current HVM guest by its own virtual addresses: its page tables are walked in
// software, page by page, as its kernel would have them walked.
#include "cpu/features.h"
#include "cpu/traps.h"
#include "hvm/hvm.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "mm/guest.h"
#include "mm/pte.h"

#define CR0_PG   0x80000000u
#define CR0_WP   0x00010000u
#define EFER_LMA 0x400u
#define EFER_NX  0x800u
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

// A walk through page tables. What all entries on the way allow is allowed.
struct walk {
    uint64_t address; // to be translated
    uint64_t rights;  // of PTE_RW, PTE_US: allowed by all
    bool no_execute;  // by one of them
    bool unmarked;    // entries have no bit that says "accessed"
    uint64_t leaf_at; // the last entry that was read
    uint64_t physical;
};

// Reads an entry at a guest-physical address and marks it accessed. False: not present, or not to
// be had.
static bool read_entry(struct walk *w, uint64_t at, unsigned bytes, uint64_t *entry)
{
    struct frame *f;
    char *page = map_gfn(at >> PAGE_SHIFT, &f);

    if (!page)
        return false;
    page += at % PAGE_SIZE;
    *entry = bytes == 8 ? READ_ONCE(*(uint64_t *)page) : READ_ONCE(*(uint32_t *)page);
    if ((*entry & (PTE_P | PTE_A)) == PTE_P && !w->unmarked)
        __atomic_fetch_or((uint32_t *)page, (uint32_t)PTE_A, __ATOMIC_SEQ_CST);
    frame_put(f);
    w->rights &= *entry;
    w->no_execute |= bytes == 8 && (*entry & PTE_NX);
    w->leaf_at = at | (*entry & PTE_D ? 1 : 0);
    return *entry & PTE_P;
}

static void mark_dirty(uint64_t leaf_at)
{
    struct frame *f;
    char *page = leaf_at & 1 ? NULL : map_gfn(leaf_at >> PAGE_SHIFT, &f);

    if (!page)
        return;
    __atomic_fetch_or((uint32_t *)(page + leaf_at % PAGE_SIZE), (uint32_t)PTE_D, __ATOMIC_SEQ_CST);
    frame_put(f);
}

// Tables of 8-byte entries, from the one at `table` which translates up to bit `top`.
static bool walk_wide(struct walk *w, uint64_t table, unsigned top)
{
    for (unsigned shift = top;; shift -= 9) {
        uint64_t at = (table & PTE_ADDR) + PT_INDEX(w->address, shift) * 8;
        uint64_t inside = (1ull << shift) - 1;

        if (!read_entry(w, at, 8, &table))
            return false;
        if (shift == L1_SHIFT || (shift <= L3_SHIFT && (table & PTE_PSE))) {
            w->physical = (table & PTE_ADDR & ~inside) | (w->address & inside);
            return true;
        }
    }
}

// PAE's four top entries have no rights, nor bits to be set in them.
static bool walk_pae(struct walk *w, uint64_t cr3)
{
    struct walk top = {.address = w->address, .unmarked = true};
    uint64_t e;

    return read_entry(&top, (cr3 & ~0x1full) + (w->address >> L3_SHIFT & 3) * 8, 8, &e) &&
           walk_wide(w, e, L2_SHIFT);
}

static bool walk_32(struct walk *w, uint64_t cr3, bool pse)
{
    uint32_t va = (uint32_t)w->address, in_page = PAGE_SIZE - 1;
    uint64_t e;

    if (!read_entry(w, (cr3 & ADDR_32) + (va >> 22) * 4, 4, &e))
        return false;
    if (pse && (e & PTE_PSE)) {
        w->physical = (e & ADDR_4M) | (va & ~ADDR_4M);
        return true;
    }
    if (!read_entry(w, (e & ADDR_32) + (va >> 12 & 0x3ff) * 4, 4, &e))
        return false;
    w->physical = (e & ADDR_32) | (va & in_page);
    return true;
}

static bool walk(struct hvm_vcpu *v, struct walk *w, uint64_t cr4)
{
    uint64_t cr3 = hvm_ops->read(v, HVM_CR3);

    if (hvm_ops->read(v, HVM_EFER) & EFER_LMA)
        return (uint64_t)((int64_t)(w->address << 16) >> 16) == w->address &&
               walk_wide(w, cr3, L4_SHIFT);
    w->address = (uint32_t)w->address;
    return cr4 & CR4_PAE ? walk_pae(w, cr3) : walk_32(w, cr3, cr4 & CR4_PSE);
}

// SMAP binds what the kernel's instructions do, not what it asks the hypervisor to do.
static bool is_allowed(struct hvm_vcpu *v, const struct walk *w, unsigned access, uint64_t cr0,
                       uint64_t cr4)
{
    bool users_page = w->rights & PTE_US;

    if ((access & PFEC_USER) && !users_page)
        return false;
    if ((access & PFEC_WRITE) && !(w->rights & PTE_RW) && ((access & PFEC_USER) || (cr0 & CR0_WP)))
        return false;
    if (access & PFEC_INSN)
        return !(w->no_execute && (hvm_ops->read(v, HVM_EFER) & EFER_NX)) &&
               !(users_page && !(access & PFEC_USER) && (cr4 & CR4_SMEP));
    return !(users_page && (access & (HVM_WALK_SMAP | PFEC_USER)) == HVM_WALK_SMAP &&
             (cr4 & CR4_SMAP) && !(cpu_info()->regs.rflags & X86_EFLAGS_AC));
}

bool hvm_translate(struct hvm_vcpu *v, uint64_t address, unsigned access, uint64_t *physical,
                   uint32_t *error)
{
    uint64_t cr0 = hvm_ops->read(v, HVM_CR0), cr4 = hvm_ops->read(v, HVM_CR4);
    struct walk w = {.address = address, .rights = PTE_RW | PTE_US};

    if (!(cr0 & CR0_PG)) {
        *physical = (uint32_t)address;
        return true;
    }
    *error = access & (PFEC_WRITE | PFEC_USER | PFEC_INSN);
    if (!walk(v, &w, cr4))
        return false;
    if (!is_allowed(v, &w, access, cr0, cr4)) {
        *error |= PFEC_PRESENT;
        return false;
    }
    if (access & PFEC_WRITE)
        mark_dirty(w.leaf_at);
    *physical = w.physical;
    return true;
}

void *hvm_map(uint64_t physical, struct frame **f)
{
    char *page = map_gfn(physical >> PAGE_SHIFT, f);

    return page ? page + physical % PAGE_SIZE : NULL;
}

// One piece inside a page; src NULL: zeros. False: a fault.
static bool copy_piece(uint64_t address, void *out, const void *in, size_t len, bool write)
{
    uint64_t physical;
    struct frame *f;
    uint32_t error;
    char *to = NULL;

    if (hvm_translate(to_hvm(current), address, write ? PFEC_WRITE : 0, &physical, &error))
        to = hvm_map(physical, &f);
    if (!to)
        return false;
    if (!write)
        memcpy(out, to, len);
    else if (in)
        memcpy(to, in, len);
    else
        memset(to, 0, len);
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

uint64_t hvm_code_address(const struct hvm_vcpu *v, const struct cpu_user_regs *regs)
{
    return hvm_ops->read(v, HVM_CS_L) ? regs->rip
                                      : (uint32_t)(hvm_ops->read(v, HVM_CS_BASE) + regs->rip);
}

unsigned hvm_fetch(struct hvm_vcpu *v, const struct cpu_user_regs *regs, uint8_t *out, unsigned len)
{
    uint64_t at = hvm_code_address(v, regs);
    unsigned first = (unsigned)piece_at(at, len);

    if (copy_from(out, at, first))
        return 0;
    return first < len && copy_from(out + first, at + first, len - first) ? first : len;
}
