// What a PV domain and a PV vCPU have beyond what every guest has (core/domain.h). The common part
// comes first, so that a pointer to one is a pointer to the other.
#pragma once

#include "core/domain.h"
#include "lib/list.h"

#define PV_GDT_FRAMES  14 // frames that a guest may fill; two more slots are the hypervisor's
#define PV_LDT_FRAMES  16
#define PV_MAX_ENTRIES 8192 // of a descriptor table

// The per-domain area (slot 260): 32 pages a vCPU, 16 of GDT and 16 of LDT.
#define PERDOMAIN_VCPU_PAGES 32
#define PERDOMAIN_GDT(vcpu_id) \
    (PERDOMAIN_START + (uint64_t)(vcpu_id)*PERDOMAIN_VCPU_PAGES * PAGE_SIZE)
#define PERDOMAIN_LDT(vcpu_id) (PERDOMAIN_GDT(vcpu_id) + 16 * PAGE_SIZE)

// Whose frames a page table may point to. A guest's own tables: `from` is `owner`; a privileged
// domain may map frames of another.
struct pt_view {
    struct domain *owner; // of the table
    struct domain *from;  // of the frames mapped
    uint32_t id;          // frame_owner_id(from)
    uint64_t unusual;     // bits that make an L1 entry worth a second look
};

struct pv_domain {
    struct domain d;
    struct pt_view self;    // owner and from are d
    uint64_t *perdomain_l3; // what slot 260 of the domain's root tables points at
    uint64_t *perdomain_l2;
    uint64_t *perdomain_l1[MAX_VCPUS * PERDOMAIN_VCPU_PAGES / 512];
};

struct pv_vcpu {
    struct vcpu v;

    // Modes. A PV guest's kernel and its user programs both run at CPL 3.
    bool kernel_mode;
    bool syscall_masks_events, failsafe_masks_events, nmi_pending;
    uint8_t slow_iret;   // SLOW_IRET_*: why entry.S may not take its short way
#define SLOW_IRET_NMI  1 // NMIs are masked until then
#define SLOW_IRET_SOFT 2 // reading its frame may fault (pv/soft_tlb.c)
    uint64_t kernel_sp, kernel_ss;
    uint64_t event_callback, failsafe_callback, syscall_callback; // 0: none
    // Where entry.S may take its short way to, 0: nowhere.
    uint64_t fast_syscall, fast_page_fault;
    uint64_t sysenter_callback, syscall32_callback;
    uint16_t sysenter_cs, syscall32_cs;
    bool sysenter_masks_events, syscall32_masks_events;
    struct trap_info traps[256];

    // Root page tables: frames with a reference and a type reference of FT_L4 each.
    mfn_t root;      // kernel's, CR3
    mfn_t user_root; // user's, 0: none
    // A page table whose last typed reference this vCPU has put, and whose invalidation was
    // preempted: to be finished before anything else; with an ordinary reference.
    struct frame *unfinished;

    // Descriptor tables (pv/desc.c).
    mfn_t gdt_frames[PV_GDT_FRAMES];
    unsigned gdt_entries;
    uint64_t ldt_base;
    unsigned ldt_entries;
    uint64_t ldt_mapped; // bit per LDT page that is mapped in the per-domain area

    // Processor state that the switch carries.
    uint64_t fs_base, gs_base_kernel, gs_base_user;
    uint64_t dr[8];  // dr[7] 0: the debug registers are not in use
    uint64_t cr0_ts; // the guest's own CR0.TS: set by fpu_taskswitch
    uint64_t cr4;    // as the guest sees it
    unsigned iopl;
    uint64_t io_bitmap; // guest address of PHYSDEVOP_set_iobitmap, 0: none
    unsigned io_bitmap_ports;
    uint64_t tsc_aux;
    bool debugregs_loaded;
    bool bad_segments; // a selector could not be loaded: take the failsafe callback on the way in
    int loaded_on;     // CPU that last loaded all this, -1: none
};

static inline struct pv_vcpu *to_pv(struct vcpu *v)
{
    return container_of(v, struct pv_vcpu, v);
}

static inline struct pv_domain *to_pvd(struct domain *d)
{
    return container_of(d, struct pv_domain, d);
}

extern const struct domain_ops pv_domain_ops;

static inline bool canonical(uint64_t va)
{
    return (uint64_t)((int64_t)(va << 16) >> 16) == va;
}

// May a guest hand this address to the processor as its own code, stack or data?
static inline bool pv_address_ok(uint64_t va)
{
    return va < 0x0000800000000000 || va >= HV_END;
}
