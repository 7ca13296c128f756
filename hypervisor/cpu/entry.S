// Exception and interrupt entry.
//
// Every vector has a stub that completes struct cpu_user_regs on the stack and joins trap_common.
// From a guest (CPL 3) the frame falls exactly into cpu_info.regs, and the way out is guest_return
// (pv/entry.S). From the hypervisor itself the frame lies wherever the stack was.
//
// NMI, #DF and #MC have stacks of their own (TSS.IST), so has #DB, because a guest can have it strike
// on the first instruction of a system call. #DB from a guest moves to the main stack.

#include "cpu/entry.h"

    .section .text.entry, "ax"

    .balign 16
    .globl trap_stubs
trap_stubs:
    .set vector, 0
    .rept 256
    .balign 16
    .if vector != 8 && vector != 10 && vector != 11 && vector != 12 && vector != 13 && vector != 14 && vector != 17 && vector != 21 && vector != 29 && vector != 30
    push $0
    .endif
    .if vector == 14
    jmp guest_page_fault            // pv/entry.S; it may go on at trap_page_fault
    .else
    movl $vector, 4(%rsp)
    .if vector == 1
    jmp trap_debug
    .elseif vector == 2 || vector == 8 || vector == 18
    jmp trap_ist
    .else
    jmp trap_common
    .endif
    .endif
    .set vector, vector + 1
    .endr

    .globl trap_page_fault
trap_page_fault:
    movl $14, 4(%rsp)
trap_common:
    SMAP_INSN clac
    cld
    SAVE_REGS
    mov %rsp, %rdi
    testb $3, REGS_CS(%rsp)
    jz 1f
    xor %ebp, %ebp
    call guest_trap
    jmp guest_return
1:  mov %rsp, %rbp
    call hypervisor_trap
    jmp trap_return

    // Serve it here and return, whoever was interrupted.
trap_ist:
    SMAP_INSN clac
    cld
    SAVE_REGS
    mov %rsp, %rdi
    call hypervisor_trap
    .globl trap_return
trap_return:
    RESTORE_REGS
    add $8, %rsp
    iretq

trap_debug:
    SMAP_INSN clac
    cld
    SAVE_REGS
    mov %rsp, %rdi
    testb $3, REGS_CS(%rsp)
    jz 1f
    mov %rsp, %rsi
    or $(STACK_BLOCK_SIZE - 1), %rsp
    sub $(CPU_INFO_SIZE - 1), %rsp // &cpu_info->regs
    mov %rsp, %rdi
    mov $(REGS_ES / 8), %ecx
    rep movsq
    mov %rsp, %rdi
    xor %ebp, %ebp
    call guest_trap
    jmp guest_return
1:  call hypervisor_trap
    jmp trap_return

    // Nothing of the stack's content matters any more: the idle loop.
    .globl idle_enter
idle_enter:
    or $(STACK_BLOCK_SIZE - 1), %rsp
    sub $(CPU_INFO_SIZE - 1), %rsp
    xor %ebp, %ebp
    jmp idle_loop

    // Accesses that may fault; see cpu/extable.h. Return 0, or the fault's vector with bit 8 set.
    .globl msr_read_checked
msr_read_checked: // (msr, *value)
    mov %edi, %ecx
1:  rdmsr
    mov %eax, (%rsi)
    mov %edx, 4(%rsi)
    mov $1, %eax
    ret
2:  xor %eax, %eax
    ret
    EXTABLE 1b, 2b

    .globl msr_write_checked
msr_write_checked: // (msr, value)
    mov %edi, %ecx
    mov %esi, %eax
    mov %rsi, %rdx
    shr $32, %rdx
1:  wrmsr
    mov $1, %eax
    ret
2:  xor %eax, %eax
    ret
    EXTABLE 1b, 2b

    // Copies between the hypervisor and the current guest: (dst, src, len) -> 0, or not if it faulted.
    .globl guest_copy
guest_copy:
    mov %rdx, %rcx
    and $7, %edx
    shr $3, %rcx
    SMAP_INSN stac
1:  rep movsq
    mov %edx, %ecx
    jecxz 2f
    rep movsb
2:  SMAP_INSN clac
    xor %eax, %eax
    ret
3:  SMAP_INSN clac
    mov $1, %eax
    ret
    EXTABLE_RANGE 1b, 2b, 3b

    .globl guest_zero // (dst, len) -> 0, or not if it faulted
guest_zero:
    mov %rsi, %rcx
    and $7, %esi
    shr $3, %rcx
    xor %eax, %eax
    SMAP_INSN stac
1:  rep stosq
    mov %esi, %ecx
    rep stosb
2:  SMAP_INSN clac
    ret
3:  SMAP_INSN clac
    mov $1, %eax
    ret
    EXTABLE_RANGE 1b, 2b, 3b
