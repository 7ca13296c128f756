// The PV guest's ways in and out: SYSCALL, page faults, the iret hypercall, and the return to guest
// code, with events on the way.
//
// A guest's kernel and user programs both run at CPL 3; pv_vcpu.kernel_mode tells which. SYSCALL from
// user mode bounces to the kernel's system-call callback on the kernel's stack with the kernel's page
// tables, and so does a page fault; SYSCALL from kernel mode is a hypercall. These, and the iret
// hypercall that ends them, take a short way here when nothing unusual is up and otherwise the C
// code's. A short way changes nothing before it is sure to get to its end.
//
// The way in: each CPU's MSR_LSTAR points at a stub of its own (pv/syscall.c) that parks RAX in
// cpu_info.scratch, switches to the CPU's stack, pushes SS and the guest's RSP and jumps here.
//
// The frame that a kernel gets is the one that the processor pushed, below it R11 and RCX, so it is
// popped right to where it belongs. A page fault on the way overwrites what has been popped, no
// more: either it is mended and the next word is popped (pv/soft_tlb.c), or the guest's stack is
// missing, which is the domain's end. Interrupts are off, and what may come nevertheless (NMI, #MC,
// #DB, #DF) has stacks of its own.

#include "cpu/entry.h"

#define FROM_ERROR(field) ((field) - REGS_ERROR)(%rsp) // while rsp is at regs.error_code
#define FROM_ES(field)    ((field) - REGS_ES)(%rsp)    // while rsp is at regs.es, all popped

#define EFLAGS_CLEARED 0x74100 // AC, VM, RF, NT, TF: never inherited by a handler
#define EFLAGS_IOPL_VM 0x23000
#define PFEC_USER      4

    // rsp = &cpu_info.regs, wherever in the CPU's stack it is.
.macro RESET_STACK
    or $(STACK_BLOCK_SIZE - 1), %rsp
    sub $(CPU_INFO_SIZE - 1), %rsp
.endm

    // From user mode to kernel mode. `pushed`: how far rsp is below regs.error_code; `temp` is lost.
.macro TO_KERNEL_MODE vcpu:req, temp:req, pushed=0
    swapgs
    movb $1, PV_KERNEL_MODE(\vcpu)
    mov (\pushed + CPU_KERNEL_CR3 - REGS_ERROR)(%rsp), \temp
    mov \temp, %cr3
.endm

    // Pops `words` of frame to the kernel's stack: `sp` becomes its new top. rax: the vCPU. Leaves
    // rsp at regs.es.
.macro POP_FRAME words:req, sp:req
    mov PV_KERNEL_SP(%rax), \sp    // checked when it was set
    and $~15, \sp
    sub $(\words * 8), \sp
    SMAP_INSN stac
.Lpop\@:
    .set word, 0
    .rept \words
    pop (word * 8)(\sp)
    .set word, word + 1
    .endr
.Lpopped\@:
    SMAP_INSN clac
    EXTABLE_RANGE .Lpop\@, .Lpopped\@, pv_stack_fault
.endm

    // A word of cpu_info.regs to a frame at rcx.
.macro COPY_REG from:req, to:req
    mov \from(%rsp), %rdx
    mov %rdx, \to(%rcx)
.endm

    .section .text.entry, "ax"

    .globl pv_syscall_entry
pv_syscall_entry:
    push %r11                       // rflags
    push $USER_CS64
    push %rcx                       // rip
    push $0
    mov FROM_ERROR(CPU_CURRENT), %rax
    cmpb $0, PV_KERNEL_MODE(%rax)
    jne pv_hypercall_entry

    // User mode. The short way: the callback masks events, and they are not masked now.
    cmpq $0, PV_FAST_SYSCALL(%rax)
    je pv_syscall_slow
    mov VCPU_INFO(%rax), %rcx
    cmpb $0, VCPU_MASK(%rcx)
    jne pv_syscall_slow
    movb $1, VCPU_MASK(%rcx)
    TO_KERNEL_MODE %rax, %rcx
    mov %r11, (%rsp)                // R11 and RCX are rflags and rip after SYSCALL
    push 8(%rsp)
    POP_FRAME 7, %rcx
    and $~EFLAGS_CLEARED, %r11d
    mov %rcx, FROM_ES(REGS_RSP)
    mov PV_FAST_SYSCALL(%rax), %rcx
    mov FROM_ES(CPU_SCRATCH), %rax
    mov FROM_ES(REGS_RSP), %rsp
    sysretq

pv_stack_fault: // the kernel's stack is not there
    SMAP_INSN clac
    RESET_STACK
    mov %rsp, %rdi
    call pv_bounce_failed
    jmp guest_return

