// A vCPU's VMCB: its making, and its state in and out of it.
#include "cpu/features.h"
#include "hvm/svm/svm.h"
#include "lib/errno.h"
#include "lib/log.h"
#include "lib/string.h"
#include "mm/alloc.h"

#define EFER_SVME 0x1000ull
#define CR0_PG    0x80000000ull
#define CR0_ET    0x10ull
#define AR_L      (1u << 9)

// Everything that could reach beyond the guest, and what needs the hypervisor's help.
#define INTERCEPTS_1                                                                      \
    (SVM_I1_INTR | SVM_I1_NMI | SVM_I1_SMI | SVM_I1_INIT | SVM_I1_RDPMC | SVM_I1_CPUID |  \
     SVM_I1_INVD | SVM_I1_HLT | SVM_I1_INVLPGA | SVM_I1_IOIO | SVM_I1_MSR | SVM_I1_TASK | \
     SVM_I1_FERR | SVM_I1_SHUTDOWN)
#define INTERCEPTS_2                                                                             \
    (SVM_I2_VMRUN | SVM_I2_VMMCALL | SVM_I2_VMLOAD | SVM_I2_VMSAVE | SVM_I2_STGI | SVM_I2_CLGI | \
     SVM_I2_SKINIT | SVM_I2_WBINVD | SVM_I2_MONITOR | SVM_I2_MWAIT | SVM_I2_XSETBV)
#define EXCEPTION_MC 18

int svm_vcpu_init(struct hvm_vcpu *v)
{
    struct svm_vcpu *s = xzalloc(struct svm_vcpu);
    struct vmcb *vmcb = s ? pages_alloc(0) : NULL;

    if (!vmcb) {
        xfree(s);
        return -ENOMEM;
    }
    s->vmcb = vmcb;
    s->tag.cpu = -1;
    vmcb->intercept_exceptions = 1u << EXCEPTION_MC;
    vmcb->intercept_1 = INTERCEPTS_1;
    vmcb->intercept_2 = INTERCEPTS_2;
    vmcb->iopm_base = svm_maps.io_permissions;
    vmcb->msrpm_base = svm_maps.msr_permissions;
    vmcb->virtual_interrupt = SVM_V_MASKING;
    vmcb->nested_control = SVM_NESTED_PAGING;
    vmcb->nested_cr3 = virt_to_maddr(to_hvmd(v->v.domain)->p2m.root);
    vmcb->pat = 0x0007040600070406ull;
    v->vendor = s;
    return 0;
}

void svm_vcpu_destroy(struct hvm_vcpu *v)
{
    struct svm_vcpu *s = to_svm(v);

    pages_free(s->vmcb, 0);
    xfree(s);
    v->vendor = NULL;
}

uint64_t svm_read(const struct hvm_vcpu *v, enum hvm_field field)
{
    const struct vmcb *vmcb = to_svm(v)->vmcb;

    switch (field) {
    case HVM_CR0:
        return vmcb->cr0;
    case HVM_CR2:
        return vmcb->cr2;
    case HVM_CR3:
        return vmcb->cr3;
    case HVM_CR4:
        return vmcb->cr4;
    case HVM_EFER:
        return vmcb->efer & ~EFER_SVME;
    case HVM_CPL:
        return vmcb->cpl;
    case HVM_CS_BASE:
        return vmcb->cs.base;
    case HVM_CS_L: // 64-bit code
        return (vmcb->efer & 0x400) && (vmcb->cs.attributes & AR_L);
    case HVM_PAT:
        return vmcb->pat;
    }
    return 0;
}

// Where a saved state's parts are in the VMCB. Attributes of segments are saved as it has them.
// clang-format off
#define EACH_SEGMENT(X) X(cs) X(ds) X(es) X(fs) X(gs) X(ss) X(tr) X(ldtr)

#define EACH_FIELD(X)                                                            \
    X(cr0, cr0) X(cr2, cr2) X(cr3, cr3) X(cr4, cr4) X(dr6, dr6) X(dr7, dr7)      \
    X(sysenter_cs, sysenter_cs) X(sysenter_esp, sysenter_esp)                    \
    X(sysenter_eip, sysenter_eip) X(shadow_gs, kernel_gs_base)                   \
    X(msr_lstar, lstar) X(msr_star, star) X(msr_cstar, cstar)                    \
    X(msr_syscall_mask, sfmask)
// clang-format on

void svm_get_state(const struct hvm_vcpu *v, struct hvm_hw_cpu *state)
{
    const struct vmcb *vmcb = to_svm(v)->vmcb;

#define COPY(saved, field) state->saved = vmcb->field;
    EACH_FIELD(COPY)
#undef COPY
#define COPY(segment)                              \
    state->segment##_sel = vmcb->segment.selector; \
    state->segment##_limit = vmcb->segment.limit;  \
    state->segment##_base = vmcb->segment.base;    \
    state->segment##_arbytes = vmcb->segment.attributes;
    EACH_SEGMENT(COPY)
#undef COPY
    state->gdtr_base = vmcb->gdtr.base;
    state->gdtr_limit = vmcb->gdtr.limit;
    state->idtr_base = vmcb->idtr.base;
    state->idtr_limit = vmcb->idtr.limit;
    state->msr_efer = vmcb->efer & ~EFER_SVME;
    if (vmcb->event & SVM_EVENT_VALID) {
        state->pending_event = (uint32_t)vmcb->event;
        state->error_code = (uint32_t)(vmcb->event >> 32);
    }
}

void svm_set_state(struct hvm_vcpu *v, const struct hvm_hw_cpu *state)
{
    struct vmcb *vmcb = to_svm(v)->vmcb;

#define COPY(saved, field) vmcb->field = state->saved;
    EACH_FIELD(COPY)
#undef COPY
#define COPY(name)                                                                          \
    vmcb->name =                                                                            \
        (struct vmcb_segment){(uint16_t)state->name##_sel, (uint16_t)state->name##_arbytes, \
                              state->name##_limit, state->name##_base};
    EACH_SEGMENT(COPY)
#undef COPY
    vmcb->gdtr.base = state->gdtr_base;
    vmcb->gdtr.limit = state->gdtr_limit;
    vmcb->idtr.base = state->idtr_base;
    vmcb->idtr.limit = state->idtr_limit;
    vmcb->cr0 |= CR0_ET;
    vmcb->efer = state->msr_efer | EFER_SVME;
    vmcb->cpl = vmcb->ss.attributes >> 5 & 3;
    vmcb->event =
        state->pending_valid ? state->pending_event | (uint64_t)state->error_code << 32 : 0;
    vmcb->interrupt_shadow = 0;
    v->v.regs.rip = state->rip;
    v->v.regs.rsp = state->rsp;
    v->v.regs.rflags = state->rflags | 2;
    v->v.regs.rdx = state->rdx;
}
