// Descriptor tables of PV guests: GDT and LDT.
//
// A frame of type FT_DESC holds descriptors that were checked when it got the type, and those
// stored by update_descriptor since; guests have it mapped read-only at most. The check keeps out
// everything by which a guest could leave ring 3: code and data segments get DPL 3, system
// descriptors are refused, except for call gates into ring 3.
//
// Each vCPU has 32 pages in the per-domain area, slot 260 of its domain's root tables: 14 for its
// GDT frames (zeros where it has none), one for the page of descriptors of the CPU that it runs on,
// one unmapped, and 16 for its LDT. The LDT is named by a linear address: its pages are mapped when
// it is set as far as they are there, and by faults later. Once mapped, a page stays the LDT's
// until another LDT is set, whatever becomes of the address.
//
// The processor sets the accessed bit of descriptors, so frames are mapped writable here.
#include "pv/desc.h"

#include "core/hypercall_table.h"
#include "cpu/desc.h"
#include "cpu/traps.h"
#include "mm/alloc.h"
#include "mm/guest.h"
#include "mm/tlb.h"
#include "pv/cpu.h"
#include "pv/mmu.h"
#include "pv/pt.h"

#define GDT_MAX_ENTRIES  (HV_GDT_OFFSET / 8)
#define ENTRIES_PER_PAGE (PAGE_SIZE / 8)

#define DESC_PRESENT        (1ull << 47)
#define DESC_CODE_DATA      (1ull << 44)
#define DESC_ACCESSED       (1ull << 40)
#define DESC_DPL            (3ull << 45)
#define DESC_TYPE           (15ull << 40)
#define DESC_TYPE_CALL_GATE (12ull << 40)

static const uint64_t zero_page[ENTRIES_PER_PAGE] __attribute__((aligned(PAGE_SIZE)));

static bool is_ring3_code(unsigned selector)
{
    return (selector & 3) == 3 && ((selector & 4) || (selector & ~7u) < HV_GDT_OFFSET ||
                                   selector == FLAT_RING3_CS32 || selector == FLAT_RING3_CS64);
}

// Makes a descriptor harmless if that is possible. False: it is refused.
static bool desc_fix(uint64_t *desc)
{
    uint64_t d = *desc;

    if (!(d & DESC_PRESENT) || !(d & (DESC_TYPE | DESC_CODE_DATA)))
        return true; // faults, or is the second half of a gate
    if (d & DESC_CODE_DATA) {
        *desc = d | DESC_DPL;
        return true;
    }
    *desc = d & ~DESC_DPL; // a gate is there to be emulated, not to be gone through
    return (d & DESC_TYPE) == DESC_TYPE_CALL_GATE && is_ring3_code((uint16_t)(d >> 16)) &&
           !(d >> 32 & 0xff);
}

int desc_validate(struct frame *f)
{
    uint64_t *t = table_of_frame(f);

    for (unsigned i = 0; i < ENTRIES_PER_PAGE; i++)
        if (t[i] && !desc_fix(&t[i])) {
            f->progress = (uint16_t)i;
            return -EINVAL;
        }
    return 0;
}

static uint64_t *area_ptes(const struct pv_vcpu *v)
{
    unsigned first = v->v.id * PERDOMAIN_VCPU_PAGES;

    return &to_pvd(v->v.domain)->perdomain_l1[first / PTES_PER_TABLE][first % PTES_PER_TABLE];
}

static void map_page(struct pv_vcpu *v, unsigned page, uint64_t pte)
{
    WRITE_ONCE(area_ptes(v)[page], pte);
    if (&v->v == current)
        tlb_flush_local_one(PERDOMAIN_GDT(v->v.id) + page * PAGE_SIZE);
}

static uint64_t zero_pte(void)
{
    return ((uint64_t)zero_page - IMAGE_START) | PTE_HV_RO;
}

int pv_desc_vcpu_init(struct pv_vcpu *v)
{
    struct pv_domain *d = to_pvd(v->v.domain);
    unsigned table = v->v.id * PERDOMAIN_VCPU_PAGES / PTES_PER_TABLE;

    if (!d->perdomain_l1[table]) {
        d->perdomain_l1[table] = pages_alloc(0);
        if (!d->perdomain_l1[table])
            return -ENOMEM;
        d->perdomain_l2[table] = virt_to_maddr(d->perdomain_l1[table]) | PTE_TABLE;
    }
    for (unsigned i = 0; i < PV_GDT_FRAMES; i++)
        area_ptes(v)[i] = zero_pte();
    return 0;
}

void pv_desc_load(struct pv_vcpu *v)
{
    area_ptes(v)[PV_GDT_FRAMES] = cpu_gdt_mfn[this_cpu()] << PAGE_SHIFT | PTE_HV_RW;
    gdt_load(PERDOMAIN_GDT(v->v.id));
    ldt_load(PERDOMAIN_LDT(v->v.id), v->ldt_entries);
}

// References of all frames of a new GDT, or of none.
static int gdt_get(const struct domain *d, const uint64_t *frames, unsigned entries)
{
    unsigned n = DIV_ROUND_UP(entries, ENTRIES_PER_PAGE), i;

    if (entries > GDT_MAX_ENTRIES)
        return -EINVAL;
    for (i = 0; i < n; i++)
        if (!mfn_valid(frames[i]) || !frame_get_and_type(mfn_to_frame(frames[i]), d, FT_DESC))
            break;
    if (i == n)
        return 0;
    while (i--)
        frame_put_and_type(mfn_to_frame(frames[i]));
    return -EINVAL;
}

