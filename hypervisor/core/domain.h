// Domains and virtual CPUs: what every kind of guest has. What only a PV guest has is in
// pv/domain.h, which embeds these structures; core asks a guest's kind through struct domain_ops.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/dirty_log.h"
#include "core/sched_types.h"
#include "core/timer.h"
#include "cpu/percpu.h"
#include "cpu/spinlock.h"
#include "lib/list.h"
#include "mm/frame.h"
#include "pv-abi/vcpu.h"
#include "pv-abi/xen.h"

#define MAX_VCPUS \
    128 // per domain; the legacy 32 live in shared_info, the others register their area

// Words of CPU features (pv-abi/arch-x86/cpufeatureset.h).
#define FEATURE_WORDS 19

struct domain;
struct vcpu;
struct event_state;
struct vcpu_event_state;
struct grant_table;
struct pirq_table;
struct rangeset;
struct multicall_entry;
struct cpuid_regs;
struct xen_domctl;
struct xen_domctl_ext_vcpucontext;

enum guest_kind { GUEST_PV, GUEST_HVM };

// The map from guest frame numbers to machine frames that the hypervisor keeps for a kind of guest.
// What is in it belongs to the domain: memory of its own, or frames of the hypervisor's shown to
// it.
struct physmap_ops {
    // Maps 2^order frames at gfn (aligned to them); what was there before is not mapped any more.
    // -EINVAL: beyond what such a guest can address, -ENOMEM; then nothing has changed.
    int (*add)(struct domain *d, gfn_t gfn, struct frame *f, unsigned order);
    // Takes one frame out: no CPU can reach it by gfn any more. -ENOENT: there is none.
    int (*remove)(struct domain *d, gfn_t gfn, struct frame **f);
    gfn_t (*last)(struct domain *d); // the highest in use
};

// A guest's kind. All calls are made with no lock held unless said.
struct domain_ops {
    const char *name; // "pv", "hvm"
    enum guest_kind kind;
    size_t domain_size, vcpu_size; // of the structures that embed struct domain and struct vcpu
    bool masks_upcalls;            // a vCPU begins with its upcalls masked (vcpu_info)
    uint32_t features;             // XENFEAT_* bits that such a guest is told (core/version.h)
    uint64_t vm_assists;           // VMASST_TYPE_* bits that it may enable (core/vm_assist.h)

    int (*domain_init)(struct domain *d);
    // Gives back what the kind holds of the domain's memory; -ERESTART: call again.
    int (*domain_relinquish)(struct domain *d);
    void (*domain_destroy)(struct domain *d);
    int (*vcpu_init)(struct vcpu *v);
    void (*vcpu_destroy)(struct vcpu *v);

    // VCPUOP_initialise and domctl's get/set context; arg is a guest address.
    int (*vcpu_set_context)(struct vcpu *v, const struct vcpu_guest_context *c);
    void (*vcpu_get_context)(struct vcpu *v, struct vcpu_guest_context *c);

    // domctl's set and get of what has no place in vcpu_guest_context; NULL: there is no such
    // thing. The vCPU does not run. 0; -EINVAL (set only).
    int (*vcpu_ext_context)(struct vcpu *v, struct xen_domctl_ext_vcpucontext *c, bool set);
    // Fills a page of such a guest with stubs for its hypercalls; NULL: not by domctl.
    void (*hypercall_page)(void *page);

    // What the vCPU is told by CPUID (cpu/asm.h).
    void (*cpuid)(const struct vcpu *v, uint32_t leaf, uint32_t subleaf, struct cpuid_regs *out);

    // VCPUOP_send_nmi: makes it pending, and kicks the vCPU. NULL: there is no such thing.
    void (*vcpu_nmi)(struct vcpu *v);

    // The power button, or the sleep button, of its machine. -ENOSYS, as if NULL: it has none.
    int (*press_button)(struct domain *d, bool sleep);

    // Leaving and entering a CPU, called by the switch with interrupts off.
    void (*switch_from)(struct vcpu *v);
    void (*switch_to)(struct vcpu *v);
    // Last step of a switch: enters the guest, never returns.
    __attribute__((noreturn)) void (*enter)(struct vcpu *v);

    // Writes to the current vCPU's memory as its kernel sees it, whether or not it is in the kernel
    // now: the areas that it registered by address. 0 or -EFAULT. NULL: copy_to_guest does that.
    int (*copy_to_kernel)(uint64_t va, const void *src, size_t len);

    // Grant mappings (GNTTABOP_map_grant_ref with host_map and kin): make, replace or remove the
    // mapping of mfn at addr (a virtual address, or with GNTMAP_contains_pte a machine address of a
    // PTE) of the current domain. flags: GNTMAP_*. 0 or a GNTST_* code. NULL: it cannot map any.
    int (*grant_map)(uint64_t addr, mfn_t mfn, unsigned flags);
    int (*grant_unmap)(uint64_t addr, mfn_t mfn, unsigned flags, uint64_t replace_with);

