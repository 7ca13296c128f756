/*
 * Records of saved HVM state: what belongs to a vCPU's processor.
 */
#pragma once

#include "../types.h"

/* hvm_hw_cpu.flags */
#define _XEN_X86_FPU_INITIALISED 0 /* fpu_regs mean something */
#define XEN_X86_FPU_INITIALISED  (1U << _XEN_X86_FPU_INITIALISED)

struct hvm_hw_cpu {
    uint8_t fpu_regs[512]; /* FXSAVE image */

    uint64_t rax;
    uint64_t rbx;
    uint64_t rcx;
    uint64_t rdx;
    uint64_t rbp;
    uint64_t rsi;
    uint64_t rdi;
    uint64_t rsp;
    uint64_t r8;
    uint64_t r9;
    uint64_t r10;
    uint64_t r11;
    uint64_t r12;
    uint64_t r13;
    uint64_t r14;
    uint64_t r15;

    uint64_t rip;
    uint64_t rflags;

    uint64_t cr0;
    uint64_t cr2;
    uint64_t cr3;
    uint64_t cr4;

    uint64_t dr0;
    uint64_t dr1;
    uint64_t dr2;
    uint64_t dr3;
    uint64_t dr6;
    uint64_t dr7;

    uint32_t cs_sel;
    uint32_t ds_sel;
    uint32_t es_sel;
    uint32_t fs_sel;
    uint32_t gs_sel;
    uint32_t ss_sel;
    uint32_t tr_sel;
    uint32_t ldtr_sel;

    uint32_t cs_limit;
    uint32_t ds_limit;
    uint32_t es_limit;
    uint32_t fs_limit;
    uint32_t gs_limit;
    uint32_t ss_limit;
    uint32_t tr_limit;
    uint32_t ldtr_limit;
    uint32_t idtr_limit;
    uint32_t gdtr_limit;

    uint64_t cs_base;
    uint64_t ds_base;
    uint64_t es_base;
    uint64_t fs_base;
    uint64_t gs_base;
    uint64_t ss_base;
    uint64_t tr_base;
    uint64_t ldtr_base;
    uint64_t idtr_base;
    uint64_t gdtr_base;

    uint32_t cs_arbytes; /* descriptor bytes 5 and 6 without limit bits */
    uint32_t ds_arbytes;
    uint32_t es_arbytes;
    uint32_t fs_arbytes;
    uint32_t gs_arbytes;
    uint32_t ss_arbytes;
    uint32_t tr_arbytes;
    uint32_t ldtr_arbytes;

    uint64_t sysenter_cs;
    uint64_t sysenter_esp;
    uint64_t sysenter_eip;

    uint64_t shadow_gs; /* MSR_KERNEL_GS_BASE */

    uint64_t msr_flags; /* unused */
    uint64_t msr_lstar;
    uint64_t msr_star;
    uint64_t msr_cstar;
    uint64_t msr_syscall_mask;
    uint64_t msr_efer;
    uint64_t msr_tsc_aux;

    uint64_t tsc; /* the guest's, at the time of saving */

    /* An event that was on its way in, as in VT-x's interruption information. */
    union {
        uint32_t pending_event;
        struct {
            uint8_t pending_vector : 8;
            uint8_t pending_type : 3;
            uint8_t pending_error_valid : 1;
            uint32_t pending_reserved : 19;
            uint8_t pending_valid : 1;
        };
    };
    uint32_t error_code; /* of that event */

    uint32_t flags; /* XEN_X86_FPU_INITIALISED */
    uint32_t pad0;
};
ABI_SIZE(struct hvm_hw_cpu, 1032);
ABI_OFFSET(struct hvm_hw_cpu, rax, 512);
ABI_OFFSET(struct hvm_hw_cpu, cr0, 656);
ABI_OFFSET(struct hvm_hw_cpu, cs_sel, 736);
ABI_OFFSET(struct hvm_hw_cpu, cs_base, 808);
ABI_OFFSET(struct hvm_hw_cpu, cs_arbytes, 888);
ABI_OFFSET(struct hvm_hw_cpu, sysenter_cs, 920);
ABI_OFFSET(struct hvm_hw_cpu, tsc, 1008);
ABI_OFFSET(struct hvm_hw_cpu, pending_event, 1016);
ABI_OFFSET(struct hvm_hw_cpu, flags, 1024);

struct hvm_hw_mtrr {
    uint64_t msr_pat_cr;
#define MTRR_VCNT 8
    uint64_t msr_mtrr_var[MTRR_VCNT * 2]; /* base and mask of each */
#define NUM_FIXED_MSR 11
    uint64_t msr_mtrr_fixed[NUM_FIXED_MSR];
    uint64_t msr_mtrr_cap;
    uint64_t msr_mtrr_def_type;
};
ABI_SIZE(struct hvm_hw_mtrr, 240);

/* The XSAVE area goes on after its header for as long as the record does. */
struct hvm_hw_cpu_xsave_hdr {
    uint64_t xstate_bv;
    uint64_t xcomp_bv;
    uint64_t reserved[6];
};
ABI_SIZE(struct hvm_hw_cpu_xsave_hdr, 64);

struct hvm_hw_cpu_xsave {
    uint64_t xfeature_mask; /* what the machine had; ignored */
    uint64_t xcr0;
    uint64_t xcr0_accum; /* every bit that was ever set in xcr0 */
    struct {
        struct {
            char x[512];
        } fpu_sse;
        struct hvm_hw_cpu_xsave_hdr xsave_hdr;
    } save_area;
};
ABI_SIZE(struct hvm_hw_cpu_xsave, 600);
ABI_OFFSET(struct hvm_hw_cpu_xsave, save_area, 24);

struct hvm_vmce_vcpu {
    uint64_t caps;
    uint64_t mci_ctl2_bank0;
    uint64_t mci_ctl2_bank1;
    uint64_t mcg_ext_ctl;
};
ABI_SIZE(struct hvm_vmce_vcpu, 32);

struct hvm_tsc_adjust {
    uint64_t tsc_adjust;
};
ABI_SIZE(struct hvm_tsc_adjust, 8);

struct hvm_one_msr {
    uint32_t index;
    uint32_t _rsvd;
    uint64_t val;
};
ABI_SIZE(struct hvm_one_msr, 16);

struct hvm_msr {
    uint32_t count;
    struct hvm_one_msr msr[];
};
ABI_SIZE(struct hvm_msr, 8);
ABI_OFFSET(struct hvm_msr, msr, 8);

struct hvm_viridian_vcpu_context {
    uint64_t vp_assist_msr;
    uint8_t apic_assist_pending;
    uint8_t _pad[7];
    uint64_t simp_msr;
    uint64_t sint_msr[16];
    uint64_t stimer_config_msr[4];
    uint64_t stimer_count_msr[4];
};
ABI_SIZE(struct hvm_viridian_vcpu_context, 216);
ABI_OFFSET(struct hvm_viridian_vcpu_context, sint_msr, 24);
