// User mode: going there by iret, coming back by system call, exception or event.
#include "pv-abi/callback.h"

#include "tests/guests/common/guest.h"

// Pieces of user code, copied to a user page.
#define USER_CODE(name, text)                                \
    extern const uint8_t user_##name[], user_##name##_end[]; \
    __asm__(".pushsection .rodata; user_" #name ": " text "; user_" #name "_end: .popsection")
#define ENTER(name) enter(user_##name, (unsigned)(user_##name##_end - user_##name))

USER_CODE(syscall, "mov $0x1234, %eax; mov $77, %edi; syscall; ud2");
USER_CODE(ud2, "ud2");
USER_CODE(read, "mov (%rdi), %rax; syscall");
USER_CODE(write, "mov %rsi, (%rdi); syscall");
USER_CODE(jump, "jmp *%rdi");
USER_CODE(divide, "xor %edx, %edx; xor %ecx, %ecx; div %ecx");
USER_CODE(int3, "int3");
USER_CODE(int80, "int $0x80");
USER_CODE(hlt, "hlt");
USER_CODE(cli, "cli");
USER_CODE(rdmsr, "mov $0xc0000080, %ecx; rdmsr");
USER_CODE(mov_cr3, "mov %cr3, %rax");
USER_CODE(in_out, "mov $0x80, %edx; in %dx, %al");
USER_CODE(spin, "1: addq $1, 8(%rdi); cmpq $0, (%rdi); je 1b; syscall");
USER_CODE(flags, "pushf; pop %rax; syscall");
USER_CODE(step, "nop; nop; syscall");
USER_CODE(gs, "mov %gs:0, %rax; mov %fs:0, %rbx; syscall");
USER_CODE(int80_32, ".code32; mov $5, %eax; int $0x80; .code64");
USER_CODE(syscall_32, ".code32; mov $6, %eax; syscall; .code64");

static struct regs regs;

static int enter(const uint8_t *code, unsigned size)
{
    regs.rip = user_code(code, size);
    regs.rsp = user_stack();
    if (!regs.rflags)
        regs.rflags = RFLAGS_IF;
    return user_run(&regs);
}

static void fresh(void)
{
    memset(&regs, 0, sizeof(regs));
}

TEST(user_syscall)
{
    uint64_t code;

    fresh();
    regs.r15 = 15;
    regs.rbx = 0x1122334455667788;
    CHECK_EQ(ENTER(syscall), VEC_SYSCALL);
    code = user_va(0);
    CHECK_EQ(regs.rax, 0x1234);
    CHECK_EQ(regs.rdi, 77);
    CHECK_EQ(regs.r15, 15);
    CHECK_EQ(regs.rbx, 0x1122334455667788);
    CHECK_EQ(regs.rip, code + (unsigned)(user_syscall_end - user_syscall) - 2);
    CHECK_EQ(regs.rcx, regs.rip);
    CHECK_EQ(regs.rsp, user_stack());
    CHECK_EQ(regs.cs & 3, 3);
    CHECK_EQ(regs.ss & 0xffff, FLAT_USER_SS);
    CHECK_EQ(regs.rflags & RFLAGS_IF, RFLAGS_IF);
    // And by SYSRET to where it left.
    regs.rip -= 2;
    regs.error = VGCF_in_syscall;
    CHECK_EQ(user_run(&regs), VEC_SYSCALL);
}

// A hypercall number in a user's system call is only the guest kernel's business.
TEST(user_cannot_hypercall)
{
    fresh();
    CHECK_EQ(ENTER(syscall), VEC_SYSCALL);
    CHECK_EQ(regs.rax, 0x1234);
}

TEST(user_exceptions)
{
    fresh();
    CHECK_EQ(ENTER(ud2), VEC_UD);
    CHECK_EQ(regs.cs & 3, 3);
    CHECK_EQ(regs.rip, user_va(0));
    fresh();
    CHECK_EQ(ENTER(divide), VEC_DE);
    fresh();
    CHECK_EQ(ENTER(int3), VEC_BP);
    CHECK_EQ(regs.rip, user_va(0) + 1);
    fresh();
    CHECK_EQ(ENTER(int80), 0x80);
    CHECK_EQ(regs.rip, user_va(0) + 2);
}

TEST(user_privileged_instructions)
{
    fresh();
    CHECK_EQ(ENTER(hlt), VEC_GP);
    CHECK_EQ(regs.error, 0);
    fresh();
    CHECK_EQ(ENTER(cli), VEC_GP);
    fresh();
    CHECK_EQ(ENTER(rdmsr), VEC_GP);
    fresh();
    CHECK_EQ(ENTER(mov_cr3), VEC_GP);
    fresh();
    CHECK_EQ(ENTER(in_out), VEC_GP);
}

TEST(user_page_faults)
{
    fresh();
    regs.rdi = user_va(100);
    CHECK_EQ(ENTER(read), VEC_PF);
    CHECK_EQ(user_fault_cr2(), user_va(100));
    CHECK_EQ(regs.error, PF_USER);
    fresh();
    regs.rdi = user_va(100) + 8;
    CHECK_EQ(ENTER(write), VEC_PF);
    CHECK_EQ(regs.error, PF_USER | PF_WRITE);
    // Read-only, and not executable.
    CHECK_OK(user_map(100, mfn_of(page_alloc()), PTE_RO | PTE_NX));
    fresh();
    regs.rdi = user_va(100);
    CHECK_EQ(ENTER(read), VEC_SYSCALL);
    fresh();
    regs.rdi = user_va(100);
    CHECK_EQ(ENTER(write), VEC_PF);
    CHECK_EQ(regs.error, PF_USER | PF_WRITE | PF_PRESENT);
    fresh();
    regs.rdi = user_va(100);
    CHECK_EQ(ENTER(jump), VEC_PF);
    CHECK_EQ(regs.error, PF_USER | PF_FETCH | PF_PRESENT);
    CHECK_OK(va_map(user_va(100), 0, UVMF_INVLPG));
}

TEST(user_cannot_reach_kernel)
{
    const uint64_t va[] = {(uint64_t)&regs,    (uint64_t)start_info, MACH2PHYS_VIRT_START + 8,
                           0xffff830000000000, 0xffff82d040200000,   0xffff820000000000};

    for (unsigned i = 0; i < ARRAY_SIZE(va); i++) {
        fresh();
        regs.rdi = va[i];
        CHECK_EQ(ENTER(read), VEC_PF);
        CHECK_EQ(user_fault_cr2(), va[i]);
        CHECK(regs.error & PF_USER);
        fresh();
        regs.rdi = va[i];
        CHECK_EQ(ENTER(write), VEC_PF);
        fresh();
        regs.rdi = va[i];
        CHECK_EQ(ENTER(jump), VEC_PF);
    }
    fresh();
    regs.rdi = 0x8000000000000000;
    CHECK_EQ(ENTER(read), VEC_GP);
}

static volatile uint64_t *spin_words;

static void stop_spinning(void)
{
    spin_words[0] = 1;
    events_scan_two_level();
}

// An event interrupts user mode, and user mode goes on as if nothing had been.
TEST(user_interrupted_by_event)
{
    spin_words = page_alloc();
    CHECK_OK(user_map(100, mfn_of((void *)spin_words), PTE_RW));
    fresh();
    regs.rdi = user_va(100);
    events_scan_hook = stop_spinning;
    CHECK_OK(hc(set_timer_op, time_now() + 50 * NS_PER_MS));
    CHECK_EQ(ENTER(spin), VEC_SYSCALL);
    events_scan_hook = NULL;
    CHECK(spin_words[1] > 10);
    CHECK_EQ(regs.rdi, user_va(100));
    CHECK_OK(va_map(user_va(100), 0, UVMF_INVLPG));
}

TEST(user_flags)
{
    fresh();
    regs.rflags = RFLAGS_IF | RFLAGS_IOPL | 0x4000 | 0x20000 | 0x41; // IOPL 3, NT, VM, ZF, CF
    CHECK_EQ(ENTER(flags), VEC_SYSCALL);
    CHECK_EQ(regs.rax & (RFLAGS_IOPL | 0x20000), 0);
    CHECK_EQ(regs.rax & RFLAGS_IF, RFLAGS_IF);
    CHECK_EQ(regs.rax & 0x41, 0x41);
}

TEST(user_single_step)
{
    fresh();
    regs.rflags = RFLAGS_IF | RFLAGS_TF;
    CHECK_EQ(ENTER(step), VEC_DB);
    CHECK_EQ(regs.rip, user_va(0) + 1);
    CHECK_EQ(regs.rflags & RFLAGS_TF, RFLAGS_TF);
    CHECK_EQ(hc(get_debugreg, 6) & 0x4000, 0x4000);
    CHECK_OK(hc(set_debugreg, 6, 0));
}

// An iret to nowhere comes back as an exception or by the failsafe callback; user mode is not run.
TEST(user_iret_hostile)
{
    static const uint16_t selectors[] = {0x1233, 0xfff3, 0x0003, 0xe02b, 0x000b, 0xe00b};
    int vector;

    for (unsigned i = 0; i < ARRAY_SIZE(selectors); i++) {
        fresh();
        regs.cs = selectors[i];
        vector = ENTER(syscall);
        CHECK(vector == VEC_FAILSAFE || vector == VEC_GP);
    }
    for (unsigned i = 0; i < ARRAY_SIZE(selectors); i++) {
        if ((selectors[i] & ~3) == 0 || selectors[i] == 0xe02b)
            continue; // good stack selectors
        fresh();
        regs.ss = selectors[i];
        vector = ENTER(syscall);
        CHECK(vector == VEC_FAILSAFE || vector == VEC_GP || vector == VEC_SS);
    }
}

TEST(user_iret_to_bad_rip)
{
    static const uint64_t rips[] = {0x8000000000000000, 0x0000800000000000, 0xffff7fffffffffff};

    for (unsigned i = 0; i < ARRAY_SIZE(rips); i++)
        for (unsigned how = 0; how < 2; how++) {
            int vector;

            fresh();
            regs.rip = rips[i];
            regs.rsp = user_stack();
            regs.rflags = RFLAGS_IF;
            regs.error =
                how ? VGCF_in_syscall : 0; // SYSRET with a bad address is a trap of its own
            vector = user_run(&regs);
            CHECK(vector == VEC_FAILSAFE || vector == VEC_GP);
        }
    // The hypervisor's addresses are fetched from in vain.
    fresh();
    regs.rip = 0xffff830000000000;
    regs.rsp = user_stack();
    regs.rflags = RFLAGS_IF;
    CHECK_EQ(user_run(&regs), VEC_PF);
}

TEST(user_bad_stack)
{
    int vector;

    fresh();
    regs.rip = user_code(user_flags, (unsigned)(user_flags_end - user_flags));
    regs.rsp = 0xffff830000001000; // pushes there
    regs.rflags = RFLAGS_IF;
    CHECK_EQ(user_run(&regs), VEC_PF);
    fresh();
    regs.rip = user_va(0);
    regs.rsp = 0x8000000000000000;
    regs.rflags = RFLAGS_IF;
    vector = user_run(&regs);
    CHECK(vector == VEC_SS || vector == VEC_GP); // QEMU does not tell them apart
}

TEST(user_segment_bases)
{
    uint64_t *page = page_alloc();

    page[0] = 0xaaaa;
    page[1] = 0xbbbb;
    CHECK_OK(user_map(100, mfn_of(page), PTE_RW));
    CHECK_OK(hc(set_segment_base, SEGBASE_GS_USER, user_va(100)));
    CHECK_OK(hc(set_segment_base, SEGBASE_FS, user_va(100) + 8));
    CHECK_OK(hc(set_segment_base, SEGBASE_GS_KERNEL, 0));
    fresh();
    CHECK_EQ(ENTER(gs), VEC_SYSCALL);
    CHECK_EQ(regs.rax, 0xaaaa);
    CHECK_EQ(regs.rbx, 0xbbbb);
    CHECK_OK(va_map(user_va(100), 0, UVMF_INVLPG));
    CHECK_OK(hc(set_segment_base, SEGBASE_FS, 0));
    CHECK_OK(hc(set_segment_base, SEGBASE_GS_USER, 0));
}

// Programs of 32 bits, as Linux runs them beside others.
TEST(user_32_bit)
{
    struct callback_register callback = {.type = CALLBACKTYPE_syscall32};

    callback.flags = CALLBACKF_mask_events;
    callback.address = (uint64_t)entry_sysenter;
    fresh();
    regs.cs = FLAT_USER_CS32;
    CHECK_EQ(ENTER(int80_32), 0x80);
    CHECK_EQ(regs.rax, 5);
    CHECK_EQ(regs.cs & 0xffff, FLAT_USER_CS32);
    CHECK_OK(hc(callback_op, CALLBACKOP_register, &callback));
    fresh();
    regs.cs = FLAT_USER_CS32;
    CHECK_EQ(ENTER(syscall_32), VEC_SYSENTER);
    CHECK_EQ(regs.rax, 6);
    CHECK_EQ(regs.cs & 0xffff, FLAT_USER_CS32);
}

TEST(user_stack_switch)
{
    uint64_t *stack = pages_alloc(2);
    uint64_t top = (uint64_t)stack + 2 * PAGE_SIZE;

    CHECK_OK(hc(stack_switch, FLAT_KERNEL_SS, top - 256));
    CHECK_OK(hc(stack_switch, 0, vcpu_entry_stack(0))); // bent to a good one
    CHECK_OK(hc(stack_switch, FLAT_KERNEL_SS & ~3, vcpu_entry_stack(0)));
    fresh();
    CHECK_EQ(ENTER(syscall), VEC_SYSCALL);
    trap_restore();
}