    // The frame behind a guest frame number as hypercall arguments and grant entries carry it, with
    // an ordinary reference: 0 or -EINVAL. NULL where these are machine frame numbers, as for PV.
    int (*gfn_to_frame)(struct domain *d, gfn_t gfn, struct frame **frame);

    const struct physmap_ops *physmap; // NULL where guests number machine frames, as PV ones

    // XENMEM_acquire_resource: frame `index` of ioreq server `id`, of so many. NULL: there are
    // none.
    unsigned ioreq_frames;
    int (*ioreq_frame)(struct domain *d, uint32_t id, uint64_t index, mfn_t *mfn);

    // XEN_DOMCTL_gethvmcontext, _partial and _sethvmcontext of a domain that is paused; NULL:
    // -EINVAL.
    int (*hvm_context)(struct domain *d, struct xen_domctl *op);

    const struct dirty_log_ops *dirty_log; // NULL: XEN_DOMCTL_shadow_op is -EOPNOTSUPP

    // PHYSDEVOP_set_iopl (0 to 3) and _set_iobitmap (a guest address) of the current vCPU; NULL
    // where the kind has no such thing.
    int (*set_iopl)(struct vcpu *v, unsigned iopl);
    int (*set_io_bitmap)(struct vcpu *v, uint64_t bitmap, unsigned nr_ports);
};

enum domain_dying { DOMAIN_ALIVE, DOMAIN_DYING, DOMAIN_DEAD };

struct domain {
    struct domain_memory mem; // first: mm/ knows no more of a domain
    domid_t id;
    bool privileged;        // dom0: may use the control interface
    uint8_t control_paused; // pauses by DOMCTL_pausedomain; together they count as one
    const struct domain_ops *ops;
    uint32_t refs;            // held by whoever looks at the domain; the list itself holds one
    struct list link;         // all domains, by id
    struct domain *hash_next; // core/domain_list.c
    spinlock_t lock;          // life cycle, vCPU creation, hypercalls on the domain as a whole
    bool xs_domain;           // runs xenstored
    uint32_t emulation;       // XEN_X86_EMU_*: devices that the hypervisor has for it
    uint32_t cpu_hidden[FEATURE_WORDS]; // features kept from it: core/cpu_policy.h
    uint8_t handle[16];                 // xen_domain_handle_t
    uint32_t ssidref;

    // Memory, see mm/frame.h.
    struct shared_info *shared_info;
    struct e820_entry
        *e820; // XENMEM_set_memory_map, guarded by lock; freed by memory_domain_destroy
    unsigned nr_e820;
    uint64_t vm_assist;   // VMASST_* bits
    uint64_t paging_pool; // bytes that the tools set aside for its nested page tables; only kept
    struct dirty_log dirty_log;
    struct { // of a dying domain's frames: memory_relinquish()
        bool begun;
        uint32_t left;
    } relinquish;

    // vCPUs, index 0 .. max_vcpus - 1; NULL until created.
    struct vcpu **vcpus;
    unsigned max_vcpus;
    uint64_t pollers[MAX_VCPUS / 64]; // vCPUs in SCHEDOP_poll: event_poll_begin()

    // Life and death.
    int pause_count;
    enum domain_dying dying;
    bool shutting_down, shut_down; // shutdown asked for; all vCPUs have stopped
    uint8_t shutdown_code;         // SHUTDOWN_*
    bool shutdown_code_latched;    // set ahead of the shutdown by SCHEDOP_shutdown_code

    // Owned by their rooms.
    struct event_state *events;                   // core/event.c
    struct grant_table *grants;                   // core/grant.c
    struct pirq_table *pirqs;                     // core/pirq.c
    struct rangeset *io_ports, *io_memory, *irqs; // what the domain may touch (core/rangeset.h)

    uint32_t pci_address;        // PCI configuration address port (0xcf8), as the domain wrote it
    int64_t time_offset_seconds; // of its wall clock
    struct {                     // the time-stamp counter that it sees: core/guest_tsc.h
        unsigned mode;
        uint32_t khz, incarnation;
        bool emulated;
        nsec_t start; // system time when it was 0
    } tsc;
    struct timer watchdog[2]; // SCHEDOP_watchdog
    uint32_t watchdog_in_use;
    struct sched_domain sched;
};

struct vcpu {
    unsigned id;
    struct domain *domain;
    unsigned cpu;                  // where it runs or ran last
    struct sched_vcpu sched;       // the scheduler's own
    volatile bool running;         // is on a CPU now
    volatile bool context_saved;   // its registers are in memory, another CPU may take it
    volatile uint64_t pause_flags; // VPF_*; runnable when 0 and pause_count is 0
    int pause_count;
    bool initialised; // has been given a context

    struct cpu_user_regs regs; // while not running; while running they are on the CPU's stack

    // vcpu_info: in shared_info, or where VCPUOP_register_vcpu_info put it.
    struct vcpu_info *info;
    mfn_t info_mfn;                  // INVALID_MFN while in shared_info
    struct vcpu_event_state *events; // core/event.c

