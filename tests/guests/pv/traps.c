// HYPERVISOR_set_trap_table and exceptions raised in kernel mode.
#include "tests/guests/common/guest.h"

static volatile unsigned hook_vector, hook_calls;
static volatile uint8_t hook_mask;
static struct regs hook_regs;

// Notes the exception and goes on after the instruction, `skip` bytes long.
static unsigned hook_skip;

static bool note(struct regs *regs)
{
    hook_calls++;
    hook_vector = (unsigned)regs->vector;
    hook_mask = vcpu_info_of(0)->evtchn_upcall_mask;
    hook_regs = *regs;
    regs->rip += hook_skip;
    return true;
}

static void watch(unsigned skip)
{
    hook_calls = 0;
    hook_vector = 999;
    hook_skip = skip;
    trap_hook = note;
}

TEST(trap_kernel_exceptions)
{
    static volatile uint32_t zero;
    int vector;

    CHECK_EQ(FAULT_OF(__asm__ volatile("ud2")), VEC_UD);
    CHECK_EQ(last_fault()->error, 0);
    CHECK_EQ(FAULT_OF(__asm__ volatile("divl %0" : : "m"(zero), "a"(1), "d"(0) : "cc")), VEC_DE);
    CHECK_EQ(FAULT_OF((void)*(volatile uint8_t *)0x0000700000000000), VEC_PF);
    CHECK_EQ(last_fault_cr2(), 0x0000700000000000);
    CHECK_EQ(FAULT_OF((void)*(volatile uint8_t *)0x8000000000000000), VEC_GP);
    CHECK_EQ(last_fault()->error, 0);
    vector = FAULT_OF(__asm__ volatile("mov %0, %%rbp; mov (%%rbp), %%rax; mov %%rsp, %%rbp"
                                       :
                                       : "r"(0x8000000000000000)
                                       : "rax"));
    CHECK(vector == VEC_SS || vector == VEC_GP); // QEMU does not tell them apart
}

TEST(trap_frame)
{
    uint64_t rip, rsp;

    watch(2);
    __asm__ volatile("lea 1f(%%rip), %0; mov %%rsp, %1; 1: ud2" : "=&r"(rip), "=&r"(rsp));
    CHECK_EQ(hook_calls, 1);
    CHECK_EQ(hook_vector, VEC_UD);
    CHECK_EQ(hook_regs.rip, rip);
    CHECK_EQ(hook_regs.rsp, rsp);
    CHECK_EQ(hook_regs.cs & 0xffff, FLAT_KERNEL_CS & ~3); // kernel mode shows as ring 0
    CHECK_EQ(hook_regs.ss & 0xfffc, FLAT_KERNEL_SS & ~3);
    CHECK_EQ(hook_regs.rflags & RFLAGS_IF, RFLAGS_IF); // events are on
    CHECK_EQ(hook_regs.rflags & RFLAGS_IOPL, 0);
    events_disable();
    watch(2);
    __asm__ volatile("ud2");
    CHECK_EQ(hook_regs.rflags & RFLAGS_IF, 0);
    CHECK_EQ(hook_mask, 1);
    CHECK_EQ(vcpu_info_of(0)->evtchn_upcall_mask, 1); // iret put the same back
    events_enable();
}

TEST(trap_registers_survive)
{
    uint64_t in[4] = {0x1111222233334444, 0x5555666677778888, 0x9999aaaabbbbcccc,
                      0xddddeeeeffff0000};
    uint64_t a = in[0], c = in[1], d = in[2];
    register uint64_t r11 __asm__("r11") = in[3];

    watch(2);
    __asm__ volatile("ud2" : "+a"(a), "+c"(c), "+d"(d), "+r"(r11));
    CHECK_EQ(a, in[0]);
    CHECK_EQ(c, in[1]);
    CHECK_EQ(d, in[2]);
    CHECK_EQ(r11, in[3]);
    CHECK_EQ(hook_regs.rcx, in[1]);
    CHECK_EQ(hook_regs.r11, in[3]);
}

// An unaligned stack is aligned for the frame, and comes back as it was.
TEST(trap_unaligned_stack)
{
    uint64_t before, after;

    watch(2);
    __asm__ volatile("mov %%rsp, %0; sub $13, %%rsp; ud2; add $13, %%rsp; mov %%rsp, %1"
                     : "=&r"(before), "=&r"(after));
    CHECK_EQ(after, before);
    CHECK_EQ(hook_regs.rsp, before - 13);
}

TEST(trap_breakpoint_is_a_trap)
{
    uint64_t rip;

    watch(0);
    __asm__ volatile("lea 1f(%%rip), %0; int3; 1:" : "=r"(rip));
    CHECK_EQ(hook_vector, VEC_BP);
    CHECK_EQ(hook_regs.rip, rip);
}

TEST(trap_single_step)
{
    watch(0);
    __asm__ volatile(
        "pushf; orq $0x100, (%%rsp); popf; nop; nop; pushf; andq $~0x100, (%%rsp); popf"
        :
        :
        : "cc", "memory");
    trap_hook = NULL;
    CHECK(hook_calls >= 3 && hook_calls <= 8);
    CHECK_EQ(hook_vector, VEC_DB);
}

