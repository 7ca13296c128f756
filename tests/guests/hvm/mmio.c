// What reaches for devices' memory by other instructions than MOV (holes.c): changes of it,
// strings, the stack, vector registers; and what must fault. The local APIC's task priority is a
// device that remembers.
#include "tests/guests/hvm/hvm.h"

#define UNMAPPED 0x0000700000000000ul

static uint8_t buffer[256] __attribute__((aligned(64)));

// OSFXSR and OSXMMEXCPT.
static void enable_vectors(void)
{
    WRITE_CR(4, READ_CR(4) | 0x600);
}

// On a register of the local APIC that holds 0x35, with rax 0x11: what it holds then, and rax.
static void check_priority(void (*run)(volatile uint32_t *tpr, uint64_t *rax), uint32_t want,
                           uint64_t want_rax, int line)
{
    volatile uint32_t *tpr = lapic(LAPIC_TPR);
    uint64_t rax = 0x11;

    *tpr = 0x35;
    run(tpr, &rax);
    check_equal(*tpr, want, __FILE__, line, "the register");
    check_equal((long)rax, (long)want_rax, __FILE__, line, "rax");
    *tpr = 0;
}

// clang-format off
#define EACH_CHANGE(X)                                  \
    X(1, "addl %%eax, (%%rbx)", 0x46, 0x11)             \
    X(2, "lock addl %%eax, (%%rbx)", 0x46, 0x11)        \
    X(3, "orl $0x40, (%%rbx)", 0x75, 0x11)              \
    X(4, "lock orl $0x40, (%%rbx)", 0x75, 0x11)         \
    X(5, "andl $0xf0, (%%rbx)", 0x30, 0x11)             \
    X(6, "subl %%eax, (%%rbx)", 0x24, 0x11)             \
    X(7, "xorl %%eax, (%%rbx)", 0x24, 0x11)             \
    X(8, "stc; adcl $1, (%%rbx)", 0x37, 0x11)           \
    X(9, "stc; sbbl $1, (%%rbx)", 0x33, 0x11)           \
    X(10, "incl (%%rbx)", 0x36, 0x11)                   \
    X(11, "lock decl (%%rbx)", 0x34, 0x11)              \
    X(12, "notl (%%rbx)", 0xca, 0x11)                   \
    X(13, "negl (%%rbx)", 0xcb, 0x11)                   \
    X(14, "shll $1, (%%rbx)", 0x6a, 0x11)               \
    X(15, "shrl %%cl, (%%rbx)", 0x0d, 0x11)             \
    X(16, "roll $4, (%%rbx)", 0x50, 0x11)               \
    X(17, "btsl $7, (%%rbx)", 0xb5, 0x11)               \
    X(18, "lock btrl $0, (%%rbx)", 0x34, 0x11)          \
    X(19, "btcl %%ecx, (%%rbx)", 0x31, 0x11)            \
    X(20, "xchgl %%eax, (%%rbx)", 0x11, 0x35)           \
    X(21, "xaddl %%eax, (%%rbx)", 0x46, 0x35)           \
    X(22, "cmpxchgl %%ecx, (%%rbx)", 0x35, 0x35)        \
    X(23, "movl $0x35, %%eax; cmpxchgl %%ecx, (%%rbx)", 2, 0x35) \
    X(24, "movntil %%eax, (%%rbx)", 0x11, 0x11)         \
    X(25, "movl (%%rbx), %%eax", 0x35, 0x35)            \
    X(26, "addl (%%rbx), %%eax", 0x35, 0x46)            \
    X(27, "imull (%%rbx), %%eax", 0x35, 0x385)          \
    X(28, "stc; cmovcl (%%rbx), %%eax", 0x35, 0x35)     \
    X(29, "cmpl %%eax, (%%rbx); seta %%al", 0x35, 1)    \
    X(30, "testl $0x30, (%%rbx); setnz %%al", 0x35, 1)  \
    X(31, "pushq (%%rbx); popq %%rax", 0x35, 0x35)      \
    X(32, "movd (%%rbx), %%xmm3; movd %%xmm3, %%eax", 0x35, 0x35) \
    X(33, "movd %%eax, %%xmm12; movss %%xmm12, (%%rbx)", 0x11, 0x11)
// clang-format on

#define RUN(n, text, want, want_rax)                                               \
    static void change_##n(volatile uint32_t *tpr, uint64_t *rax)                  \
    {                                                                              \
        __asm__ volatile(text : "+a"(*rax) : "b"(tpr), "c"(2ul) : "memory", "cc"); \
    }
EACH_CHANGE(RUN)
#undef RUN

TEST(mmio_changes)
{
    enable_vectors();
#define CHECK_CHANGE(n, text, want, want_rax) check_priority(change_##n, want, want_rax, n);
    EACH_CHANGE(CHECK_CHANGE)
#undef CHECK_CHANGE
}

