// Emulated instructions against the processor: each form is executed by both on the same registers,
// flags and memory, random ones, and all three must come out alike.
//
// sources: hypervisor/core/alu.c hypervisor/core/insn.c tests/unit/emulate_kit.c
// sources: hypervisor/hvm/emulate/arithmetic.c hypervisor/hvm/emulate/move.c
// sources: hypervisor/hvm/emulate/operand.c hypervisor/hvm/emulate/step.c
// sources: hypervisor/hvm/emulate/string.c hypervisor/hvm/emulate/vector.c
#include <cpuid.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "lib/bits.h"
#include "lib/errno.h"
#include "mm/guest.h"
#include "tests/suite.h"
#include "tests/unit/emulate_kit.h"
#include "tests/unit/emulate_samples.h"

// Low, so that addresses of 32 bits reach it; the code stands before it, so that RIP does.
#define AREA       0x20000000ul
#define CODE       (AREA + 0xf00)
#define MEMORY     (AREA + 0x1000)
#define SIZE       0x800u
#define MIDDLE     (MEMORY + SIZE / 2)
#define ROUNDS     100
#define ARITHMETIC 0x8d5ul
#define DIRECTION  0x400ul

struct state {
    uint64_t regs[16]; // as instructions number them
    uint64_t flags;
    uint8_t vectors[16][16];
    uint8_t memory[SIZE];
};

static uint8_t *const memory = (uint8_t *)MEMORY;

// No guest here: the instruction's bytes are handed over.
int copy_from_guest(void *dst, uint64_t src, size_t len)
{
    return -EFAULT;
}

// The registers of native_run(), and where it goes on.
uint64_t native_regs[16], native_flags, native_stack;
uint8_t native_vectors[16][16];
void native_run(void);
void native_back(void);

// clang-format off
#define EACH_REGISTER(X)                                                           \
    X(0, rax) X(1, rcx) X(2, rdx) X(3, rbx) X(5, rbp) X(6, rsi) X(7, rdi) X(8, r8) \
    X(9, r9) X(10, r10) X(11, r11) X(12, r12) X(13, r13) X(14, r14) X(15, r15)
#define LOAD(n, r)  "mov native_regs+8*" #n "(%rip), %" #r "\n"
#define STORE(n, r) "mov %" #r ", native_regs+8*" #n "(%rip)\n"

__asm__(".text\n.globl native_run, native_back\n"
        "native_run:\n"
        "push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15\n"
        "mov %rsp, native_stack(%rip)\n"
        ".irp n, 0, 1, 9, 15\nmovups native_vectors+16*\\n(%rip), %xmm\\n\n.endr\n"
        "push native_flags(%rip); popf\n"
        EACH_REGISTER(LOAD)
        "mov native_regs+8*4(%rip), %rsp\n"
        "jmp *native_code(%rip)\n"
        "native_back:\n"
        "mov %rsp, native_regs+8*4(%rip)\n"
        "mov native_stack(%rip), %rsp\n"
        EACH_REGISTER(STORE)
        "pushf; pop native_flags(%rip); cld\n"
        ".irp n, 0, 1, 9, 15\nmovups %xmm\\n, native_vectors+16*\\n(%rip)\n.endr\n"
        "pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx\n"
        "ret\n");
// clang-format on

const uint8_t *const native_code = (const uint8_t *)CODE;

static void run_native(const struct sample *s, struct state *st)
{
    static const uint8_t jump[] = {0xff, 0x25, 0, 0, 0, 0}; // to the address that follows
    uint64_t back = (uint64_t)native_back;
    uint8_t *p = (uint8_t *)CODE;

    memcpy(p, s->code, s->length);
    memcpy(p + s->length, jump, sizeof(jump));
    memcpy(p + s->length + sizeof(jump), &back, sizeof(back));
    memcpy(memory, st->memory, SIZE);
    memcpy(native_regs, st->regs, sizeof(native_regs));
    memcpy(native_vectors, st->vectors, sizeof(native_vectors));
    native_flags = st->flags;
    native_run();
    memcpy(st->memory, memory, SIZE);
    memcpy(st->regs, native_regs, sizeof(native_regs));
    memcpy(st->vectors, native_vectors, sizeof(native_vectors));
    st->flags = native_flags;
}

