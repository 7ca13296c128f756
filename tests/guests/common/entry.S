// Entries from the hypervisor. Every entry builds one struct regs (trap.h) and calls trap_dispatch.
// The hypervisor's frame is RCX, R11, [error code,] RIP, CS, RFLAGS, RSP, SS.

#include "frontends/kernel/registers.inc"
#include "asm.h"

.macro ENTRY_STUB name vector has_error
    .globl \name
\name:
    popq %rcx
    popq %r11
    .if !\has_error
    pushq $0
    .endif
    pushq $\vector
    jmp common_entry
.endm

    .text
common_entry:
    PUSH_REGISTERS
    movq %rsp, %rdi
    movq %rsp, %rbx
    andq $~15, %rsp
    cld
    call trap_dispatch
    movq %rbx, %rdi

// Loads all of *RDI (struct regs) and returns to it by the iret hypercall.
    .globl regs_load
regs_load:
    movq %rdi, %rsp
    POP_REGISTERS
    addq $8, %rsp       // vector; the error code's slot holds the iret flags
    jmp hypercall_page + HYPERCALL_IRET_OFFSET

// The failsafe callback's frame is RCX, R11, DS, ES, FS, GS, RIP, CS, RFLAGS, RSP, SS.
    .globl entry_failsafe
entry_failsafe:
    popq %rcx
    popq %r11
    addq $32, %rsp
    pushq $0
    pushq $VEC_FAILSAFE
    jmp common_entry

ENTRY_STUB entry_event, VEC_EVENT, 0
ENTRY_STUB entry_syscall, VEC_SYSCALL, 0
ENTRY_STUB entry_sysenter, VEC_SYSENTER, 0
ENTRY_STUB entry_nmi, VEC_NMI, 0


// One stub of 16 bytes a vector, 0 to 31; those with an error code as the processor's manual has it.
    .balign 16
    .globl exception_stubs
exception_stubs:
    .set v, 0
    .rept 32
    .balign 16
    popq %rcx
    popq %r11
    .if !(v == 8 || (v >= 10 && v <= 14) || v == 17 || v == 21 || v == 29 || v == 30)
    pushq $0
    .endif
    pushq $v
    jmp common_entry
    .set v, v + 1
    .endr
    .balign 16

// Stubs for software interrupts 0x80 to 0x8f.
    .globl softint_stubs
softint_stubs:
    .set v, 0x80
    .rept 16
    .balign 16
    popq %rcx
    popq %r11
    pushq $0
    pushq $v
    jmp common_entry
    .set v, v + 1
    .endr
    .balign 16

    .section .note.GNU-stack, "", @progbits
