// Stores to page tables that are emulated: each instruction is executed by the processor on a copy
// of the operand, and by ptwr_compute() and ptwr_commit(); memory, registers and flags must come
// out alike.
//
// sources: hypervisor/core/alu.c hypervisor/core/insn.c hypervisor/pv/ptwr_insn.c
#include <CUnit/Basic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "lib/errno.h"
#include "mm/guest.h"
#include "pv/ptwr_insn.h"

#define DEFINED_FLAGS 0x8d5ull // CF PF AF ZF SF OF
#define LOGIC_FLAGS   0x8c5ull // AF is undefined after logic
#define CARRY         0x001ull // the bit instructions define nothing else

struct sample {
    const char *name;
    uint8_t code[12]; // memory operand: (%rdi)
    unsigned length;
    uint64_t flags; // that are compared
};

// Registers used: rdi address, rcx/rsi/r9 operands, rax for cmpxchg.
static const struct sample samples[] = {
    {"mov %cl,(%rdi)", {0x88, 0x0f}, 2, 0},
    {"mov %ch,(%rdi)", {0x88, 0x2f}, 2, 0},
    {"mov %sil,(%rdi)", {0x40, 0x88, 0x37}, 3, 0},
    {"mov %cx,(%rdi)", {0x66, 0x89, 0x0f}, 3, 0},
    {"mov %ecx,(%rdi)", {0x89, 0x0f}, 2, 0},
    {"mov %rcx,(%rdi)", {0x48, 0x89, 0x0f}, 3, 0},
    {"mov %r9,(%rdi)", {0x4c, 0x89, 0x0f}, 3, 0},
    {"movb $0x7f,(%rdi)", {0xc6, 0x07, 0x7f}, 3, 0},
    {"movw $0x1234,(%rdi)", {0x66, 0xc7, 0x07, 0x34, 0x12}, 5, 0},
    {"movl $0x87654321,(%rdi)", {0xc7, 0x07, 0x21, 0x43, 0x65, 0x87}, 6, 0},
    {"movq $-1,(%rdi)", {0x48, 0xc7, 0x07, 0xff, 0xff, 0xff, 0xff}, 7, 0},
    {"movq $0,0(%rdi)", {0x48, 0xc7, 0x47, 0x00, 0, 0, 0, 0}, 8, 0},
    {"movnti %rcx,(%rdi)", {0x48, 0x0f, 0xc3, 0x0f}, 4, 0},
    {"xchg %rcx,(%rdi)", {0x48, 0x87, 0x0f}, 3, 0},
    {"xchg %ecx,(%rdi)", {0x87, 0x0f}, 2, 0},
    {"xchg %cx,(%rdi)", {0x66, 0x87, 0x0f}, 3, 0},
    {"xchg %cl,(%rdi)", {0x86, 0x0f}, 2, 0},
    {"xchg %ch,(%rdi)", {0x86, 0x2f}, 2, 0},
    {"lock andb $0xfd,(%rdi)", {0xf0, 0x80, 0x27, 0xfd}, 4, LOGIC_FLAGS},
    {"lock andq $-3,(%rdi)", {0xf0, 0x48, 0x83, 0x27, 0xfd}, 5, LOGIC_FLAGS},
    {"and %rcx,(%rdi)", {0x48, 0x21, 0x0f}, 3, LOGIC_FLAGS},
    {"orb $0x42,(%rdi)", {0x80, 0x0f, 0x42}, 3, LOGIC_FLAGS},
    {"or %ecx,(%rdi)", {0x09, 0x0f}, 2, LOGIC_FLAGS},
    {"orq $0x12345678,(%rdi)", {0x48, 0x81, 0x0f, 0x78, 0x56, 0x34, 0x12}, 7, LOGIC_FLAGS},
    {"xor %cl,(%rdi)", {0x30, 0x0f}, 2, LOGIC_FLAGS},
    {"xorw $0x8001,(%rdi)", {0x66, 0x81, 0x37, 0x01, 0x80}, 5, LOGIC_FLAGS},
    {"add %rcx,(%rdi)", {0x48, 0x01, 0x0f}, 3, DEFINED_FLAGS},
    {"add %cl,(%rdi)", {0x00, 0x0f}, 2, DEFINED_FLAGS},
    {"addl $0x7fffffff,(%rdi)", {0x81, 0x07, 0xff, 0xff, 0xff, 0x7f}, 6, DEFINED_FLAGS},
    {"sub %rcx,(%rdi)", {0x48, 0x29, 0x0f}, 3, DEFINED_FLAGS},
    {"sub %cx,(%rdi)", {0x66, 0x29, 0x0f}, 3, DEFINED_FLAGS},
    {"subb $1,(%rdi)", {0x80, 0x2f, 0x01}, 3, DEFINED_FLAGS},
    {"lock xadd %rcx,(%rdi)", {0xf0, 0x48, 0x0f, 0xc1, 0x0f}, 5, DEFINED_FLAGS},
    {"xadd %cl,(%rdi)", {0x0f, 0xc0, 0x0f}, 3, DEFINED_FLAGS},
    {"lock cmpxchg %rcx,(%rdi)", {0xf0, 0x48, 0x0f, 0xb1, 0x0f}, 5, DEFINED_FLAGS},
    {"cmpxchg %ecx,(%rdi)", {0x0f, 0xb1, 0x0f}, 3, DEFINED_FLAGS},
    {"cmpxchg %cl,(%rdi)", {0x0f, 0xb0, 0x0f}, 3, DEFINED_FLAGS},
    {"lock btrq $5,(%rdi)", {0xf0, 0x48, 0x0f, 0xba, 0x37, 0x05}, 6, CARRY},
    {"btsl $31,(%rdi)", {0x0f, 0xba, 0x2f, 0x1f}, 4, CARRY},
    {"btcq $63,(%rdi)", {0x48, 0x0f, 0xba, 0x3f, 0x3f}, 5, CARRY},
};