static enum emulate_result run_emulated(const struct sample *s, struct state *st, struct kit *k)
{
    enum emulate_result r;

    kit_init(k, 64, st->memory, MEMORY, SIZE);
    for (unsigned n = 0; n < 16; n++)
        *insn_reg(&k->regs, n) = st->regs[n];
    memcpy(k->vectors, st->vectors, sizeof(st->vectors));
    k->regs.rip = CODE;
    k->regs.rflags = st->flags;
    r = kit_run(k, s->code, s->length);
    for (unsigned n = 0; n < 16; n++)
        st->regs[n] = *insn_reg(&k->regs, n);
    memcpy(st->vectors, k->vectors, sizeof(st->vectors));
    st->flags = k->regs.rflags;
    return r;
}

static uint64_t random_value(void)
{
    static const uint64_t some[] = {0,    1, 0x80, 0xff, 0x7fff, 0x80000000, 0x7fffffffffffffff,
                                    ~0ull};
    uint64_t r = ((uint64_t)random() << 42) ^ ((uint64_t)random() << 21) ^ (uint64_t)random();

    return r % 3 ? r : some[r / 3 % 8];
}

// rdi, rsi and rsp point into the memory, with room on both sides; rbp is a small index, r11 and
// r12 are addresses too; rcx is small, as a count of strings.
static void random_state(struct state *st, const struct sample *s)
{
    memset(st, 0, sizeof(*st));
    for (unsigned n = 0; n < 16; n++)
        st->regs[n] = random_value();
    for (unsigned n = 0; n < SIZE; n += 8) {
        uint64_t v = random_value();

        memcpy(st->memory + n, &v, 8);
    }
    for (unsigned n = 0; n < 256; n++)
        st->vectors[n / 16][n % 16] = (uint8_t)random();
    st->regs[4] = MIDDLE - 0x100 + (unsigned)random() % 16 * 8;
    st->regs[5] = (unsigned)random() % 64;
    st->regs[6] = MIDDLE + 16 * ((unsigned)random() % 16);
    st->regs[7] = MIDDLE - 16 * ((unsigned)random() % 16);
    st->regs[11] = MIDDLE + 16;
    st->regs[12] = MIDDLE - 16;
    st->regs[13] = MIDDLE;
    if (s->flags & SAMPLE_STRING)
        st->regs[1] = (unsigned)random() % 24;
    if (s->flags & SAMPLE_BITS)
        st->regs[1] = (uint64_t)(random() % 4096) - 2048;
    if ((s->flags & SAMPLE_ALIKE) && random() % 2) { // comparisons succeed
        memset(st->memory + SIZE / 4, 0x5a, SIZE / 2);
        st->regs[0] = st->regs[2] = 0x5a5a5a5a5a5a5a5a;
    }
    st->flags = 0x202 | (random_value() & ARITHMETIC) | (random() & DIRECTION);
}

static void tell(const struct sample *s, const struct state *before, const struct state *native,
                 const struct state *emulated)
{
    fprintf(stderr, "%s\n", s->text);
    for (unsigned n = 0; n < 16; n++)
        if (native->regs[n] != emulated->regs[n])
            fprintf(stderr, "  register %u: was %lx, got %lx, want %lx\n", n, before->regs[n],
                    emulated->regs[n], native->regs[n]);
    fprintf(stderr, "  flags: were %lx, got %lx, want %lx\n", before->flags, emulated->flags,
            native->flags);
    for (unsigned n = 0; n < SIZE; n++)
        if (native->memory[n] != emulated->memory[n])
            fprintf(stderr, "  memory %+d: was %x, got %x, want %x\n", (int)n - (int)SIZE / 2,
                    before->memory[n], emulated->memory[n], native->memory[n]);
}

static bool supported(const struct sample *s)
{
    unsigned a, b, c = 0, d;

    if (!(s->flags & SAMPLE_MOVBE))
        return true;
    __get_cpuid(1, &a, &b, &c, &d);
    return c & bit_MOVBE;
}

static bool same(const struct sample *s, const struct state *a, const struct state *b)
{
    uint64_t compared = ~(uint64_t)(s->flags & ARITHMETIC);

    return !((a->flags ^ b->flags) & compared) && !memcmp(a->regs, b->regs, sizeof(a->regs)) &&
           !memcmp(a->memory, b->memory, SIZE) &&
           !memcmp(a->vectors, b->vectors, sizeof(a->vectors));
}

