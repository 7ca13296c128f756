// The PV guest's ways in and out: SYSCALL, the iret hypercall, and the return to guest code.
//
// A guest's kernel and user programs both run at CPL 3; pv_vcpu.kernel_mode tells which. SYSCALL from
// user mode bounces to the kernel's system-call callback on the kernel's stack with the kernel's page
// tables; from kernel mode it is a hypercall. Both, and the iret hypercall that ends them, take a short
// way here when nothing unusual is up and otherwise the C code's.
//
// The way in: each CPU's MSR_LSTAR points at a stub of its own (pv/syscall.c) that parks RAX in
// cpu_info.scratch, switches to the CPU's stack, pushes SS and the guest's RSP and jumps here.

#include "cpu/entry.h"

#define FROM_ERROR(field) ((field) - REGS_ERROR)(%rsp) // while rsp is at regs.error_code

#define EFLAGS_IF      0x200
#define EFLAGS_CLEARED 0x74100 // AC, VM, RF, NT, TF: never inherited by a handler
#define EFLAGS_IOPL_VM 0x23000

    .section .text.entry, "ax"

    .globl pv_syscall_entry
pv_syscall_entry:
    push %r11                       // rflags
    push $USER_CS64
    push %rcx                       // rip
    push $0
    movl $0x100, 4(%rsp)            // entry_vector: a system call, no exception
    mov FROM_ERROR(CPU_CURRENT), %rcx
    mov FROM_ERROR(CPU_SCRATCH), %rax
    cmpb $0, PV_KERNEL_MODE(%rcx)
    jne pv_hypercall_entry

    // User mode. The short way: the callback masks events, and they are not masked now.
    cmpq $0, PV_FAST_SYSCALL(%rcx)
    je pv_syscall_slow
    mov VCPU_INFO(%rcx), %r11
    cmpb $0, VCPU_MASK(%r11)
    jne pv_syscall_slow

    swapgs
    movb $1, PV_KERNEL_MODE(%rcx)
    movb $1, VCPU_MASK(%r11)
    mov FROM_ERROR(CPU_KERNEL_CR3), %r11
    mov %r11, %cr3
    mov PV_KERNEL_SP(%rcx), %r11    // checked when it was set
    and $~15, %r11
    sub $56, %r11
    SMAP_INSN stac
1:  movq $USER_SS, 48(%r11)
    mov FROM_ERROR(REGS_RSP), %rcx
    mov %rcx, 40(%r11)
    mov FROM_ERROR(REGS_RFLAGS), %rcx
    mov %rcx, 32(%r11)
    mov %rcx, 8(%r11)               // R11 and RCX are rflags and rip after SYSCALL
    movq $USER_CS64, 24(%r11)
    mov FROM_ERROR(REGS_RIP), %rcx
    mov %rcx, 16(%r11)
    mov %rcx, (%r11)
2:  SMAP_INSN clac
    mov %r11, FROM_ERROR(REGS_RSP)
    mov FROM_ERROR(CPU_CURRENT), %rcx
    mov PV_FAST_SYSCALL(%rcx), %rcx
    mov FROM_ERROR(REGS_RFLAGS), %r11
    and $~EFLAGS_CLEARED, %r11d
    mov FROM_ERROR(REGS_RSP), %rsp
    sysretq

pv_stack_fault: // the kernel's stack is not there
    SMAP_INSN clac
    SAVE_REGS
    mov %rsp, %rdi
    call pv_bounce_failed
    jmp guest_return
    EXTABLE_RANGE 1b, 2b, pv_stack_fault

pv_syscall_slow:
    mov FROM_ERROR(REGS_RIP), %rcx
    mov FROM_ERROR(REGS_RFLAGS), %r11
    SAVE_REGS
    mov %rsp, %rdi
    call pv_bounce_syscall
    jmp guest_return

    // SYSCALL from 32-bit code (compatibility mode): always a user program's, always the long way.
    .globl pv_syscall32_entry
pv_syscall32_entry:
    push %r11
    push $USER_CS32
    push %rcx
    push $0
    movl $0x100, 4(%rsp)
    mov FROM_ERROR(CPU_SCRATCH), %rax
    SAVE_REGS
    mov %rsp, %rdi
    call pv_bounce_syscall32
    jmp guest_return

pv_hypercall_entry:
    cmp $HYPERCALL_IRET, %eax
    je pv_iret_fast
