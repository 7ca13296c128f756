// Privileged instructions other than register accesses; I/O ports.
#include "pv-abi/physdev.h"

#include "tests/guests/common/guest.h"
#include "tests/guests/common/instructions.h"

static long set_iopl(unsigned level)
{
    struct physdev_set_iopl op = {.iopl = level};

    return hc(physdev_op, PHYSDEVOP_set_iopl, &op);
}

// HLT and INVLPG are either refused, or do what they do on a bare machine: a kernel that knows it
// is a guest uses hypercalls.
TEST(priv_hlt)
{
    unsigned seen = event_count[timer_port];
    uint64_t start = time_now();
    int vector;

    events_disable();
    CHECK_OK(hc(set_timer_op, start + 5 * NS_PER_MS));
    vector = FAULT_OF(__asm__ volatile("hlt"));
    events_enable();
    if (vector == NO_FAULT) {
        CHECK_EQ(event_count[timer_port], seen + 1); // it unmasks, as HLT after STI
        CHECK(time_now() - start >= 4 * NS_PER_MS);
    } else {
        CHECK_EQ(vector, VEC_GP);
        CHECK_OK(hc(set_timer_op, 0));
    }
}

TEST(priv_invlpg)
{
    volatile uint64_t *p = (volatile uint64_t *)window_va(0);
    int vector;

    CHECK_OK(window_map(0, mfn_of(page_alloc()), PTE_RW));
    *p = 1;
    CHECK_OK(va_map(window_va(0), 0, UVMF_NONE));
    vector = FAULT_OF(__asm__ volatile("invlpg %0" : : "m"(*p)));
    if (vector == NO_FAULT)
        CHECK_EQ(FAULT_OF(*p = 1), VEC_PF);
    else
        CHECK_EQ(vector, VEC_GP);
    CHECK_EQ(FAULT_OF(__asm__ volatile("invlpg (%0)" : : "r"(0xffff830000000000))), vector);
    CHECK_OK(window_unmap(0));
}

TEST(priv_cache)
{
    CHECK_EQ(FAULT_OF(__asm__ volatile("wbinvd")), NO_FAULT);
    (void)FAULT_OF(__asm__ volatile("invd")); // a fault, but not in every emulator
}

// The guest's interrupt flag is in memory. CLI and STI fault or, with I/O privilege, do nothing;
// POPF changes neither the flag nor the privilege.
TEST(priv_interrupt_flag)
{
    uint64_t flags;

    CHECK_OK(set_iopl(0));
    CHECK_EQ(FAULT_OF(__asm__ volatile("cli")), VEC_GP);
    CHECK_EQ(FAULT_OF(__asm__ volatile("sti")), VEC_GP);
    CHECK_OK(set_iopl(1));
    CHECK_EQ(FAULT_OF(__asm__ volatile("cli")), NO_FAULT);
    CHECK_EQ(vcpu_info_of(0)->evtchn_upcall_mask, 0);
    CHECK_EQ(FAULT_OF(__asm__ volatile("sti")), NO_FAULT);
    __asm__ volatile("pushf; andq $~0x200, (%%rsp); popf; pushf; pop %0"
                     : "=r"(flags)
                     :
                     : "cc", "memory");
    CHECK_EQ(flags & RFLAGS_IF, RFLAGS_IF);
    __asm__ volatile("pushf; orq $0x3000, (%%rsp); popf; pushf; pop %0"
                     : "=r"(flags)
                     :
                     : "cc", "memory");
    CHECK_EQ(flags & RFLAGS_IOPL, 0);
    CHECK_EQ(vcpu_info_of(0)->evtchn_upcall_mask, 0);
}

TEST(priv_tables_refused)
{
    struct {
        uint16_t limit;
        uint64_t base;
    } __attribute__((packed)) table = {0, 0};
    uint16_t selector = 0;

    CHECK_EQ(FAULT_OF(__asm__ volatile("lgdt %0" : : "m"(table))), VEC_GP);
    CHECK_EQ(FAULT_OF(__asm__ volatile("lidt %0" : : "m"(table))), VEC_GP);
    CHECK_EQ(FAULT_OF(__asm__ volatile("lldt %0" : : "r"(selector))), VEC_GP);
    CHECK_EQ(FAULT_OF(__asm__ volatile("ltr %0" : : "r"(selector))), VEC_GP);
}

// SMSW and LMSW: the former may be run by anyone, the latter sets TS at most.
TEST(priv_machine_status)
{
    uint64_t word = 0;
    int vector = FAULT_OF(__asm__ volatile("smsw %0" : "=r"(word)));

    if (vector == NO_FAULT)
        CHECK_EQ(word & 1, 1);
    (void)FAULT_OF(__asm__ volatile("lmsw %0" : : "r"((uint16_t)1)));
    CHECK_EQ(READ_CR(0) & 0x80000001, 0x80000001);
}