// Not emulated: no memory operand, nothing stored, or not known.
static const struct sample refused[] = {
    {"mov %rcx,%rdi", {0x48, 0x89, 0xcf}, 3, 0},
    {"mov (%rdi),%rcx", {0x48, 0x8b, 0x0f}, 3, 0},
    {"cmp %rcx,(%rdi)", {0x48, 0x39, 0x0f}, 3, 0},
    {"adc %rcx,(%rdi)", {0x48, 0x11, 0x0f}, 3, 0},
    {"btq $5,(%rdi)", {0x48, 0x0f, 0xba, 0x27, 5}, 5, 0},
    {"push", {0x50}, 1, 0},
    {"pop (%rdi)", {0x8f, 0x07}, 2, 0},
    {"ud2", {0x0f, 0x0b}, 2, 0},
    {"lock", {0xf0}, 1, 0},
    {"group 1 cmp", {0x48, 0x83, 0x3f, 1}, 4, 0},
    {"mov group /1", {0xc7, 0x0f, 0, 0, 0, 0}, 6, 0},
};

struct state {
    uint64_t memory, rax, rcx, rsi, r9, flags;
};

// No guest here: the instruction bytes are handed over.
int copy_from_guest(void *dst, uint64_t src, size_t len)
{
    return -EFAULT;
}

// Executes: load registers and flags, the instruction, store them back.
static uint8_t *code_page;

static void run_native(const struct sample *s, struct state *st)
{
    uint8_t *p = code_page;
    void (*fn)(struct state *, uint64_t *) = (void *)code_page;
    uint64_t memory __attribute__((aligned(64))) = st->memory;
    static const uint8_t before[] = {
        0x53, 0x48, 0x89, 0xfb, // push %rbx; mov %rdi,%rbx
        0x48, 0x89, 0xf7,       // mov %rsi,%rdi
        0x48, 0x8b, 0x43, 0x08, // mov 8(%rbx),%rax
        0x48, 0x8b, 0x4b, 0x10, // mov 16(%rbx),%rcx
        0x48, 0x8b, 0x73, 0x18, // mov 24(%rbx),%rsi
        0x4c, 0x8b, 0x4b, 0x20, // mov 32(%rbx),%r9
        0xff, 0x73, 0x28, 0x9d, // pushq 40(%rbx); popf
    };
    static const uint8_t after[] = {
        0x9c, 0x8f, 0x43, 0x28, // pushf; popq 40(%rbx)
        0x48, 0x89, 0x43, 0x08, // mov %rax,8(%rbx)
        0x48, 0x89, 0x4b, 0x10, // mov %rcx,16(%rbx)
        0x48, 0x89, 0x73, 0x18, // mov %rsi,24(%rbx)
        0x4c, 0x89, 0x4b, 0x20, // mov %r9,32(%rbx)
        0x5b, 0xc3,             // pop %rbx; ret
    };

    memcpy(p, before, sizeof(before));
    p += sizeof(before);
    memcpy(p, s->code, s->length);
    p += s->length;
    memcpy(p, after, sizeof(after));
    fn(st, &memory);
    st->memory = memory;
}

