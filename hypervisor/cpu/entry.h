// Assembly shared by the entry paths.
#pragma once

#include "cpu/layout.h"
#include "offsets.h"

// If an instruction in [from, end) faults, go on at `to` (cpu/traps.c). The table is short, and
// searched from the start.
.macro EXTABLE_RANGE from:req, end:req, to:req
    .pushsection .ex_table, "a"
    .balign 4
    .long \from - .
    .long \end - .
    .long \to - .
    .popsection
.endm

.macro EXTABLE insn:req, to:req
    EXTABLE_RANGE \insn, \insn + 1, \to
.endm

// An instruction that is a no-op until boot finds that the processor has SMAP.
.macro SMAP_INSN insn:req
    .pushsection .alternatives, "a"
    .balign 4
    .long .Lsmap\@ - .
    .popsection
.Lsmap\@:
    .byte 0x0f, 0x1f, 0x00 // 3-byte no-op; becomes CLAC or STAC
    .pushsection .alternatives, "a"
    \insn
    .byte 0
    .popsection
.endm

// Below the hardware frame and error_code/entry_vector: the rest of struct cpu_user_regs. First
// those registers that a C function may change, then those that it keeps.
.macro SAVE_CLOBBERED_REGS
    push %rdi
    push %rsi
    push %rdx
    push %rcx
    push %rax
    push %r8
    push %r9
    push %r10
    push %r11
.endm

.macro SAVE_KEPT_REGS
    push %rbx
    push %rbp
    push %r12
    push %r13
    push %r14
    push %r15
.endm

.macro SAVE_REGS
    SAVE_CLOBBERED_REGS
    SAVE_KEPT_REGS
.endm

.macro RESTORE_REGS
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %rbp
    pop %rbx
    pop %r11
    pop %r10
    pop %r9
    pop %r8
    pop %rax
    pop %rcx
    pop %rdx
    pop %rsi
    pop %rdi
.endm
