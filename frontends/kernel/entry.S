// Entries into the guest. It has no user mode, and it is never interrupted: events stay masked while it
// runs and are looked for by the scheduler (events.h), so the event callback has nothing to save.
// The hypervisor's frame is RCX, R11, [error code,] RIP, CS, RFLAGS, RSP, SS.

#include "frontends/kernel/registers.inc"

#define HYPERCALL_IRET (hypercall_page + 23 * 32)
#define RFLAGS_IF      0x200

// The builder enters in the guest's kernel mode with RSI = start_info.
    .section .text.head, "ax"
    .globl _start
_start:
    cld
    leaq boot_stack_top(%rip), %rsp
    movq %rsi, %rdi
    xorl %ebp, %ebp
    call guest_main
    ud2

    .balign 4096
    .globl hypercall_page
hypercall_page:
    .skip 4096

    .text
// An event came while the vCPU blocked, which had unmasked them. Back, masked again.
    .globl entry_event
entry_event:
    popq %rcx
    popq %r11
    andl $~RFLAGS_IF, 16(%rsp)
    pushq $0
    jmp HYPERCALL_IRET

// Exceptions: none is expected, all end in trap_panic(struct trap_frame *). Stubs of 16 bytes a vector.
    .balign 16
    .globl trap_stubs
trap_stubs:
    .set v, 0
    .rept 32
    .balign 16
    popq %rcx
    popq %r11
    .if !(v == 8 || (v >= 10 && v <= 14) || v == 17 || v == 21 || v == 29 || v == 30)
    pushq $0
    .endif
    pushq $v
    jmp trap_entry
    .set v, v + 1
    .endr

// Frame of the failsafe callback: RCX, R11, DS, ES, FS, GS, RIP, CS, RFLAGS, RSP, SS.
    .globl entry_failsafe
entry_failsafe:
    popq %rcx
    popq %r11
    addq $32, %rsp
    pushq $0
    pushq $32

trap_entry:
    PUSH_REGISTERS
    movq %rsp, %rdi
    andq $~15, %rsp
    cld
    call trap_panic
    ud2

// void stack_switch_to(uint64_t *save, uint64_t load): callee-saved registers and the stack.
    .globl stack_switch_to
stack_switch_to:
    pushq %rbx
    pushq %rbp
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, (%rdi)
    movq %rsi, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbp
    popq %rbx
    ret

// What a fresh stack returns into: RBX = function, R12 = its argument.
    .globl thread_begin
thread_begin:
    movq %r12, %rdi
    xorl %ebp, %ebp
    call *%rbx
    call thread_exit
    ud2

    .bss
    .balign 4096
    .skip 16384
boot_stack_top:

    .section .note.GNU-stack, "", @progbits
