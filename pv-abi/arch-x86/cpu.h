/*
 * The processor as a 64-bit paravirtual guest sees it: selectors, registers, traps, and the
 * complete state of a vCPU.
 */
#pragma once

#include "../types.h"

/*
 * Descriptors that lie in the hypervisor's part of every GDT, usable by any guest. A 64-bit
 * guest's kernel and user space both run at privilege level 3.
 */
#define FLAT_RING3_CS32 0xe023
#define FLAT_RING3_CS64 0xe033
#define FLAT_RING3_DS32 0xe02b
#define FLAT_RING3_DS64 0x0000
#define FLAT_RING3_SS32 0xe02b
#define FLAT_RING3_SS64 0xe02b

#define FLAT_KERNEL_CS64 FLAT_RING3_CS64
#define FLAT_KERNEL_CS32 FLAT_RING3_CS32
#define FLAT_KERNEL_CS   FLAT_KERNEL_CS64
#define FLAT_KERNEL_DS64 FLAT_RING3_DS64
#define FLAT_KERNEL_DS32 FLAT_RING3_DS32
#define FLAT_KERNEL_DS   FLAT_KERNEL_DS64
#define FLAT_KERNEL_SS64 FLAT_RING3_SS64
#define FLAT_KERNEL_SS32 FLAT_RING3_SS32
#define FLAT_KERNEL_SS   FLAT_KERNEL_SS64

#define FLAT_USER_CS64 FLAT_RING3_CS64
#define FLAT_USER_CS32 FLAT_RING3_CS32
#define FLAT_USER_CS   FLAT_USER_CS64
#define FLAT_USER_DS64 FLAT_RING3_DS64
#define FLAT_USER_DS32 FLAT_RING3_DS32
#define FLAT_USER_DS   FLAT_USER_DS64
#define FLAT_USER_SS64 FLAT_RING3_SS64
#define FLAT_USER_SS32 FLAT_RING3_SS32
#define FLAT_USER_SS   FLAT_USER_SS64

/* HYPERVISOR_set_segment_base(which, value) */
enum {
    SEGBASE_FS = 0,
    SEGBASE_GS_USER = 1,     /* GS base of user mode */
    SEGBASE_GS_KERNEL = 2,   /* GS base of kernel mode */
    SEGBASE_GS_USER_SEL = 3, /* load the selector in the low 16 bits into user mode's GS */
};

/*
 * HYPERVISOR_iret takes its frame from the guest's stack. rcx and r11 are not restored when
 * `flags` says VGCF_in_syscall: SYSRET needs them for rip and rflags.
 */
struct iret_context {
    uint64_t rax;
    uint64_t r11;
    uint64_t rcx;
    uint64_t flags; /* VGCF_in_syscall or 0 */
    uint64_t rip;
    uint64_t cs;
    uint64_t rflags;
    uint64_t rsp;
    uint64_t ss;
};
ABI_SIZE(struct iret_context, 72);

typedef struct cpu_user_regs {
    uint64_t r15;
    uint64_t r14;
    uint64_t r13;
    uint64_t r12;
    uint64_t rbp;
    uint64_t rbx;
    uint64_t r11;
    uint64_t r10;
    uint64_t r9;
    uint64_t r8;
    uint64_t rax;
    uint64_t rcx;
    uint64_t rdx;
    uint64_t rsi;
    uint64_t rdi;
    uint32_t error_code;
    uint32_t entry_vector;
    uint64_t rip;
    uint16_t cs;
    uint16_t _pad0[1];
    uint8_t saved_upcall_mask;
    uint8_t _pad1[3];
    uint64_t rflags; /* the interrupt flag is the inverse of saved_upcall_mask */
    uint64_t rsp;
    uint16_t ss;
    uint16_t _pad2[3];
    uint16_t es;
    uint16_t _pad3[3];
    uint16_t ds;
    uint16_t _pad4[3];
    uint16_t fs;
    uint16_t _pad5[3];
    uint16_t gs;
    uint16_t _pad6[3];
} cpu_user_regs_t;
ABI_SIZE(struct cpu_user_regs, 200);
ABI_OFFSET(struct cpu_user_regs, rax, 80);
ABI_OFFSET(struct cpu_user_regs, error_code, 120);
ABI_OFFSET(struct cpu_user_regs, rip, 128);
ABI_OFFSET(struct cpu_user_regs, cs, 136);
ABI_OFFSET(struct cpu_user_regs, saved_upcall_mask, 140);
ABI_OFFSET(struct cpu_user_regs, rflags, 144);
ABI_OFFSET(struct cpu_user_regs, ss, 160);
ABI_OFFSET(struct cpu_user_regs, gs, 192);