pv_syscall_slow:
    mov FROM_ERROR(REGS_RIP), %rcx
    mov FROM_ERROR(CPU_SCRATCH), %rax
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
    mov FROM_ERROR(CPU_SCRATCH), %rax
    SAVE_REGS
    mov %rsp, %rdi
    call pv_bounce_syscall32
    jmp guest_return

    // A page fault; error_code and the rest of the hardware frame are pushed. The short way if it
    // struck a user program as such, the handler masks events, and they are not masked now.
    .globl guest_page_fault
guest_page_fault:
    testb $3, FROM_ERROR(REGS_CS)
    jz trap_page_fault
    mov %rax, FROM_ERROR(CPU_SCRATCH)
    mov FROM_ERROR(CPU_CURRENT), %rax
    cmpb $0, PV_KERNEL_MODE(%rax)
    jne 1f
    testb $PFEC_USER, (%rsp)
    jz 1f
    cmpq $0, PV_FAST_PAGE_FAULT(%rax)
    je 1f
    push %r11
    push %rcx
    mov VCPU_INFO(%rax), %rcx
    cmpb $0, VCPU_MASK(%rcx)
    jne 2f
    movb $1, VCPU_MASK(%rcx)
    mov %cr2, %r11
    mov %r11, VCPU_CR2(%rcx)
    TO_KERNEL_MODE %rax, %rcx, 16
    mov (16 + REGS_RFLAGS - REGS_ERROR)(%rsp), %r11d
    and $~EFLAGS_CLEARED, %r11d
    POP_FRAME 8, %rcx
    mov %rcx, FROM_ES(REGS_RSP)
    mov PV_FAST_PAGE_FAULT(%rax), %rcx
    mov FROM_ES(CPU_SCRATCH), %rax
    mov FROM_ES(REGS_RSP), %rsp
    sysretq
2:  pop %rcx
    pop %r11
1:  mov FROM_ERROR(CPU_SCRATCH), %rax
    jmp trap_page_fault

    // Kernel mode: a hypercall. The handler gets its arguments right from the guest's registers.
    // Those that it may change are saved where the guest's registers belong; the others it keeps
    // itself, so that they need to be stored only if the vCPU may leave this CPU before it goes on.
pv_hypercall_entry:
    cmpl $HYPERCALL_IRET, FROM_ERROR(CPU_SCRATCH)
    je pv_iret_fast
    mov FROM_ERROR(CPU_SCRATCH), %rax
    cmp $(HYPERCALL_SLOTS - 1), %rax
    ja pv_hypercall_unknown
    sub $REGS_ERROR, %rsp
    mov %rdi, REGS_RDI(%rsp)
    mov %rsi, REGS_RSI(%rsp)
    mov %rdx, REGS_RDX(%rsp)
    mov %r8, REGS_R8(%rsp)
    mov %r9, REGS_R9(%rsp)
    mov %r10, REGS_R10(%rsp)
    and $(HYPERCALL_SLOTS - 1), %eax // in speculation, too
    lea pv_hypercalls(%rip), %rcx
    mov (%rcx, %rax, 8), %rax
    mov %r10, %rcx
    call *%rax
    cmp $-ERESTART, %rax
    je 2f                           // the C code has set them for what is next
    cmpl $0, CPU_WORK(%rsp)
    jne 1f
    mov CPU_CURRENT(%rsp), %rcx
    mov VCPU_INFO(%rcx), %rcx
    cmpb $0, VCPU_PENDING(%rcx)
    jne 1f
    mov REGS_RIP(%rsp), %rcx
    test %rcx, %rcx                 // below, it might have become non-canonical: not for SYSRET
    jns 1f
    mov REGS_RFLAGS(%rsp), %r11
    mov REGS_R10(%rsp), %r10
    mov REGS_R9(%rsp), %r9
    mov REGS_R8(%rsp), %r8
    mov REGS_RDX(%rsp), %rdx
    mov REGS_RSI(%rsp), %rsi
    mov REGS_RDI(%rsp), %rdi
    mov REGS_RSP(%rsp), %rsp
    sysretq
1:  mov %rax, REGS_RAX(%rsp)
    mov REGS_RIP(%rsp), %rcx        // where SYSCALL leaves them
    mov %rcx, REGS_RCX(%rsp)
    mov REGS_RFLAGS(%rsp), %r11
    mov %r11, REGS_R11(%rsp)
2:  add $REGS_R11, %rsp
    SAVE_KEPT_REGS
    jmp guest_return

pv_hypercall_unknown:
    mov $-ENOSYS, %rax
    SAVE_REGS
    jmp guest_return

    // struct iret_context lies on the guest's stack. What is needed of it is pushed below the frame
    // by which the hypercall came in, so until the end the way back is open.
