// First instructions of a bare PVH guest, its page tables, its stacks, and the stubs of its interrupts.
// The builder enters at hvm_start in 32-bit mode without paging, EBX = struct hvm_start_info.

#include "frontends/kernel/registers.inc"
#include "tests/guests/common/asm.h"

    .section .text.head, "ax"
    .code32
    .globl hvm_start, _start
hvm_start:
_start:
    cld
    movl $page_l3 + 7, page_l4
    movl $page_l2, %eax
    movl $page_l3, %edi
    movl $4, %ecx
1:  leal 7(%eax), %edx
    movl %edx, (%edi)
    addl $4096, %eax
    addl $8, %edi
    loop 1b
    movl $page_l2, %edi         // 4 GB in pages of 2 MB
    movl $0x87, %eax
    movl $2048, %ecx
1:  movl %eax, (%edi)
    addl $0x200000, %eax
    addl $8, %edi
    loop 1b
    movl $page_l4, %eax
    movl %eax, %cr3
    movl $0x6a0, %eax           // PAE, PGE, SSE with its exceptions
    movl %eax, %cr4
    movl $0xc0000080, %ecx
    rdmsr
    orl $0x901, %eax            // long mode, no-execute, SYSCALL
    wrmsr
    movl $0x80010033, %eax      // paging, write protection, NE, ET, MP, PE
    movl %eax, %cr0
    lgdt gdt_pointer
    ljmp $8, $enter_64

    .code64
enter_64:
    movl $16, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %ss
    xorl %eax, %eax
    movl %eax, %fs
    movl %eax, %gs
    leaq vcpu_blocks + VCPU_BLOCK_SIZE(%rip), %rsp
    movl %ebx, %edi
    xorl %ebp, %ebp
    call hvm_main
    ud2

    .text
interrupt_entry:
    PUSH_REGISTERS
    movq %rsp, %rdi
    cld
    call trap_dispatch
    POP_REGISTERS
    addq $16, %rsp
    iretq

// 16 bytes a vector; those with an error code as the processor's manual has it.
    .balign 16
    .globl interrupt_stubs
interrupt_stubs:
    .set v, 0
    .rept 256
    .balign 16
    .if !(v == 8 || (v >= 10 && v <= 14) || v == 17 || v == 21 || v == 29 || v == 30)
    pushq $0
    .endif
    pushq $v
    jmp interrupt_entry
    .set v, v + 1
    .endr

    .balign 4096
    .globl hypercall_page
hypercall_page:
    .skip 4096

    .data
    .balign 16
gdt:
    .quad 0, 0x00af9b000000ffff, 0x00cf93000000ffff
gdt_pointer:
    .word 23
    .quad gdt

    .bss
    .balign 4096
    .globl page_l4
page_l4: .skip 4096
page_l3: .skip 4096
page_l2: .skip 4 * 4096
    .balign VCPU_BLOCK_SIZE
    .globl vcpu_blocks
vcpu_blocks:
    .skip VCPU_BLOCK_SIZE * MAX_TEST_VCPUS

    .section .note.GNU-stack, "", @progbits
