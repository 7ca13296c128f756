// The virtual machine control block (appendix B), and the names of what is in it.
#pragma once

#include <stddef.h>
#include <stdint.h>

struct vmcb_segment {
    uint16_t selector;
    uint16_t attributes; // descriptor bits 40-47 and 52-55, side by side
    uint32_t limit;
    uint64_t base;
};

struct vmcb {
    // Control area.
    uint32_t intercept_cr, intercept_dr, intercept_exceptions;
    uint32_t intercept_1; // SVM_I1_*
    uint32_t intercept_2; // SVM_I2_*
    uint32_t intercept_3;
    uint8_t reserved1[0x3c - 0x18];
    uint16_t pause_threshold, pause_count;
    uint64_t iopm_base, msrpm_base;
    uint64_t tsc_offset;
    uint32_t asid;
    uint8_t tlb_control; // SVM_TLB_*
    uint8_t reserved2[3];
    uint64_t virtual_interrupt; // SVM_V_*
    uint64_t interrupt_shadow;
    uint64_t exit_code; // enum svm_exit
    uint64_t exit_info_1, exit_info_2;
    uint64_t exit_interrupted; // an event whose delivery the exit cut short: SVM_EVENT_*
    uint64_t nested_control;
    uint8_t reserved3[0xa8 - 0x98];
    uint64_t event; // to be delivered: SVM_EVENT_*
    uint64_t nested_cr3;
    uint64_t lbr_control;
    uint64_t clean;
    uint64_t next_rip;
    uint8_t fetched;
    uint8_t instruction[15];
    uint8_t reserved4[0x400 - 0xe0];