pv_iret_fast:
    cmpb $0, PV_SLOW_IRET(%rax)
    jne pv_iret_slow
    mov FROM_ERROR(REGS_RSP), %r11
    mov %r11, %rcx
    shr $43, %rcx
    cmp $(HV_START >> 43), %ecx
    je pv_iret_slow
    SMAP_INSN stac
1:  push 64(%r11)                   // ss
    push 56(%r11)                   // rsp
    push 48(%r11)                   // rflags
    push 40(%r11)                   // cs
    push 32(%r11)                   // rip
    push 16(%r11)                   // rcx
    push 8(%r11)                    // r11
    push (%r11)                     // rax
2:  SMAP_INSN clac
    EXTABLE_RANGE 1b, 2b, pv_iret_undo
    mov VCPU_INFO(%rax), %rcx
    cmpb $0, VCPU_PENDING(%rcx)
    jne pv_iret_undo
    testb $3, 32(%rsp)              // the kernel shows itself as CPL 0
    jz 3f
    mov (CPU_USER_CR3 - REGS_ERROR + 64)(%rsp), %r11
    test %r11, %r11
    jz pv_iret_undo
    movb $0, PV_KERNEL_MODE(%rax)
    mov %r11, %cr3
    swapgs
3:  orb $3, 32(%rsp)
    orb $3, 56(%rsp)
    mov 40(%rsp), %r11d
    and $~EFLAGS_IOPL_VM, %r11d
    bts $9, %r11d                   // IF; the carry tells what it was
    setnc VCPU_MASK(%rcx)           // the event mask is the inverse
    mov %r11, 40(%rsp)
    pop %rax
    pop %r11
    pop %rcx
4:  iretq
    EXTABLE 4b, pv_iret_fault

pv_iret_fault: // IRETQ did not like it: move the frame up to where it belongs
    .rept 5
    pop 40(%rsp)                    // counts from where rsp is then
    .endr
    add $8, %rsp
    jmp iret_fault

pv_iret_undo: // something unusual, or the frame could not be read
    SMAP_INSN clac
    RESET_STACK
    add $REGS_ERROR, %rsp
pv_iret_slow:
    mov $HYPERCALL_IRET, %eax
    mov FROM_ERROR(REGS_RIP), %rcx
    mov FROM_ERROR(REGS_RFLAGS), %r11
    SAVE_REGS
    call do_iret
    mov %rax, REGS_RAX(%rsp)
    jmp guest_return

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
    je guest_event
2:  RESTORE_REGS
    add $8, %rsp
3:  iretq
    EXTABLE 3b, iret_fault
1:  call work_run
    jmp guest_return

    // An event is pending and not masked: the callback is next.
guest_event:
    cmpq $0, PV_EVENT_CALLBACK(%rbx)
    je 4f
    cmpb $0, PV_KERNEL_MODE(%rbx)
    je 5f
    mov REGS_RSP(%rsp), %rcx
    and $~15, %rcx
    sub $56, %rcx
    mov %rcx, %rdx
    shr $43, %rdx
    cmp $(HV_START >> 43), %edx
    je 4f
    andb $~3, REGS_CS(%rsp)         // the kernel shows itself as CPL 0
6:  SMAP_INSN stac
7:  COPY_REG REGS_RCX, 0
    COPY_REG REGS_R11, 8
    COPY_REG REGS_RIP, 16
    COPY_REG REGS_CS, 24
    COPY_REG REGS_RFLAGS, 32
    COPY_REG REGS_RSP, 40
    COPY_REG REGS_SS, 48
8:  SMAP_INSN clac
    EXTABLE_RANGE 7b, 8b, pv_stack_fault
    movb $1, VCPU_MASK(%rax)
    mov PV_EVENT_CALLBACK(%rbx), %rdx
    mov %rdx, REGS_RIP(%rsp)
    movl $USER_CS64, REGS_CS(%rsp)
    andl $~EFLAGS_CLEARED, REGS_RFLAGS(%rsp)
    mov %rcx, REGS_RSP(%rsp)
    movl $USER_SS, REGS_SS(%rsp)
    jmp 2b
5:  TO_KERNEL_MODE %rbx, %rcx, REGS_ERROR
    mov PV_KERNEL_SP(%rbx), %rcx    // checked when it was set
    and $~15, %rcx
    sub $56, %rcx
    jmp 6b
4:  mov %rsp, %rdi                  // there is no callback, or no stack
    call pv_bounce_event
    jmp guest_return

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
    RESET_STACK
    xor %ebp, %ebp
    jmp guest_return
