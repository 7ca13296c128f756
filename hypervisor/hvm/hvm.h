// What an HVM domain and an HVM vCPU have beyond what every guest has (core/domain.h), and the
// table of operations by which the processor's kind of virtualization is driven (hvm/svm/,
// hvm/vmx/).
//
// A vCPU's general registers are in cpu_info()->regs while the hypervisor works for it, RIP, RSP,
// RFLAGS and RAX included; what else makes it up is the vendor's to keep, and is read and written
// by hvm_field.
#pragma once

#include "core/domain.h"
#include "cpu/asm.h"
#include "hvm/access.h"
#include "hvm/ioreq.h"
#include "hvm/lapic.h"
#include "hvm/p2m.h"
#include "pv-abi/hvm/params.h"
#include "pv-abi/hvm/save.h"

struct hvm_domain {
    struct domain d;
    struct p2m p2m;
    uint64_t params[HVM_NR_PARAMS]; // HVM_PARAM_*; guarded by d.lock
    uint8_t callback_vector;        // of HVM_PARAM_CALLBACK_IRQ; 0: none
    struct hvm_devices devices;
    struct ioreq_domain ioreqs;
    bool map_shrunk;     // memory was taken out of the map: ioreq servers may have it mapped still
    uint8_t last_lowest; // the vCPU that took the last interrupt of lowest priority
    struct hvm_platform *platform; // NULL: it has no devices but local APICs
};

#define HVM_DEBUG_LINE 128

struct hvm_vcpu {
    struct vcpu v;
    void *vendor; // struct svm_vcpu, struct vmx_vcpu
    struct lapic lapic;
    struct hvm_hw_mtrr mtrr; // as the guest set them: nothing follows from them but the PAT
    uint32_t tsc_aux;
    uint64_t dr[4];
    uint8_t upcall_vector; // HVMOP_set_evtchn_upcall_vector; 0: the domain's
    bool nmi_pending, init_pending;
    char debug_line[HVM_DEBUG_LINE]; // written to the debug port and not yet shown
    unsigned debug_length;
    struct hvm_access_log accesses;
    struct ioreq_vcpu ioreqs;
    struct hvm_window *window; // during a hypercall of 32-bit code: hvm/compat32.c
};

enum hvm_field {
    HVM_CR0,
    HVM_CR2,
    HVM_CR3,
    HVM_CR4,
    HVM_EFER,
    HVM_CPL,
    HVM_CS_BASE,
    HVM_CS_L,
    HVM_PAT
};

enum hvm_event_type { HVM_EVENT_INTERRUPT = 0, HVM_EVENT_NMI = 2, HVM_EVENT_EXCEPTION = 3 };

// A vendor's virtualization. Operations on the current vCPU unless said.
struct hvm_ops {
    const char *name;
    const struct p2m_format *p2m_format;
    uint8_t hypercall_insn[3];

    int (*vcpu_init)(struct hvm_vcpu *v); // -ENOMEM
    void (*vcpu_destroy)(struct hvm_vcpu *v);
    void (*switch_from)(struct hvm_vcpu *v);
    void (*switch_to)(struct hvm_vcpu *v);
    __attribute__((noreturn)) void (*enter)(void);
    // Deals once more with the exit that came last: an access of its instruction had to wait, and
    // now has its answer.
    void (*redo)(struct hvm_vcpu *v);

    uint64_t (*read)(const struct hvm_vcpu *v, enum hvm_field field);
    // The whole state of a vCPU that does not run, as saved; the general registers are in
    // v->v.regs.
    void (*get_state)(const struct hvm_vcpu *v, struct hvm_hw_cpu *state);
    void (*set_state)(struct hvm_vcpu *v, const struct hvm_hw_cpu *state);

    // The next entry delivers this to the guest. error: -1 for none.
    void (*inject)(struct hvm_vcpu *v, enum hvm_event_type type, uint8_t vector, int64_t error);
    bool (*can_interrupt)(const struct hvm_vcpu *v); // could take an external interrupt right now
    // Could it take an NMI? If not, it exits when it could. NULL: it always can.
    bool (*can_nmi)(struct hvm_vcpu *v);
    bool (*is_injecting)(const struct hvm_vcpu *v);
    void (*want_window)(struct hvm_vcpu *v, bool want); // exit when it could
    void (*set_cr2)(struct hvm_vcpu *v, uint64_t address);
    void (*set_pat)(struct hvm_vcpu *v, uint64_t pat);
    void (*set_efer)(struct hvm_vcpu *v, uint64_t efer);
};

// An instruction that reaches for a port.
struct hvm_io {
    uint16_t port;
    uint8_t bytes; // 1, 2 or 4
    bool in, string;
    uint64_t next_rip;
};

// A guest-physical address that the nested page tables do not let the guest access so.
struct hvm_memory_exit {
    uint64_t address;
    uint32_t event; // that was being delivered, as the processor has it; 0: none
    bool write;
    bool of_tables; // it is of an entry of the guest's page tables
};

// The machine's; NULL: it has none that will do.
extern const struct hvm_ops *hvm_ops;

static inline struct hvm_vcpu *to_hvm(struct vcpu *v)
{
    return container_of(v, struct hvm_vcpu, v);
}