// Installs frames whose references are held, and drops the old ones'.
static void gdt_install(struct pv_vcpu *v, const uint64_t *frames, unsigned entries)
{
    unsigned n = DIV_ROUND_UP(entries, ENTRIES_PER_PAGE);
    unsigned old = DIV_ROUND_UP(v->gdt_entries, ENTRIES_PER_PAGE);

    for (unsigned i = 0; i < MAX(n, old); i++) {
        mfn_t was = v->gdt_frames[i];

        v->gdt_frames[i] = i < n ? frames[i] : 0;
        map_page(v, i, i < n ? frames[i] << PAGE_SHIFT | PTE_HV_RW : zero_pte());
        if (i < old)
            frame_put_and_type(mfn_to_frame(was));
    }
    v->gdt_entries = entries;
}

// Unmaps all LDT pages.
static void ldt_clear(struct pv_vcpu *v)
{
    while (v->ldt_mapped) {
        unsigned i = bit_first(v->ldt_mapped);
        mfn_t mfn = PTE_TO_MFN(area_ptes(v)[PERDOMAIN_VCPU_PAGES / 2 + i]);

        map_page(v, PERDOMAIN_VCPU_PAGES / 2 + i, 0);
        v->ldt_mapped &= ~(1ull << i);
        frame_put_and_type(mfn_to_frame(mfn));
    }
}

// Maps page i of the current vCPU's LDT if the guest has it mapped.
static bool ldt_map(struct pv_vcpu *v, unsigned i)
{
    mfn_t mfn = pv_va_to_mfn(v->ldt_base + i * PAGE_SIZE, false);

    if (!mfn_valid(mfn) || !frame_get_and_type(mfn_to_frame(mfn), v->v.domain, FT_DESC))
        return false;
    map_page(v, PERDOMAIN_VCPU_PAGES / 2 + i, mfn << PAGE_SHIFT | PTE_HV_RW);
    v->ldt_mapped |= 1ull << i;
    return true;
}

static bool ldt_ok(uint64_t base, unsigned entries)
{
    return !entries || (!(base & ~PAGE_MASK) && entries <= PV_MAX_ENTRIES && pv_address_ok(base) &&
                        pv_address_ok(base + entries * 8 - 1));
}

int pv_set_ldt(struct pv_vcpu *v, uint64_t base, unsigned entries)
{
    if (!ldt_ok(base, entries))
        return -EINVAL;
    if (v->ldt_base == base && v->ldt_entries == entries && !entries)
        return 0;
    ldt_clear(v);
    v->ldt_base = base;
    v->ldt_entries = entries;
    for (unsigned i = 0; i < DIV_ROUND_UP(entries, ENTRIES_PER_PAGE); i++)
        ldt_map(v, i);
    ldt_load(PERDOMAIN_LDT(v->v.id), entries);
    return 0;
}

bool pv_desc_fault(uint64_t addr)
{
    struct pv_vcpu *v = to_pv(current);
    uint64_t offset = addr - PERDOMAIN_LDT(v->v.id);
    unsigned page = (unsigned)(offset / PAGE_SIZE);

    if (offset >= v->ldt_entries * 8ull || (v->ldt_mapped >> page & 1))
        return false;
    return ldt_map(v, page);
}

int pv_desc_set(struct pv_vcpu *v, const uint64_t *frames, unsigned gdt_entries, uint64_t ldt_base,
                unsigned ldt_entries)
{
    int rc;

    if (!ldt_ok(ldt_base, ldt_entries))
        return -EINVAL;
    rc = gdt_get(v->v.domain, frames, gdt_entries);
    if (rc)
        return rc;
    gdt_install(v, frames, gdt_entries);
    ldt_clear(v);
    v->ldt_base = ldt_base;
    v->ldt_entries = ldt_entries;
    return 0;
}

void pv_desc_put(struct pv_vcpu *v)
{
    gdt_install(v, NULL, 0);
    ldt_clear(v);
    v->ldt_entries = 0;
}

long do_set_gdt(uint64_t frames, unsigned entries)
{
    struct pv_vcpu *v = to_pv(current);
    uint64_t list[PV_GDT_FRAMES];
    int rc;

    if (entries > GDT_MAX_ENTRIES)
        return -EINVAL;
    if (copy_from_guest(list, frames, DIV_ROUND_UP(entries, ENTRIES_PER_PAGE) * sizeof(list[0])))
        return -EFAULT;
    rc = gdt_get(v->v.domain, list, entries);
    if (!rc)
        gdt_install(v, list, entries);
    return rc;
}

// Stores one checked descriptor at a machine address in a frame of the caller.
long do_update_descriptor(uint64_t maddr, uint64_t desc)
{
    mfn_t mfn = maddr >> PAGE_SHIFT;
    uint32_t id = frame_owner_id(current->domain);
    struct frame *f = mfn_to_frame(mfn);
    uint64_t *p = (uint64_t *)((char *)table_of_frame(f) + (maddr & ~PAGE_MASK));

    if ((maddr & 7) || !mfn_valid(mfn) || !desc_fix(&desc))
        return -EINVAL;
    if (!frame_get_validated(f, id, FT_DESC) && !frame_get_writable(f, id))
        return -EINVAL;
    WRITE_ONCE(*p, desc);
    frame_put_and_type(f);
    return 0;
}