    // State save area.
    struct vmcb_segment es, cs, ss, ds, fs, gs, gdtr, ldtr, idtr, tr;
    uint8_t reserved5[0x4cb - 0x4a0];
    uint8_t cpl;
    uint32_t reserved6;
    uint64_t efer;
    uint8_t reserved7[0x548 - 0x4d8];
    uint64_t cr4, cr3, cr0, dr7, dr6, rflags, rip;
    uint8_t reserved8[0x5d8 - 0x580];
    uint64_t rsp;
    uint8_t reserved9[0x5f8 - 0x5e0];
    uint64_t rax, star, lstar, cstar, sfmask, kernel_gs_base;
    uint64_t sysenter_cs, sysenter_esp, sysenter_eip;
    uint64_t cr2;
    uint8_t reserved10[0x668 - 0x648];
    uint64_t pat;
    uint64_t debug_control;
    uint8_t reserved11[0x1000 - 0x678];
};
#define VMCB_OFFSET(member, offset) \
    _Static_assert(offsetof(struct vmcb, member) == (offset), "VMCB: " #member)
VMCB_OFFSET(intercept_1, 0x00c);
VMCB_OFFSET(pause_threshold, 0x03c);
VMCB_OFFSET(iopm_base, 0x040);
VMCB_OFFSET(asid, 0x058);
VMCB_OFFSET(virtual_interrupt, 0x060);
VMCB_OFFSET(exit_code, 0x070);
VMCB_OFFSET(exit_interrupted, 0x088);
VMCB_OFFSET(event, 0x0a8);
VMCB_OFFSET(next_rip, 0x0c8);
VMCB_OFFSET(es, 0x400);
VMCB_OFFSET(tr, 0x490);
VMCB_OFFSET(cpl, 0x4cb);
VMCB_OFFSET(efer, 0x4d0);
VMCB_OFFSET(cr4, 0x548);
VMCB_OFFSET(rip, 0x578);
VMCB_OFFSET(rsp, 0x5d8);
VMCB_OFFSET(rax, 0x5f8);
VMCB_OFFSET(sysenter_eip, 0x638);
VMCB_OFFSET(cr2, 0x640);
VMCB_OFFSET(pat, 0x668);
_Static_assert(sizeof(struct vmcb) == 0x1000, "VMCB");
#undef VMCB_OFFSET

#define SVM_I1_INTR     (1u << 0)
#define SVM_I1_NMI      (1u << 1)
#define SVM_I1_SMI      (1u << 2)
#define SVM_I1_INIT     (1u << 3)
#define SVM_I1_VINTR    (1u << 4)
#define SVM_I1_RDTSC    (1u << 14)
#define SVM_I1_RDPMC    (1u << 15)
#define SVM_I1_CPUID    (1u << 18)
#define SVM_I1_INVD     (1u << 22)
#define SVM_I1_HLT      (1u << 24)
#define SVM_I1_INVLPGA  (1u << 26)
#define SVM_I1_IOIO     (1u << 27)
#define SVM_I1_MSR      (1u << 28)
#define SVM_I1_TASK     (1u << 29)
#define SVM_I1_FERR     (1u << 30)
#define SVM_I1_SHUTDOWN (1u << 31)

#define SVM_I2_VMRUN   (1u << 0)
#define SVM_I2_VMMCALL (1u << 1)
#define SVM_I2_VMLOAD  (1u << 2)
#define SVM_I2_VMSAVE  (1u << 3)
#define SVM_I2_STGI    (1u << 4)
#define SVM_I2_CLGI    (1u << 5)
#define SVM_I2_SKINIT  (1u << 6)
#define SVM_I2_RDTSCP  (1u << 7)
#define SVM_I2_WBINVD  (1u << 9)
#define SVM_I2_MONITOR (1u << 10)
#define SVM_I2_MWAIT   (1u << 11)
#define SVM_I2_XSETBV  (1u << 13)

#define SVM_TLB_KEEP      0
#define SVM_TLB_FLUSH_ALL 1

#define SVM_V_TPR     0xfull
#define SVM_V_IRQ     (1ull << 8)
#define SVM_V_IGN_TPR (1ull << 20)
#define SVM_V_MASKING (1ull << 24)

#define SVM_EVENT_TYPE(event) ((event) >> 8 & 7)
#define SVM_EVENT_ERROR       (1ull << 11) // an error code is in the upper half
#define SVM_EVENT_VALID       (1ull << 31)
#define SVM_EVENT_SOFTWARE    4 // INT n

#define SVM_NESTED_PAGING 1

enum svm_exit {
    SVM_EXIT_EXCEPTION = 0x40, // plus vector
    SVM_EXIT_INTR = 0x60,
    SVM_EXIT_NMI = 0x61,
    SVM_EXIT_SMI = 0x62,
    SVM_EXIT_INIT = 0x63,
    SVM_EXIT_VINTR = 0x64,
    SVM_EXIT_RDTSC = 0x6e,
    SVM_EXIT_RDPMC = 0x6f,
    SVM_EXIT_CPUID = 0x72,
    SVM_EXIT_INVD = 0x76,
    SVM_EXIT_HLT = 0x78,
    SVM_EXIT_INVLPGA = 0x7a,
    SVM_EXIT_IOIO = 0x7b,
    SVM_EXIT_MSR = 0x7c,
    SVM_EXIT_TASK = 0x7d,
    SVM_EXIT_FERR = 0x7e,
    SVM_EXIT_SHUTDOWN = 0x7f,
    SVM_EXIT_VMRUN = 0x80,
    SVM_EXIT_VMMCALL = 0x81,
    SVM_EXIT_SKINIT = 0x86,
    SVM_EXIT_RDTSCP = 0x87,
    SVM_EXIT_WBINVD = 0x89,
    SVM_EXIT_MONITOR = 0x8a,
    SVM_EXIT_MWAIT = 0x8b,
    SVM_EXIT_XSETBV = 0x8d,
    SVM_EXIT_NPF = 0x400,
};
#define SVM_EXIT_INVALID (~0ull)

// exit_info_1 of SVM_EXIT_IOIO
#define SVM_IO_IN         0x1
#define SVM_IO_STRING     0x4
#define SVM_IO_SIZE(info) ((unsigned)(info) >> 4 & 7) // 1, 2 or 4 bytes
#define SVM_IO_PORT(info) ((uint16_t)((info) >> 16))