pv_hypercall_slow:
    mov FROM_ERROR(REGS_RIP), %rcx
    mov FROM_ERROR(REGS_RFLAGS), %r11
    SAVE_REGS
    mov %rsp, %rdi
    call pv_hypercall
    jmp guest_return

    // struct iret_context lies on the guest's stack. All of it is read, some of it into slots of
    // cpu_info.regs that hold nothing now, before anything changes.
pv_iret_fast:
    mov FROM_ERROR(REGS_RSP), %r11
    mov %r11, %rax
    shr $43, %rax
    cmp $(HV_START >> 43), %eax
    je pv_iret_slow
    cmpb $0, PV_SLOW_IRET(%rcx)
    jne pv_iret_slow
    mov %rdi, FROM_ERROR(REGS_RDI)
    SMAP_INSN stac
1:  mov 64(%r11), %eax
    or $3, %eax
    mov %rax, FROM_ERROR(REGS_SS)
    mov 56(%r11), %rax
    mov %rax, FROM_ERROR(CPU_SCRATCH)
    mov 32(%r11), %rax
    mov %rax, FROM_ERROR(REGS_RIP)
    mov 16(%r11), %rax
    mov %rax, FROM_ERROR(REGS_RCX)
    mov (%r11), %rax
    mov %rax, FROM_ERROR(REGS_RAX)
    mov 8(%r11), %rax
    mov %rax, FROM_ERROR(REGS_R11)
    mov 48(%r11), %rdi              // rflags
    movzwl 40(%r11), %eax           // cs
2:  SMAP_INSN clac
    EXTABLE_RANGE 1b, 2b, pv_iret_undo
    mov VCPU_INFO(%rcx), %r11
    test $EFLAGS_IF, %edi
    jz 3f
    cmpb $0, VCPU_PENDING(%r11)
    jne pv_iret_undo
3:  and $~EFLAGS_IOPL_VM, %edi
    bts $9, %edi                    // IF; the carry tells what it was
    mov %rdi, FROM_ERROR(REGS_RFLAGS)
    setnc %dil                      // the event mask is the inverse
    test $3, %eax
    jz 4f
    cmpq $0, FROM_ERROR(CPU_USER_CR3)
    je pv_iret_undo
    movb %dil, VCPU_MASK(%r11)
    movb $0, PV_KERNEL_MODE(%rcx)
    mov FROM_ERROR(CPU_USER_CR3), %rcx
    mov %rcx, %cr3
    swapgs
    or $3, %eax
    jmp 5f
4:  movb %dil, VCPU_MASK(%r11)
    or $3, %eax                     // the kernel shows itself as CPL 0
5:  mov %rax, FROM_ERROR(REGS_CS)
    mov FROM_ERROR(CPU_SCRATCH), %rdi
    mov %rdi, FROM_ERROR(REGS_RSP)
    mov FROM_ERROR(REGS_R11), %r11
    mov FROM_ERROR(REGS_RCX), %rcx
    mov FROM_ERROR(REGS_RAX), %rax
    mov FROM_ERROR(REGS_RDI), %rdi
    add $8, %rsp
6:  iretq
    EXTABLE 6b, iret_fault

pv_iret_undo: // something unusual, or the frame could not be read
    SMAP_INSN clac
    mov FROM_ERROR(REGS_RDI), %rdi
pv_iret_slow:
    mov $HYPERCALL_IRET, %eax
    jmp pv_hypercall_slow

    // The way back into the guest whose registers are in cpu_info.regs; rsp points there.
    .globl guest_return
guest_return:
    cmpl $0, CPU_WORK(%rsp)
    jne 1f
    mov CPU_CURRENT(%rsp), %rbx
    mov VCPU_INFO(%rbx), %rax
    cmpb $0, VCPU_PENDING(%rax)
    je 2f
    cmpb $0, VCPU_MASK(%rax)
    jne 2f
    mov %rsp, %rdi
    call pv_bounce_event
    jmp guest_return
1:  call work_run
    jmp guest_return
2:  RESTORE_REGS
    add $8, %rsp
3:  iretq
    EXTABLE 3b, iret_fault

    // IRETQ refused the guest's selectors or address. Its frame is still in place, rsp at regs.rip
    // after the fix-up's own return; the other registers are the guest's.
iret_fault:
    push $0
    SAVE_REGS
    mov %rsp, %rdi
    call pv_bounce_failsafe
    jmp guest_return

    // Resets this CPU's stack and enters the guest whose registers are in cpu_info.regs.
    .globl pv_enter
pv_enter:
    or $(STACK_BLOCK_SIZE - 1), %rsp
    sub $(CPU_INFO_SIZE - 1), %rsp
    xor %ebp, %ebp
    jmp guest_return