// The flag of a trap table's entry says whether events are masked on entry.
TEST(trap_entry_masks_events)
{
    struct trap_info table[3] = {
        {VEC_UD, 4, FLAT_KERNEL_CS, (uint64_t)exception_stubs[VEC_UD]},
        {VEC_DE, 0, FLAT_KERNEL_CS, (uint64_t)exception_stubs[VEC_DE]},
    };

    CHECK_OK(hc(set_trap_table, table));
    watch(2);
    __asm__ volatile("ud2");
    CHECK_EQ(hook_mask, 1);
    CHECK_EQ(hook_regs.rflags & RFLAGS_IF, RFLAGS_IF);
    CHECK_EQ(vcpu_info_of(0)->evtchn_upcall_mask, 0);
    table[0].flags = 0;
    CHECK_OK(hc(set_trap_table, table));
    watch(2);
    __asm__ volatile("ud2");
    CHECK_EQ(hook_mask, 0);
    trap_restore();
}

// Another table replaces the entries that it names, and only those.
TEST(trap_table_is_incremental)
{
    struct trap_info table[2] = {{VEC_OF, 3, FLAT_KERNEL_CS, (uint64_t)exception_stubs[VEC_UD]}};

    CHECK_OK(hc(set_trap_table, table));
    CHECK_EQ(FAULT_OF(__asm__ volatile("ud2")), VEC_UD);
    table[0].address = 0; // an empty table changes nothing
    CHECK_OK(hc(set_trap_table, table));
    CHECK_EQ(FAULT_OF(__asm__ volatile("ud2")), VEC_UD);
    trap_restore();
}

TEST(trap_table_hostile)
{
    struct trap_info table[2] = {{VEC_UD, 0, FLAT_KERNEL_CS, 0x8000000000000000}};

    CHECK_ERR(hc(set_trap_table, table), EINVAL);
    CHECK_EQ(FAULT_OF(__asm__ volatile("ud2")), VEC_UD);
    for (unsigned i = 0; i < BAD_POINTERS; i++)
        CHECK_ERR(hc(set_trap_table, bad_pointers[i]), EFAULT);
    // A selector of the hypervisor's is bent to the guest's privilege.
    table[0].address = (uint64_t)exception_stubs[VEC_UD];
    table[0].cs = FLAT_KERNEL_CS & ~3;
    CHECK_OK(hc(set_trap_table, table));
    CHECK_EQ(FAULT_OF(__asm__ volatile("ud2")), VEC_UD);
    trap_restore();
}

// INT n: vector 0x80, and where the emulator reports the right error code (n * 8 + 2) any other.
TEST(trap_software_interrupts)
{
    int vector = FAULT_OF(__asm__ volatile("int $0x80"));

    CHECK_EQ(vector, 0x80);
    vector = FAULT_OF(__asm__ volatile("int $0x81"));
    if (vector == VEC_GP && last_fault()->error == 0x81 * 16 + 2)
        SKIP("the emulator gives INT n a wrong error code");
    CHECK_EQ(vector, 0x81);
    CHECK_EQ(FAULT_OF(__asm__ volatile("int $0x8f")), 0x8f);
    // Vectors without an entry, and entries that software may not use.
    CHECK_EQ(FAULT_OF(__asm__ volatile("int $0x90")), VEC_GP);
    CHECK_EQ(last_fault()->error, 0x90 * 8 + 2);
    CHECK_EQ(FAULT_OF(__asm__ volatile("int $14")), VEC_GP);
    CHECK_EQ(last_fault()->error, 14 * 8 + 2);
}

TEST(trap_device_not_available)
{
    CHECK_OK(hc(fpu_taskswitch, 1));
    CHECK_EQ(FAULT_OF(__asm__ volatile("fninit")), VEC_NM);
    // Delivery has cleared the flag.
    CHECK_EQ(FAULT_OF(__asm__ volatile("fninit")), NO_FAULT);
    CHECK_OK(hc(fpu_taskswitch, 1));
    CHECK_OK(hc(fpu_taskswitch, 0));
    CHECK_EQ(FAULT_OF(__asm__ volatile("fninit")), NO_FAULT);
    CHECK_OK(hc(fpu_taskswitch, 1));
    CHECK_EQ(FAULT_OF(__asm__ volatile("pxor %%xmm0, %%xmm0" : : :)), VEC_NM);
}

TEST(trap_fpu_exceptions)
{
    uint16_t control = 0x0340; // everything unmasked

    // (No SSE exceptions: QEMU does not raise them.)
    CHECK_EQ(FAULT_OF(__asm__ volatile("fninit; fldcw %0; fld1; fldz; fdivrp; fwait"
                                       :
                                       : "m"(control))),
             VEC_MF);
    __asm__ volatile("fninit");
}

// One fault inside the handler of another.
static volatile unsigned nested;

static bool nest(struct regs *regs)
{
    nested++;
    if (nested < 5)
        __asm__ volatile("ud2");
    regs->rip += 2;
    return true;
}

TEST(trap_nested)
{
    nested = 0;
    trap_hook = nest;
    __asm__ volatile("ud2");
    CHECK_EQ(nested, 5);
}