    struct vcpu_runstate_info runstate;
    uint64_t runstate_guest;  // guest address of its copy, 0: none
    uint64_t time_info_guest; // guest address of the secondary time info, 0: none
    uint32_t time_generation; // of the tsc_scale that its time areas show; 0: none yet
    struct timer periodic_timer, singleshot_timer, poll_timer;
    nsec_t periodic_period, periodic_last;
    unsigned poll_port; // SCHEDOP_poll on one port; 0: several
    void *fpu;          // XSAVE area, 64-byte aligned; cpu/fpu.h
    bool fpu_dirty;     // the CPU's registers hold its state
    uint64_t xcr0;      // extended state components that the guest has enabled

    // The hypercall that is being executed, for continuations (core/hypercall.h).
    struct async *async;               // ring of asynchronous hypercalls (core/async.c); NULL: none
    struct multicall_entry *multicall; // NULL: not in a multicall
};

// Reasons not to run: v->pause_flags.
#define VPF_BLOCKED  (1u << 0) // SCHEDOP_block: until an event
#define VPF_DOWN     (1u << 1) // VCPUOP_down, or not yet up
#define VPF_POLLING  (1u << 2) // SCHEDOP_poll
#define VPF_SHUTDOWN (1u << 3)
#define VPF_DEVICE   (1u << 4) // until a device outside of the hypervisor answers (hvm/ioreq.h)
#define VPF_WAITING  (VPF_BLOCKED | VPF_POLLING | VPF_DEVICE) // it has nothing to do

extern struct list domains; // sorted by id; guarded by domains_lock
extern spinlock_t domains_lock;
// For the life cycle: adds a domain unless its number is taken (false); takes it off.
bool domain_list_add(struct domain *d);
void domain_list_remove(struct domain *d);
extern struct domain *dom0;
extern struct domain *dom_io;  // owner of frames that are no RAM (DOMID_IO)
extern struct domain *dom_xen; // owner of the hypervisor's shared frames (DOMID_XEN)
extern struct domain idle_domain;

#define for_each_domain(d) list_for_each (d, &domains, link)
#define for_each_vcpu(d, v)                          \
    for (unsigned i_ = 0; i_ < (d)->max_vcpus; i_++) \
        if (((v) = (d)->vcpus[i_]) != NULL)

static inline bool is_idle(const struct vcpu *v)
{
    return v->domain == &idle_domain;
}

// The owners of frames that no real domain owns; once, before any domain.
void domains_init(void);
// Creates a domain without vCPUs, paused by its control pause; ops gives its kind, emulation its
// devices (XEN_X86_EMU_*). Returns 0 and a reference in *out, or -ENOMEM, -EEXIST, -EINVAL.
int domain_create(domid_t id, const struct domain_ops *ops, unsigned max_vcpus, uint32_t emulation,
                  bool privileged, struct domain **out);
// Creates vCPU `id`, down and without context. NULL if memory is short.
struct vcpu *vcpu_create(struct domain *d, unsigned id);

// Makes a kind known to those who create domains by its name; once each. NULL: there is none.
void domain_register_kind(const struct domain_ops *ops);
const struct domain_ops *domain_kind(enum guest_kind kind);

// References. domain_get_by_id also takes DOMID_SELF; NULL if there is none. It may be
// dying, or dead and kept by references of others: look at `dying`.
struct domain *domain_get_by_id(domid_t id);
// The first domain whose number is not below id, with a reference; NULL if there is none.
struct domain *domain_get_next(uint32_t id);
bool domain_get(struct domain *d);
void domain_put(struct domain *d);
// A vCPU by a number that comes from a guest; NULL if there is none.
static inline struct vcpu *domain_vcpu(const struct domain *d, uint32_t id)
{
    return id < d->max_vcpus ? d->vcpus[index_nospec(id, d->max_vcpus)] : NULL;
}

// Pausing nests. Returns once it, or no vCPU of d, runs any more: not for the current ones.
void domain_pause(struct domain *d);
void domain_unpause(struct domain *d);
void vcpu_pause(struct vcpu *v);
void vcpu_unpause(struct vcpu *v);

// Orderly shutdown with a SHUTDOWN_* reason: all vCPUs stop, the toolstack is told (VIRQ_DOM_EXC).
// Dom0's shutdown is the machine's.
void domain_shutdown(struct domain *d, unsigned reason);
void domain_resume(struct domain *d);
// VCPUOP_down: the vCPU stops until somebody starts it; a domain whose last one does so has powered
// itself off.
void vcpu_down(struct vcpu *v);
// A guest did what it must not: prints why and the registers, and shuts it down with
// SHUTDOWN_crash. Returns; the vCPU stops at the next chance.
__attribute__((format(printf, 2, 3))) void domain_crash(struct domain *d, const char *fmt, ...);
// Starts or continues destruction; -ERESTART: call again. When the last reference goes, all is
// freed.
int domain_kill(struct domain *d);