static void check_sample(const struct sample *s)
{
    static struct state before, native, emulated;
    static struct kit k;

    for (unsigned round = 0; round < ROUNDS; round++) {
        enum emulate_result r;

        random_state(&before, s);
        emulated = native = before;
        run_native(s, &native);
        r = run_emulated(s, &emulated, &k);
        if (r != EMULATE_DONE || k.regs.rip != CODE + s->length || !same(s, &native, &emulated)) {
            tell(s, &before, &native, &emulated);
            fprintf(stderr, "  result %d, vector %u, address %lx, length %lu of %u\n", r,
                    k.c.fault.vector, k.c.fault.address, k.regs.rip - CODE, s->length);
            CU_FAIL("emulated differently");
            return;
        }
    }
}

static void test_like_processor(void)
{
    unsigned compared = 0;

    for (const struct sample *s = __start_samples; s != __stop_samples; s++)
        if (supported(s)) {
            check_sample(s);
            compared++;
        }
    printf("%u forms of instructions ", compared);
    CU_ASSERT(compared > 500);
}

// A place that may not be reached: the fault is told, and nothing else has happened.
static void test_fault_changes_nothing(void)
{
    static struct state before, after;
    static struct kit k;

    for (const struct sample *s = __start_samples; s != __stop_samples; s++) {
        enum emulate_result r;

        if (s->flags & SAMPLE_REGISTER)
            continue;
        random_state(&before, s);
        before.regs[1] = 3; // of strings
        after = before;
        kit_init(&k, 64, after.memory, 0x1000, SIZE);
        for (unsigned n = 0; n < 16; n++)
            *insn_reg(&k.regs, n) = after.regs[n];
        k.regs.rip = CODE;
        r = kit_run(&k, s->code, s->length);
        CU_ASSERT(r == EMULATE_FAULT && k.c.fault.vector == 14 && k.regs.rip == CODE);
        for (unsigned n = 0; n < 16; n++)
            CU_ASSERT(*insn_reg(&k.regs, n) == before.regs[n]);
        CU_ASSERT(k.regs.rflags == 2 && !k.logged);
        CU_ASSERT(!memcmp(after.memory, before.memory, SIZE));
    }
}

// Every access waits twice: in the end all is as if none had.
static void test_wait_and_again(void)
{
    static struct state before, at_once, waited;
    static struct kit k;

    for (const struct sample *s = __start_samples; s != __stop_samples; s++) {
        unsigned tries = 0;

        if (s->flags & SAMPLE_REGISTER)
            continue;
        random_state(&before, s);
        at_once = waited = before;
        CU_ASSERT(run_emulated(s, &at_once, &k) == EMULATE_DONE);
        kit_init(&k, 64, waited.memory, MEMORY, SIZE);
        for (unsigned n = 0; n < 16; n++)
            *insn_reg(&k.regs, n) = before.regs[n];
        memcpy(k.vectors, before.vectors, sizeof(k.vectors));
        k.regs.rip = CODE;
        k.regs.rflags = before.flags;
        k.device = 0;
        k.waits = 2;
        k.stop_after = 2;
        for (enum emulate_result r = EMULATE_WAIT; r != EMULATE_DONE && tries < 100; tries++)
            r = kit_run(&k, s->code, s->length);
        CU_ASSERT(k.regs.rip == CODE + s->length && k.regs.rflags == at_once.flags);
        for (unsigned n = 0; n < 16; n++)
            CU_ASSERT(*insn_reg(&k.regs, n) == at_once.regs[n]);
        CU_ASSERT(!memcmp(waited.memory, at_once.memory, SIZE));
    }
}

int main(void)
{
    static CU_TestInfo tests[] = {
        {"do what the processor does", test_like_processor},
        {"a fault changes nothing", test_fault_changes_nothing},
        {"waits change nothing in the end", test_wait_and_again},
        CU_TEST_INFO_NULL,
    };

    if (mmap((void *)AREA, 0x1000, PROT_READ | PROT_WRITE | PROT_EXEC,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == MAP_FAILED ||
        mmap((void *)MEMORY, SIZE, PROT_READ | PROT_WRITE,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == MAP_FAILED)
        return perror("mmap"), 1;
    srandom(1);
    return run_suite("Emulated instructions", tests);
}
