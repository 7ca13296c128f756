// Into a VT-x guest and out of it, for ever: vmx_prepare() does what is to be done before, and may
// give the CPU to another vCPU; vmx_exit() deals with what the guest left for.
//
// Interrupts are off throughout: one that is pending ends the guest's turn before it begins,
// whatever the guest's own flag says. The processor switches all but the general registers; exits
// arrive at vmx_exit_entry with the stack pointer at regs.error_code, as it is when the guest is
// entered (vmx/host.c).

#include "cpu/entry.h"

    .section .text.entry, "ax"

    .globl vmx_enter, vmx_exit_entry
vmx_enter:
    or $(STACK_BLOCK_SIZE - 1), %rsp
    sub $(CPU_INFO_SIZE - 1), %rsp  // = &cpu_info.regs
    mov %rsp, %rdi
    xor %ebp, %ebp
    call vmx_prepare
    test %al, %al
    RESTORE_REGS                    // leaves the flags alone
    jz 1f
    vmresume
    jmp 2f
1:  vmlaunch
2:  SAVE_REGS                       // still here: the processor has not even tried
    mov %rsp, %rdi
    call vmx_refused
    jmp vmx_enter

vmx_exit_entry:
    SAVE_REGS
    mov %rsp, %rdi
    xor %ebp, %ebp
    call vmx_exit
    jmp vmx_enter