static bool run_emulated(const struct sample *s, struct state *st)
{
    struct cpu_user_regs regs = {.rax = st->rax,
                                 .rcx = st->rcx,
                                 .rsi = st->rsi,
                                 .r9 = st->r9,
                                 .rip = 0x1000,
                                 .rflags = st->flags};
    uint8_t bytes[15] = {0};
    struct ptwr_insn i;
    uint64_t mask, result;

    memcpy(bytes, s->code, s->length);
    if (!ptwr_decode_bytes(&i, bytes, sizeof(bytes), &regs) || i.length != s->length)
        return false;
    mask = i.size == 8 ? ~0ull : (1ull << i.size * 8) - 1;
    if (ptwr_compute(&i, st->memory & mask, &result))
        st->memory = (st->memory & ~mask) | (result & mask);
    ptwr_commit(&i, &regs);
    *st = (struct state){st->memory, regs.rax, regs.rcx, regs.rsi, regs.r9, regs.rflags};
    return regs.rip == 0x1000 + s->length;
}

static uint64_t random_value(void)
{
    static const uint64_t some[] = {0,    1, 0x80, 0xff, 0x7fff, 0x80000000, 0x7fffffffffffffff,
                                    ~0ull};
    uint64_t r = ((uint64_t)random() << 42) ^ ((uint64_t)random() << 21) ^ (uint64_t)random();

    return r % 3 ? r : some[r / 3 % 8];
}

static bool same(const struct sample *s, const struct state *a, const struct state *b)
{
    return a->memory == b->memory && a->rax == b->rax && a->rcx == b->rcx && a->rsi == b->rsi &&
           a->r9 == b->r9 && !((a->flags ^ b->flags) & s->flags);
}

static void test_like_processor(void)
{
    for (unsigned n = 0; n < sizeof(samples) / sizeof(samples[0]); n++) {
        const struct sample *s = &samples[n];

        for (unsigned i = 0; i < 2000; i++) {
            struct state native = {random_value(), random_value(),
                                   random_value(), random_value(),
                                   random_value(), 0x202 | (random_value() & 0x8d5)};
            struct state emulated;

            if (i & 1)
                native.rax = native.memory; // for cmpxchg to succeed
            emulated = native;
            run_native(s, &native);
            if (!run_emulated(s, &emulated) || !same(s, &native, &emulated)) {
                fprintf(stderr,
                        "%s: memory %lx, want %lx; rcx %lx, want %lx; rax %lx, want %lx; "
                        "flags %lx, want %lx\n",
                        s->name, emulated.memory, native.memory, emulated.rcx, native.rcx,
                        emulated.rax, native.rax, emulated.flags, native.flags);
                CU_FAIL_FATAL("emulated differently");
            }
        }
    }
}

static void test_refused(void)
{
    for (unsigned n = 0; n < sizeof(refused) / sizeof(refused[0]); n++) {
        struct cpu_user_regs regs = {0};
        struct ptwr_insn i;

        CU_ASSERT_FALSE(ptwr_decode_bytes(&i, refused[n].code, refused[n].length, &regs));
    }
}

