// A vCPU's VMCS: its making, and its state in and out of it.
#include "hvm/vmx/vmx.h"
#include "lib/errno.h"
#include "mm/alloc.h"

#define EFER_LMA     0x400ull
#define EXCEPTION_MC 18
#define NO_LINK      (~0ull)
#define DR7_FIXED    0x400u
#define AR_ACCESSED  0x1u // of code and data
#define AR_BUSY      0x2u // of a TSS

// What does not change in a vCPU's life, but for fields that stay zero.
static void write_controls(struct hvm_vcpu *v)
{
    struct vmx_vcpu *x = to_vmx(v);

    vmwrite(VMCS_PIN_CONTROLS, vmx_processor.pin);
    vmwrite(VMCS_CPU_CONTROLS, vmx_processor.cpu);
    vmwrite(VMCS_CPU_CONTROLS_2, vmx_processor.cpu2);
    vmwrite(VMCS_EXIT_CONTROLS, vmx_processor.exit);
    vmwrite(VMCS_ENTRY_CONTROLS, vmx_processor.entry);
    vmwrite(VMCS_EXCEPTIONS, 1u << EXCEPTION_MC);
    vmwrite(VMCS_MSR_BITMAP, vmx_processor.msr_bitmap);
    vmwrite(VMCS_EPT_POINTER, x->ept_pointer);
    vmwrite(VMCS_LINK, NO_LINK);
    x->cpu_controls = vmx_processor.cpu;
    x->entry_controls = vmx_processor.entry;
}

// A VMCS is of undefined content at first, but for what VMCLEAR does to it.
static void clear_fields(void)
{
    static const uint16_t zero[] = {
        VMCS_FAULT_MASK,        VMCS_FAULT_MATCH,  VMCS_CR3_TARGETS,      VMCS_EXIT_STORES,
        VMCS_EXIT_LOADS,        VMCS_ENTRY_LOADS,  VMCS_ENTRY_EVENT,      VMCS_TSC_OFFSET,
        VMCS_GUEST_DEBUGCTL,    VMCS_ACTIVITY,     VMCS_INTERRUPTIBILITY, VMCS_PENDING_DEBUG,
        VMCS_HOST_ES,           VMCS_HOST_DS,      VMCS_HOST_FS,          VMCS_HOST_GS,
        VMCS_HOST_FS_BASE,      VMCS_HOST_GS_BASE, VMCS_HOST_SYSENTER_CS, VMCS_HOST_SYSENTER_ESP,
        VMCS_HOST_SYSENTER_EIP, VMCS_ENTRY_LENGTH, VMCS_ENTRY_ERROR,
    };

    for (unsigned i = 0; i < ARRAY_SIZE(zero); i++)
        vmwrite(zero[i], 0);
}

int vmx_vcpu_init(struct hvm_vcpu *v)
{
    struct vmx_vcpu *x = xzalloc(struct vmx_vcpu);
    uint32_t *vmcs = x ? pages_alloc(0) : NULL;
    bool borrowed;

    if (!vmcs) {
        xfree(x);
        return -ENOMEM;
    }
    *vmcs = vmx_processor.revision;
    x->vmcs = vmcs;
    x->tag.cpu = -1;
    x->ept_pointer = virt_to_maddr(to_hvmd(v->v.domain)->p2m.root) | vmx_processor.ept_flags;
    v->vendor = x;
    vmclear(virt_to_maddr(vmcs));
    borrowed = vmx_borrow(v);
    clear_fields();
    write_controls(v);
    vmx_give_back(v, borrowed);
    return 0;
}

void vmx_vcpu_destroy(struct hvm_vcpu *v)
{
    struct vmx_vcpu *x = to_vmx(v);

    pages_free(x->vmcs, 0);
    xfree(x);
    v->vendor = NULL;
}

static uint64_t read_loaded(const struct hvm_vcpu *v, enum hvm_field field)
{
    const struct vmx_vcpu *x = to_vmx(v);

    switch (field) {
    case HVM_CR0:
        return vmx_cr0(x);
    case HVM_CR3:
        return vmread(VMCS_GUEST_CR3);
    case HVM_CR4:
        return vmx_cr4(x);
    case HVM_EFER:
        return vmread(VMCS_GUEST_EFER);
    case HVM_CPL:
        return VMX_AR_DPL(vmread(VMCS_GUEST_ATTRIBUTES + 2 * VMX_SS));
    case HVM_CS_BASE:
        return vmread(VMCS_GUEST_BASE + 2 * VMX_CS);
    case HVM_CS_L: // 64-bit code
        return (vmread(VMCS_GUEST_EFER) & EFER_LMA) &&
               (vmread(VMCS_GUEST_ATTRIBUTES + 2 * VMX_CS) & VMX_AR_L);
    case HVM_CR2:
        return x->cr2;
    case HVM_PAT:
        return v->mtrr.msr_pat_cr;
    }
    return 0;
}

uint64_t vmx_read(const struct hvm_vcpu *v, enum hvm_field field)
{
    bool borrowed = vmx_borrow(v);
    uint64_t value = read_loaded(v, field);

    vmx_give_back(v, borrowed);
    return value;
}

// Segments. AMD's 12 bits of attributes are what is saved: here there is a gap in the middle, and
// what AMD has as "not present" is "unusable".

static uint32_t from_saved(uint32_t attributes)
{
    uint32_t ar = (attributes & 0xff) | (attributes & 0xf00) << 4;

    if (!(ar & VMX_AR_P))
        return ar | VMX_AR_UNUSABLE;
    return ar & VMX_AR_S ? ar | AR_ACCESSED : ar; // as the processor would have made it
}

