// Into an AMD-V guest and out of it, for ever: svm_prepare() does what is to be done before, and may
// give the CPU to another vCPU; svm_exit() deals with what the guest left for.
//
// Between CLGI and STGI nothing interrupts, and a pending interrupt ends the guest's turn before it
// begins; with STI in between it does so whatever the guest's own flag says. Host state that VMRUN does
// not keep (FS, GS, TR, LDTR and the system-call registers) lies in a VMCB of the CPU's own.

#include "cpu/entry.h"

#define FROM_ERROR(field) ((field) - REGS_ERROR)(%rsp) // while rsp is at regs.error_code

    .section .text.entry, "ax"

    .globl svm_enter
svm_enter:
    or $(STACK_BLOCK_SIZE - 1), %rsp
    sub $(CPU_INFO_SIZE - 1), %rsp  // = &cpu_info.regs
    mov %rsp, %rdi
    call svm_prepare
    mov %rax, CPU_SCRATCH(%rsp)
    clgi
    RESTORE_REGS
    mov FROM_ERROR(CPU_SCRATCH), %rax
    sti
    vmload %rax
    vmrun %rax
    vmsave %rax
    cli
    SAVE_REGS
    mov CPU_HOST_STATE(%rsp), %rax
    vmload %rax
    stgi
    mov %rsp, %rdi
    call svm_exit
    jmp svm_enter