TEST(priv_ring_instructions)
{
    int vector;

    CHECK_EQ(FAULT_OF(__asm__ volatile("swapgs")), VEC_GP);
    CHECK_EQ(FAULT_OF(__asm__ volatile("sysretq" : : "c"(0UL) : "r11")), VEC_GP);
    vector = FAULT_OF(__asm__ volatile("sysexitl" : : "c"(0UL), "d"(0UL)));
    CHECK(vector == VEC_GP || vector == VEC_UD);
}

TEST(priv_virtualization_instructions)
{
    int vector;

    CHECK_EQ(FAULT_OF(__asm__ volatile("vmcall")), VEC_UD);
    CHECK_EQ(FAULT_OF(__asm__ volatile("vmmcall" : : "a"(17) : "memory")), VEC_UD);
    vector = FAULT_OF(__asm__ volatile("vmload %%rax" : : "a"(0UL)));
    CHECK(vector == VEC_UD || vector == VEC_GP);
    vector = FAULT_OF(__asm__ volatile("vmrun %%rax" : : "a"(0UL)));
    CHECK(vector == VEC_UD || vector == VEC_GP);
    vector = FAULT_OF(__asm__ volatile("clgi"));
    CHECK(vector == VEC_UD || vector == VEC_GP);
}

TEST(priv_time_stamp)
{
    uint64_t last = tsc_read();

    for (unsigned i = 0; i < 1000; i++) {
        uint64_t now = tsc_read();

        if (now < last)
            CHECK(now >= last);
        last = now;
    }
    CHECK_EQ(FAULT_OF(__asm__ volatile("rdpmc" : : "c"(0) : "eax", "edx")), VEC_GP);
}

// XCR0 may be written once the guest has set its own CR4.OSXSAVE.
TEST(priv_xsetbv)
{
    uint32_t low, high;
    uint64_t cr4 = READ_CR(4);

    if (!(cpuid_forced(1, 0).c & 1U << 26))
        SKIP("no XSAVE");
    CHECK_EQ(FAULT_OF(WRITE_CR(4, cr4 & ~(1UL << 18))), NO_FAULT);
    CHECK_EQ(FAULT_OF(__asm__ volatile("xsetbv" : : "a"(3), "d"(0), "c"(0))), VEC_UD);
    CHECK_EQ(FAULT_OF(WRITE_CR(4, cr4 | 1UL << 18)), NO_FAULT);
    CHECK_EQ(cpuid_forced(1, 0).c & 1U << 27, 1U << 27);
    CHECK_EQ(FAULT_OF(__asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0))), NO_FAULT);
    CHECK_EQ(FAULT_OF(__asm__ volatile("xsetbv" : : "a"(low), "d"(high), "c"(0))), NO_FAULT);
    CHECK_EQ(FAULT_OF(__asm__ volatile("xsetbv"
                                       :
                                       : "a"(0), "d"(0), "c"(0))),
             VEC_GP); // x87 must be
    CHECK_EQ(FAULT_OF(__asm__ volatile("xsetbv" : : "a"(4), "d"(0), "c"(0))), VEC_GP);
    CHECK_EQ(FAULT_OF(__asm__ volatile("xsetbv" : : "a"(~0U), "d"(~0U), "c"(0))), VEC_GP);
    CHECK_EQ(FAULT_OF(__asm__ volatile("xsetbv" : : "a"(low), "d"(high), "c"(1))), VEC_GP);
    CHECK_EQ(FAULT_OF(WRITE_CR(4, cr4)), NO_FAULT);
}

// I/O ports

TEST(priv_ports)
{
    CHECK_OK(set_iopl(0));
    CHECK_EQ(FAULT_OF(port_in8(0x80)), VEC_GP);
    CHECK_OK(set_iopl(1));
    CHECK_EQ(FAULT_OF(port_in8(0x80)), NO_FAULT);
    CHECK_EQ(FAULT_OF(port_out8(0x80, 0x55)), NO_FAULT);
    CHECK_EQ(FAULT_OF(port_in8(0x61)), NO_FAULT);
    // A device's register shows what the device says: PCI configuration of the host bridge.
    CHECK_EQ(FAULT_OF(__asm__ volatile("outl %0, %1"
                                       :
                                       : "a"(0x80000000), "d"((uint16_t)0xcf8))),
             NO_FAULT);
    CHECK((port_in32(0xcfc) & 0xffff) != 0xffff);
    CHECK_EQ(port_in32(0xcfc) & 0xffff, port_in16(0xcfc));
    CHECK_EQ(port_in8(0xcfc), port_in16(0xcfc) & 0xff);
}