static inline struct hvm_domain *to_hvmd(struct domain *d)
{
    return container_of(d, struct hvm_domain, d);
}

// Finds what the machine has, and makes the kind known; once, when all CPUs are up.
void hvm_init(void);

// hvm/entry.c: how other CPUs' news reaches a vCPU,
void hvm_send_init(struct hvm_vcpu *target);
void hvm_send_startup(struct hvm_vcpu *target,
                      uint8_t page); // it goes on at page * 4096, in real mode
void hvm_send_nmi(struct vcpu *target);
// ... whether the current one has any,
bool hvm_interrupt_pending(struct hvm_vcpu *v);
// and what a vCPU does on its way in, interrupts off: pending work, events.
void hvm_prepare(struct hvm_vcpu *v);
// Has the guest meet an exception instead of what it tried; error: -1 for none.
void hvm_fault(struct hvm_vcpu *v, uint8_t vector, int64_t error);
void hvm_page_fault(struct hvm_vcpu *v, uint64_t address, uint32_t error);

// hvm/exits.c: what guests may do that leaves them. `length`: bytes of the instruction, to be
// passed over when it is done.
void hvm_exit_cpuid(struct hvm_vcpu *v, struct cpu_user_regs *regs, unsigned length);
void hvm_exit_msr(struct hvm_vcpu *v, struct cpu_user_regs *regs, bool write, unsigned length);
void hvm_exit_xsetbv(struct hvm_vcpu *v, struct cpu_user_regs *regs, unsigned length);
// The machine resets, unless the domain's tools want another end.
void hvm_exit_triple_fault(struct hvm_vcpu *v);
void hvm_exit_halt(struct hvm_vcpu *v, struct cpu_user_regs *regs, unsigned length);
void hvm_exit_hypercall(struct hvm_vcpu *v, struct cpu_user_regs *regs, unsigned length);
// hvm/compat32.c: from 32-bit code. The instruction, of so many bytes, has been passed over.
void hvm_hypercall_32(struct hvm_vcpu *v, struct cpu_user_regs *regs, unsigned length);
void hvm_exit_io(struct hvm_vcpu *v, struct cpu_user_regs *regs,
                 const struct hvm_io *io); // hvm/io.c
int hvm_debug_port_init(struct domain *d); // the device that is there: -ENOSPC
// hvm/instruction.c: an access to a guest-physical address with nothing behind, or read-only, and a
// string of ports, for which the instruction at CS:RIP is done in the guest's name.
void hvm_exit_memory(struct hvm_vcpu *v, struct cpu_user_regs *regs,
                     const struct hvm_memory_exit *e);
void hvm_exit_string_io(struct hvm_vcpu *v, struct cpu_user_regs *regs, const struct hvm_io *io);

// hvm/msr.c. Those that guests read and write without an exit:
#define HVM_GUESTS_OWN_MSRS 10
extern const uint32_t hvm_guests_own_msrs[HVM_GUESTS_OWN_MSRS];
// ... and the others. False: the guest gets #GP.
bool hvm_read_msr(struct hvm_vcpu *v, uint32_t msr, uint64_t *value);
bool hvm_write_msr(struct hvm_vcpu *v, uint32_t msr, uint64_t value);
bool hvm_write_pat(struct hvm_vcpu *v, uint64_t pat);
// A saved record: false if it holds what no guest could have written. Taken over if `commit`.
bool hvm_load_mtrr(struct hvm_vcpu *v, const struct hvm_hw_mtrr *mtrr, bool commit);

// hvm/cpuid.c
void hvm_cpuid(const struct vcpu *v, uint32_t leaf, uint32_t subleaf, struct cpuid_regs *out);

// hvm/memory.c: the current guest's memory, by its own addresses.
extern const struct guest_access hvm_guest_access;
// Copies instruction bytes at CS:RIP, as many as can be had up to `len`.
unsigned hvm_fetch(struct hvm_vcpu *v, const struct cpu_user_regs *regs, uint8_t *out,
                   unsigned len);
// CS:RIP as a linear address.
uint64_t hvm_code_address(const struct hvm_vcpu *v, const struct cpu_user_regs *regs);
// Walks the current vCPU's page tables, and marks what it meets accessed and dirty. access:
// PFEC_WRITE, PFEC_USER, PFEC_INSN, HVM_WALK_SMAP (an instruction's own access to data). False: a
// page fault with *error.
#define HVM_WALK_SMAP 0x1000u
bool hvm_translate(struct hvm_vcpu *v, uint64_t address, unsigned access, uint64_t *physical,
                   uint32_t *error);
// Where a guest-physical address of the current domain's is mapped, up to the end of its page, with
// a reference on its frame; NULL: there is no memory.
void *hvm_map(uint64_t physical, struct frame **f);

// hvm/context.c
int hvm_domctl_context(struct domain *d, struct xen_domctl *op);
void hvm_reset(struct hvm_vcpu *v, uint32_t cs_selector); // real mode, at cs:0 or the reset vector

// hvm/params.c
bool hvm_install_hypercall_page(uint64_t msr_value); // false: no frame there