/* One entry of HYPERVISOR_set_trap_table; an entry with address 0 ends the table. */
typedef struct trap_info {
    uint8_t vector;
    uint8_t flags; /* TI_GET_DPL, TI_GET_IF */
    uint16_t cs;
    uint64_t address;
} trap_info_t;
ABI_SIZE(struct trap_info, 16);
ABI_OFFSET(struct trap_info, cs, 2);
ABI_OFFSET(struct trap_info, address, 8);

/* trap_info.flags: lowest privilege that may raise the vector by INT; mask events on entry. */
#define TI_GET_DPL(trap)      ((trap)->flags & 3)
#define TI_GET_IF(trap)       ((trap)->flags & 4)
#define TI_SET_DPL(trap, dpl) ((trap)->flags |= (dpl))
#define TI_SET_IF(trap, on)   ((trap)->flags |= ((!!(on)) << 2))

typedef uint64_t tsc_timestamp_t;

/* vcpu_guest_context.flags */
#define _VGCF_i387_valid               0
#define VGCF_i387_valid                (1U << _VGCF_i387_valid)
#define VGCF_I387_VALID                VGCF_i387_valid
#define _VGCF_in_kernel                2
#define VGCF_in_kernel                 (1U << _VGCF_in_kernel)
#define VGCF_IN_KERNEL                 VGCF_in_kernel
#define _VGCF_failsafe_disables_events 3
#define VGCF_failsafe_disables_events  (1U << _VGCF_failsafe_disables_events)
#define _VGCF_syscall_disables_events  4
#define VGCF_syscall_disables_events   (1U << _VGCF_syscall_disables_events)
#define _VGCF_online                   5
#define VGCF_online                    (1U << _VGCF_online)
#define _VGCF_in_syscall               8
#define VGCF_in_syscall                (1U << _VGCF_in_syscall)
#define VGCF_IN_SYSCALL                VGCF_in_syscall

/* Everything that VCPUOP_initialise and the control interface set or read of a PV vCPU. */
typedef struct vcpu_guest_context {
    struct {
        char x[512];
    } fpu_ctxt;     /* FXSAVE image */
    uint64_t flags; /* VGCF_* */
    struct cpu_user_regs user_regs;
    struct trap_info trap_ctxt[256];
    uint64_t ldt_base; /* linear address */
    uint64_t ldt_ents;
    uint64_t gdt_frames[16]; /* machine frames */
    uint64_t gdt_ents;
    uint64_t kernel_ss;
    uint64_t kernel_sp;
    uint64_t ctrlreg[8]; /* 0, 1: user root table, 3: kernel root table, 4 */
    uint64_t debugreg[8];
    uint64_t event_callback_eip;
    uint64_t failsafe_callback_eip;
    uint64_t syscall_callback_eip;
    uint64_t vm_assist; /* bitmap of VMASST_TYPE_* */
    uint64_t fs_base;
    uint64_t gs_base_kernel;
    uint64_t gs_base_user;
} vcpu_guest_context_t;
ABI_SIZE(struct vcpu_guest_context, 5168);
ABI_OFFSET(struct vcpu_guest_context, flags, 512);
ABI_OFFSET(struct vcpu_guest_context, user_regs, 520);
ABI_OFFSET(struct vcpu_guest_context, trap_ctxt, 720);
ABI_OFFSET(struct vcpu_guest_context, ldt_base, 4816);
ABI_OFFSET(struct vcpu_guest_context, gdt_frames, 4832);
ABI_OFFSET(struct vcpu_guest_context, kernel_ss, 4968);
ABI_OFFSET(struct vcpu_guest_context, ctrlreg, 4984);
ABI_OFFSET(struct vcpu_guest_context, debugreg, 5048);
ABI_OFFSET(struct vcpu_guest_context, event_callback_eip, 5112);
ABI_OFFSET(struct vcpu_guest_context, vm_assist, 5136);
ABI_OFFSET(struct vcpu_guest_context, gs_base_user, 5160);

/* Control registers above hold addresses, not frame numbers. */
#define xen_pfn_to_cr3(pfn) ((uint64_t)(pfn) << 12)
#define xen_cr3_to_pfn(cr3) ((uint64_t)(cr3) >> 12)
