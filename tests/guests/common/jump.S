// Leaving a function from anywhere below it (vcpu.h).
    .text
// int jump_set(struct jump *RDI): 0 at first, then what jump_to gave.
    .globl jump_set
jump_set:
    movq %rbx, (%rdi)
    movq %rbp, 8(%rdi)
    movq %r12, 16(%rdi)
    movq %r13, 24(%rdi)
    movq %r14, 32(%rdi)
    movq %r15, 40(%rdi)
    leaq 8(%rsp), %rax
    movq %rax, 48(%rdi)
    movq (%rsp), %rax
    movq %rax, 56(%rdi)
    xorl %eax, %eax
    ret

// void jump_to(struct jump *RDI, int ESI)
    .globl jump_to
jump_to:
    movq (%rdi), %rbx
    movq 8(%rdi), %rbp
    movq 16(%rdi), %r12
    movq 24(%rdi), %r13
    movq 32(%rdi), %r14
    movq 40(%rdi), %r15
    movq 48(%rdi), %rsp
    movl %esi, %eax
    cld
    jmpq *56(%rdi)

    .section .note.GNU-stack, "", @progbits
