// Accesses to guest-physical addresses behind which there is nothing: reads give ones, writes go
// nowhere. And the local APIC's page, where something is.
#include "tests/guests/hvm/hvm.h"

// clang-format off
#define EACH_LOAD(X)                    \
    X("movb (%1), %b0", 0xff)           \
    X("movw (%1), %w0", 0xffff)         \
    X("movl (%1), %k0", 0xffffffff)     \
    X("movq (%1), %q0", ~0ul)           \
    X("movzbl (%1), %k0", 0xff)         \
    X("movzwl (%1), %k0", 0xffff)       \
    X("movzbq (%1), %q0", 0xff)         \
    X("movzwq (%1), %q0", 0xffff)       \
    X("movb (%1), %h0", 0xff00)         \
    X("movsbl (%1), %k0", 0xffffffff)   \
    X("movsbq (%1), %q0", ~0ul)         \
    X("movswl (%1), %k0", 0xffffffff)   \
    X("movswq (%1), %q0", ~0ul)         \
    X("movslq (%1), %q0", ~0ul)         \
    X("movzbw (%1), %w0", 0xff)         \
    X("movsbw (%1), %w0", 0xffff)       \
    X("movl 0x7(%1,%1,1), %k0", 0xffffffff)

#define EACH_STORE(X)           \
    X("movb %b0, (%1)")         \
    X("movw %w0, (%1)")         \
    X("movl %k0, (%1)")         \
    X("movq %q0, (%1)")         \
    X("movb $0x5a, (%1)")       \
    X("movw $0x5a5a, (%1)")     \
    X("movl $0x5a5a5a5a, (%1)") \
    X("movq $0x5a5a5a5a, (%1)") \
    X("movb %h0, (%1)")         \
    X("xchgl %k0, (%1)")        \
    X("xchgq %q0, (%1)")        \
    X("xchgw %w0, (%1)")        \
    X("xchgb %b0, (%1)")
// clang-format on

TEST(holes_loads)
{
    uint64_t address = HOLE / 2 + 0x10; // so that twice it is one too
    uint64_t value;

#define LOAD(text, want)                                            \
    value = 0;                                                      \
    __asm__ volatile(text : "+a"(value) : "b"(address) : "memory"); \
    check_equal((long)value, (long)(want), __FILE__, __LINE__, text);
    EACH_LOAD(LOAD)
#undef LOAD
}

TEST(holes_stores)
{
    uint64_t value = 0x1122334455667788;

#define STORE(text) __asm__ volatile(text : "+a"(value) : "b"(HOLE) : "memory");
    EACH_STORE(STORE)
#undef STORE
    CHECK_EQ(*(volatile uint32_t *)HOLE, 0xffffffff);
}

TEST(holes_across_pages)
{
    CHECK_EQ(*(volatile uint64_t *)(HOLE + 0xffc), ~0ul);
    *(volatile uint64_t *)(HOLE + 0xffc) = 1;
}

// The absolute forms have no operand but the accumulator.
TEST(holes_absolute)
{
    uint64_t value = 0;

    __asm__ volatile("movabs 0xd0000000, %%al" : "+a"(value));
    CHECK_EQ(value, 0xff);
    __asm__ volatile("movabs 0xd0000000, %%eax" : "+a"(value));
    CHECK_EQ(value, 0xffffffff);
    __asm__ volatile("movabs 0xd0000000, %%rax" : "+a"(value));
    CHECK_EQ(value, ~0ul);
    __asm__ volatile("movabs %%rax, 0xd0000000" : : "a"(value) : "memory");
    __asm__ volatile("movabs %%al, 0xd0000000" : : "a"(value) : "memory");
}

// Every register of the local APIC and what is between them. Not the one that sends.
TEST(holes_lapic_all_forms)
{
    uint64_t value, address;

    for (unsigned offset = 0; offset < 0x1000; offset += offset < 0x400 ? 4 : 0x94) {
        address = LAPIC_BASE + offset;
#define LOAD(text, want) __asm__ volatile(text : "=&a"(value) : "b"(address) : "memory");
        if (!(offset & 15))
            LOAD("movl (%1), %k0", 0)
        LOAD("movb (%1), %b0", 0)
        LOAD("movw (%1), %w0", 0)
        LOAD("movq (%1), %q0", 0)
        LOAD("movzbl (%1), %k0", 0)
        LOAD("movswq (%1), %q0", 0)
        if ((offset & ~15u) == LAPIC_ICR)
            continue;
        value = 0x5555;
#define STORE(text) __asm__ volatile(text : "+a"(value) : "b"(address) : "memory");
        EACH_STORE(STORE)
        value = ~0ul;
        STORE("movl %k0, (%1)")
        value = 0;
        STORE("movl %k0, (%1)")
    }
    lapic_setup();
    CHECK_EQ(*lapic(LAPIC_VERSION) & 0xf0, 0x10);
}