TEST(mmio_strings)
{
    uint8_t *to = buffer, *from = (uint8_t *)HOLE;
    uint64_t count = 100, value = 0x5a;

    memset(buffer, 0, sizeof(buffer));
    __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(count) : : "memory");
    CHECK(to == buffer + 100 && from == (uint8_t *)HOLE + 100 && count == 0);
    CHECK(buffer[0] == 0xff && buffer[99] == 0xff && buffer[100] == 0);
    to = (uint8_t *)HOLE + 0xff0; // across pages
    from = buffer;
    count = 8;
    __asm__ volatile("rep movsq" : "+D"(to), "+S"(from), "+c"(count) : : "memory");
    CHECK(to == (uint8_t *)HOLE + 0x1030 && from == buffer + 64 && count == 0);
    to = (uint8_t *)HOLE;
    count = 1000;
    __asm__ volatile("rep stosl" : "+D"(to), "+c"(count) : "a"(value) : "memory");
    CHECK(to == (uint8_t *)HOLE + 4000 && count == 0);
    to = (uint8_t *)HOLE;
    count = 50;
    __asm__ volatile("repne scasb" : "+D"(to), "+c"(count) : "a"(0xff) : "memory", "cc");
    CHECK(to == (uint8_t *)HOLE + 1 && count == 49);
    from = (uint8_t *)HOLE + 7;
    __asm__ volatile("std; lodsq; cld" : "+S"(from), "=a"(value) : : "memory");
    CHECK(from == (uint8_t *)HOLE - 1 && value == ~0ul);
    to = buffer;
    from = (uint8_t *)HOLE;
    count = 200;
    __asm__ volatile("repe cmpsb" : "+D"(to), "+S"(from), "+c"(count) : : "memory", "cc");
    CHECK(to == buffer + 101 && count == 99);
}

TEST(mmio_port_strings)
{
    uint8_t *from = (uint8_t *)HOLE, *to = buffer;
    uint64_t count = 100;

    __asm__ volatile("rep outsb" : "+S"(from), "+c"(count) : "d"(0x3333) : "memory");
    CHECK(from == (uint8_t *)HOLE + 100 && count == 0);
    memset(buffer, 0, sizeof(buffer));
    count = 10;
    __asm__ volatile("rep insl" : "+D"(to), "+c"(count) : "d"(0x3333) : "memory");
    CHECK(to == buffer + 40 && count == 0 && buffer[39] == 0xff && buffer[40] == 0);
    to = (uint8_t *)HOLE;
    count = 10;
    __asm__ volatile("rep insw" : "+D"(to), "+c"(count) : "d"(0x3333) : "memory");
    CHECK(to == (uint8_t *)HOLE + 20 && count == 0);
}

TEST(mmio_vectors)
{
    enable_vectors();
    memset(buffer, 0, sizeof(buffer));
    __asm__ volatile("movups 1(%0), %%xmm5; movaps %%xmm5, (%1)"
                     :
                     : "r"(HOLE), "r"(buffer)
                     : "memory");
    CHECK(buffer[0] == 0xff && buffer[15] == 0xff && buffer[16] == 0);
    __asm__ volatile("movdqa (%0), %%xmm13; movdqu %%xmm13, 16(%1)"
                     :
                     : "r"(HOLE), "r"(buffer)
                     : "memory");
    CHECK(buffer[16] == 0xff && buffer[31] == 0xff && buffer[32] == 0);
    __asm__ volatile("movups %%xmm5, 0xff8(%0); movntdq %%xmm5, (%0)" : : "r"(HOLE) : "memory");
}

// Memory that is not mapped is the guest's own fault, wherever the other end is.
static void check_page_fault(int vector, uint64_t address, uint64_t error, int line)
{
    check_equal(vector, VEC_PF, __FILE__, line, "vector");
    check_equal((long)last_fault_cr2(), (long)address, __FILE__, line, "address");
    check_equal((long)last_fault()->error, (long)error, __FILE__, line, "error code");
}

TEST(mmio_page_faults)
{
    int vector;

    vector = FAULT_OF(__asm__ volatile("rep insb"
                                       :
                                       : "D"(UNMAPPED), "c"(10), "d"(0x3333)
                                       : "memory"));
    check_page_fault(vector, UNMAPPED, PF_WRITE, __LINE__);
    vector = FAULT_OF(__asm__ volatile("rep outsb"
                                       :
                                       : "S"(UNMAPPED), "c"(10), "d"(0x3333)
                                       : "memory"));
    check_page_fault(vector, UNMAPPED, 0, __LINE__);
    vector = FAULT_OF(__asm__ volatile("movsq" : : "D"(UNMAPPED + 8), "S"(HOLE) : "memory"));
    check_page_fault(vector, UNMAPPED + 8, PF_WRITE, __LINE__);
    vector = FAULT_OF(__asm__ volatile("movsq" : : "D"(HOLE), "S"(UNMAPPED) : "memory"));
    check_page_fault(vector, UNMAPPED, 0, __LINE__);
    CHECK_EQ(FAULT_OF(__asm__ volatile("movsq"
                                       :
                                       : "D"(HOLE), "S"(0x8000000000000000)
                                       : "memory")),
             VEC_GP);
    CHECK_EQ(FAULT_OF(__asm__ volatile("insb"
                                       :
                                       : "D"(0x8000000000000000), "d"(0x3333)
                                       : "memory")),
             VEC_GP);
}

TEST(mmio_not_emulated)
{
    CHECK_EQ(FAULT_OF(__asm__ volatile("fldl (%0)" : : "r"(HOLE) : "memory")), VEC_UD);
    CHECK_EQ(FAULT_OF(__asm__ volatile("call *(%0)" : : "r"(HOLE) : "memory")), VEC_UD);
    CHECK_EQ(FAULT_OF(__asm__ volatile("divl (%0)"
                                       :
                                       : "r"(HOLE), "a"(1), "d"(0)
                                       : "memory")),
             VEC_UD);
    CHECK_EQ(FAULT_OF(__asm__ volatile("lgdt (%0)" : : "r"(HOLE) : "memory")), VEC_UD);
    CHECK_EQ(FAULT_OF(__asm__ volatile("fxsave (%0)" : : "r"(HOLE) : "memory")), VEC_UD);
}
