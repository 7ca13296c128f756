// First instructions of a bare 64-bit PV guest, its hypercall page and its stacks.
// The builder enters at _start in the guest's kernel mode with RSI = start_info.

#include "asm.h"

    .section .text.head, "ax"
    .globl _start
_start:
    cld
    leaq vcpu_blocks + VCPU_BLOCK_SIZE(%rip), %rsp
    movq %rsi, %rdi
    xorl %ebp, %ebp
    call guest_main
    ud2

// Entry of a secondary vCPU: RSP is set up, RDI = number of the vCPU.
    .globl secondary_start
secondary_start:
    cld
    xorl %ebp, %ebp
    call secondary_main
    ud2

    .text
    .balign 4096
    .globl hypercall_page
hypercall_page:
    .skip 4096

// One block per vCPU: struct vcpu_block at its base, then the stack for entries from user mode,
// then the stack that the vCPU's own code runs on (vcpu.h).
    .bss
    .balign VCPU_BLOCK_SIZE
    .globl vcpu_blocks
vcpu_blocks:
    .skip VCPU_BLOCK_SIZE * MAX_TEST_VCPUS

    .section .note.GNU-stack, "", @progbits