// STOS moves RDI on; with a repeat prefix it is executed again until RCX is 0.
static void test_stos(void)
{
    static const uint8_t code[] = {0xf3, 0x48, 0xab}; // rep stosq
    struct cpu_user_regs regs = {.rax = 0x1122334455667788, .rcx = 2, .rdi = 0x5000, .rip = 0x100};
    struct ptwr_insn i;
    uint64_t result;

    CU_ASSERT(ptwr_decode_bytes(&i, code, 3, &regs) && i.size == 8);
    CU_ASSERT(ptwr_compute(&i, 42, &result) && result == regs.rax);
    ptwr_commit(&i, &regs);
    CU_ASSERT(regs.rdi == 0x5008 && regs.rcx == 1 && regs.rip == 0x100);
    ptwr_commit(&i, &regs);
    CU_ASSERT(regs.rdi == 0x5010 && regs.rcx == 0 && regs.rip == 0x103);
    CU_ASSERT(ptwr_decode_bytes(&i, code + 2, 1, &regs) && i.size == 4); // stosl
    regs.rflags = 0x400;                                                 // backwards
    ptwr_commit(&i, &regs);
    CU_ASSERT(regs.rdi == 0x500c && regs.rcx == 0 && regs.rip == 0x104);
    CU_ASSERT_FALSE(ptwr_decode_bytes(&i, (const uint8_t[]){0xf3, 0x48, 0x89, 0x0a}, 4, &regs));
}

// All addressing forms have the length that the processor gives them.
static void test_lengths(void)
{
    static const struct sample forms[] = {
        {"(%rax)", {0x48, 0x89, 0x08}, 3, 0},
        {"8(%rax)", {0x48, 0x89, 0x48, 8}, 4, 0},
        {"disp32(%rax)", {0x48, 0x89, 0x88, 0, 1, 0, 0}, 7, 0},
        {"(%rax,%rbx,8)", {0x48, 0x89, 0x0c, 0xd8}, 4, 0},
        {"disp32(,%rbx,8)", {0x48, 0x89, 0x0c, 0xdd, 0, 0, 0, 1}, 8, 0},
        {"8(%rax,%rbx,8)", {0x48, 0x89, 0x4c, 0xd8, 8}, 5, 0},
        {"disp32(%r12)", {0x49, 0x89, 0x8c, 0x24, 0, 0, 1, 0}, 8, 0},
        {"disp32(%rip)", {0x48, 0x89, 0x0d, 0, 0, 0, 0}, 7, 0},
        {"%gs:(%rax)", {0x65, 0x48, 0x89, 0x08}, 4, 0},
        {"movq $imm,disp32(%rip)", {0x48, 0xc7, 0x05, 1, 2, 3, 4, 0, 0, 0, 0}, 11, 0},
    };

    for (unsigned n = 0; n < sizeof(forms) / sizeof(forms[0]); n++) {
        struct cpu_user_regs regs = {0};
        struct ptwr_insn i;
        unsigned length = forms[n].length;

        CU_ASSERT(ptwr_decode_bytes(&i, forms[n].code, length, &regs) && i.length == length);
        for (unsigned shorter = 0; shorter < length; shorter++)
            CU_ASSERT_FALSE(ptwr_decode_bytes(&i, forms[n].code, shorter, &regs));
    }
}

// Any bytes whatever: nothing is read beyond their end, and the length is within.
static void test_any_bytes(void)
{
    for (unsigned n = 0; n < 200000; n++) {
        unsigned length = 1 + (unsigned)random() % 15;
        uint8_t *bytes = malloc(length);
        struct cpu_user_regs regs = {0};
        struct ptwr_insn i;

        for (unsigned k = 0; k < length; k++)
            bytes[k] = (uint8_t)random();
        if (ptwr_decode_bytes(&i, bytes, length, &regs))
            CU_ASSERT(i.length <= length);
        free(bytes);
    }
}

int main(void)
{
    CU_pSuite suite;
    unsigned failures;

    code_page =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    srandom(1);
    CU_initialize_registry();
    suite = CU_add_suite("Emulated stores to page tables", NULL, NULL);
    CU_add_test(suite, "do what the processor does", test_like_processor);
    CU_add_test(suite, "others are refused", test_refused);
    CU_add_test(suite, "STOS, repeated or not", test_stos);
    CU_add_test(suite, "lengths of all addressing forms", test_lengths);
    CU_add_test(suite, "any bytes are decoded safely", test_any_bytes);
    CU_basic_set_mode(CU_BRM_VERBOSE);
    CU_basic_run_tests();
    failures = CU_get_number_of_failures();
    CU_cleanup_registry();
    return failures != 0;
}