// What the hypervisor keeps for itself reads as if nothing was there: interrupt controllers, timer,
// its serial line.
TEST(priv_ports_denied)
{
    static const uint16_t ports[] = {0x20, 0x21, 0xa0, 0xa1, 0x40, 0x3f8, 0x3fd};

    CHECK_OK(set_iopl(1));
    for (unsigned i = 0; i < ARRAY_SIZE(ports); i++) {
        volatile uint8_t value = 0;

        CHECK_EQ(FAULT_OF(value = port_in8(ports[i])), NO_FAULT);
        CHECK_EQ(value, 0xff);
        if (ports[i] < 0x100)
            CHECK_EQ(FAULT_OF(port_out8(ports[i], 0xff)), NO_FAULT);
    }
    // Still alive, and the timer still comes.
    unsigned seen = event_count[timer_port];

    CHECK_OK(hc(set_timer_op, time_now() + 2 * NS_PER_MS));
    CHECK(event_wait(timer_port, seen, NS_PER_S));
}

TEST(priv_port_strings)
{
    uint8_t buffer[4] = {0x12, 0x34, 0x56, 0x78};
    void *p = buffer;
    uint64_t count = 4;
    int vector;

    CHECK_OK(set_iopl(1));
    CHECK_EQ(FAULT_OF(__asm__ volatile("rep outsb"
                                       : "+S"(p), "+c"(count)
                                       : "d"((uint16_t)0x80)
                                       : "memory")),
             NO_FAULT);
    CHECK_EQ(count, 0);
    CHECK_EQ(p, buffer + 4);
    p = buffer;
    count = 4;
    CHECK_EQ(FAULT_OF(__asm__ volatile("rep insb"
                                       : "+D"(p), "+c"(count)
                                       : "d"((uint16_t)0x20)
                                       : "memory")),
             NO_FAULT);
    CHECK_EQ(count, 0);
    CHECK_EQ(buffer[3], 0xff);
    // Into a page that is not there: a page fault of the guest's.
    p = bad_pointers[0];
    count = 1;
    CHECK_EQ(FAULT_OF(__asm__ volatile("rep insb"
                                       : "+D"(p), "+c"(count)
                                       : "d"((uint16_t)0x80)
                                       : "memory")),
             VEC_PF);
    p = bad_pointers[2];
    vector = FAULT_OF(__asm__ volatile("rep insb"
                                       : "+D"(p), "+c"(count)
                                       : "d"((uint16_t)0x80)
                                       : "memory"));
    CHECK(vector == VEC_PF || vector == VEC_GP);
}

// User mode's ports: by I/O privilege level 3, or by the bitmap.
extern const uint8_t user_port_code[], user_port_code_end[];
__asm__(
    ".pushsection .rodata; user_port_code: in %dx, %al; syscall; user_port_code_end: .popsection");

static int user_in(uint16_t port)
{
    struct regs regs = {.rdx = port, .rflags = RFLAGS_IF};

    regs.rip = user_code(user_port_code, (unsigned)(user_port_code_end - user_port_code));
    regs.rsp = user_stack();
    return user_run(&regs);
}

TEST(priv_user_ports)
{
    struct physdev_set_iobitmap map = {.nr_ports = 65536};
    uint8_t *bits = pages_alloc(2);

    CHECK_OK(set_iopl(1));
    CHECK_EQ(user_in(0x80), VEC_GP);
    CHECK_OK(set_iopl(3));
    CHECK_EQ(user_in(0x80), VEC_SYSCALL);
    CHECK_OK(set_iopl(1));
    memset(bits, 0xff, 2 * PAGE_SIZE);
    bits[0x80 / 8] = 0xfe;
    map.bitmap = bits;
    CHECK_OK(hc(physdev_op, PHYSDEVOP_set_iobitmap, &map));
    CHECK_EQ(user_in(0x80), VEC_SYSCALL);
    CHECK_EQ(user_in(0x81), VEC_GP);
    map.nr_ports = 0x80; // too short to tell
    CHECK_OK(hc(physdev_op, PHYSDEVOP_set_iobitmap, &map));
    CHECK_EQ(user_in(0x80), VEC_GP);
    map.nr_ports = 0;
    CHECK_OK(hc(physdev_op, PHYSDEVOP_set_iobitmap, &map));
    CHECK_EQ(user_in(0x80), VEC_GP);
}