static uint32_t to_saved(uint64_t ar)
{
    return ar & VMX_AR_UNUSABLE ? 0 : (uint32_t)((ar & 0xff) | (ar >> 4 & 0xf00));
}

// clang-format off
#define EACH_SEGMENT(X) \
    X(es, VMX_ES) X(cs, VMX_CS) X(ss, VMX_SS) X(ds, VMX_DS) X(fs, VMX_FS) X(gs, VMX_GS) \
    X(ldtr, VMX_LDTR) X(tr, VMX_TR)

#define EACH_FIELD(X)                                                                  \
    X(cr3, VMCS_GUEST_CR3) X(dr7, VMCS_GUEST_DR7)                                      \
    X(sysenter_cs, VMCS_GUEST_SYSENTER_CS) X(sysenter_esp, VMCS_GUEST_SYSENTER_ESP)    \
    X(sysenter_eip, VMCS_GUEST_SYSENTER_EIP)                                           \
    X(gdtr_base, VMCS_GUEST_GDTR_BASE) X(idtr_base, VMCS_GUEST_IDTR_BASE)

#define EACH_MSR(X)                                                                    \
    X(msr_star, VMX_MSR_STAR) X(msr_lstar, VMX_MSR_LSTAR) X(msr_cstar, VMX_MSR_CSTAR)  \
    X(msr_syscall_mask, VMX_MSR_FMASK) X(shadow_gs, VMX_MSR_GS)
// clang-format on

static void get_loaded(const struct vmx_vcpu *x, struct hvm_hw_cpu *state)
{
#define GET(name, segment)                                                     \
    state->name##_sel = (uint32_t)vmread(VMCS_GUEST_SELECTOR + 2 * (segment)); \
    state->name##_limit = (uint32_t)vmread(VMCS_GUEST_LIMIT + 2 * (segment));  \
    state->name##_base = vmread(VMCS_GUEST_BASE + 2 * (segment));              \
    state->name##_arbytes = to_saved(vmread(VMCS_GUEST_ATTRIBUTES + 2 * (segment)));
    EACH_SEGMENT(GET)
#undef GET
#define GET(saved, field) state->saved = vmread(field);
    EACH_FIELD(GET)
#undef GET
    state->gdtr_limit = (uint32_t)vmread(VMCS_GUEST_GDTR_LIMIT);
    state->idtr_limit = (uint32_t)vmread(VMCS_GUEST_IDTR_LIMIT);
    state->cr0 = vmx_cr0(x);
    state->cr4 = vmx_cr4(x);
    state->msr_efer = vmread(VMCS_GUEST_EFER);
}

void vmx_get_state(const struct hvm_vcpu *v, struct hvm_hw_cpu *state)
{
    const struct vmx_vcpu *x = to_vmx(v);
    bool borrowed = vmx_borrow(v);

    get_loaded(x, state);
    vmx_give_back(v, borrowed);
#define GET(saved, n) state->saved = x->msrs[n];
    EACH_MSR(GET)
#undef GET
    state->cr2 = x->cr2;
    state->dr6 = x->dr6;
    if (x->event) {
        state->pending_event = x->event;
        state->error_code = x->event_error;
    }
}

static void set_loaded(struct hvm_vcpu *v, const struct hvm_hw_cpu *state)
{
#define SET(name, segment)                                           \
    vmwrite(VMCS_GUEST_SELECTOR + 2 * (segment), state->name##_sel); \
    vmwrite(VMCS_GUEST_LIMIT + 2 * (segment), state->name##_limit);  \
    vmwrite(VMCS_GUEST_BASE + 2 * (segment), state->name##_base);    \
    vmwrite(VMCS_GUEST_ATTRIBUTES + 2 * (segment), from_saved(state->name##_arbytes));
    EACH_SEGMENT(SET)
#undef SET
#define SET(saved, field) vmwrite(field, state->saved);
    EACH_FIELD(SET)
#undef SET
    vmwrite(VMCS_GUEST_ATTRIBUTES + 2 * VMX_TR, from_saved(state->tr_arbytes) | AR_BUSY);
    vmwrite(VMCS_GUEST_GDTR_LIMIT, state->gdtr_limit);
    vmwrite(VMCS_GUEST_IDTR_LIMIT, state->idtr_limit);
    vmwrite(VMCS_GUEST_DR7, state->dr7 | DR7_FIXED);
    vmwrite(VMCS_INTERRUPTIBILITY, 0);
    vmwrite(VMCS_PENDING_DEBUG, 0);
    vmx_load_control(v, state->cr0, state->cr4, state->msr_efer);
}

void vmx_set_state(struct hvm_vcpu *v, const struct hvm_hw_cpu *state)
{
    struct vmx_vcpu *x = to_vmx(v);
    bool borrowed = vmx_borrow(v);

    set_loaded(v, state);
    vmx_give_back(v, borrowed);
#define SET(saved, n) x->msrs[n] = state->saved;
    EACH_MSR(SET)
#undef SET
    x->cr2 = state->cr2;
    x->dr6 = state->dr6;
    x->event = state->pending_valid ? state->pending_event : 0;
    x->event_error = state->error_code;
    x->tag.cpu = -1;
    v->v.regs.rip = state->rip;
    v->v.regs.rsp = state->rsp;
    v->v.regs.rflags = state->rflags | 2;
    v->v.regs.rdx = state->rdx;
}
