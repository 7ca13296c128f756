// The emulator in code of 16 and 32 bits, on ports, and on all that must be refused, with what is
// known to come of it.
//
// sources: hypervisor/core/alu.c hypervisor/core/insn.c tests/unit/emulate_kit.c
// sources: hypervisor/hvm/emulate/arithmetic.c hypervisor/hvm/emulate/move.c
// sources: hypervisor/hvm/emulate/operand.c hypervisor/hvm/emulate/step.c
// sources: hypervisor/hvm/emulate/string.c hypervisor/hvm/emulate/vector.c
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cpu/traps.h"
#include "lib/bits.h"
#include "lib/errno.h"
#include "mm/guest.h"
#include "tests/suite.h"
#include "tests/unit/emulate_kit.h"

#define SIZE 0x20000u

static uint8_t memory[SIZE];
static struct kit k;

int copy_from_guest(void *dst, uint64_t src, size_t len)
{
    return -EFAULT;
}

#define RUN(...) kit_run(&k, (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

static void start(unsigned bits)
{
    memset(memory, 0, sizeof(memory));
    kit_init(&k, bits, memory, 0, SIZE);
    k.regs.rip = 0x100;
}

static bool did(unsigned n, int kind, uint64_t address, unsigned bytes, uint64_t value)
{
    const struct kit_access *a = &k.log[n];

    return n < k.logged && (int)a->kind == kind && a->address == address && a->bytes == bytes &&
           a->value == value;
}

static bool faulted(enum emulate_result r, unsigned vector, int64_t error)
{
    return r == EMULATE_FAULT && k.c.fault.vector == vector && k.c.fault.error == error &&
           k.regs.rip == 0x100 && !k.logged;
}

// mov %eax or %ax to an address of each form.
static void test_addresses_16(void)
{
    static const struct {
        uint8_t modrm, disp[2];
        uint16_t address;
        uint8_t length;
        bool stack;
    } forms[] = {
        {0x00, {0}, 0x1030, 2, false}, // (%bx,%si)
        {0x01, {0}, 0x1040, 2, false}, // (%bx,%di)
        {0x02, {0}, 0x2030, 2, true},  // (%bp,%si)
        {0x03, {0}, 0x2040, 2, true},  // (%bp,%di)
        {0x04, {0}, 0x0030, 2, false}, // (%si)
        {0x05, {0}, 0x0040, 2, false}, // (%di)
        {0x06, {0x34, 0x12}, 0x1234, 4, false},
        {0x07, {0}, 0x1000, 2, false},   // (%bx)
        {0x46, {0x80}, 0x1f80, 3, true}, // -0x80(%bp)
        {0x47, {0x7f}, 0x107f, 3, false},
        {0x80, {0x00, 0xf0}, 0x0030, 4, false}, // wraps around
        {0x86, {0x02, 0x00}, 0x2002, 4, true},
    };

    for (unsigned n = 0; n < ARRAY_SIZE(forms); n++) {
        uint8_t code[] = {0x89, forms[n].modrm, forms[n].disp[0], forms[n].disp[1]};

        start(16);
        k.segments[SEGMENT_DS].base = 0x8000;
        k.segments[SEGMENT_SS].base = 0x10000;
        k.regs.rax = 0x12345678;
        k.regs.rbx = 0xffff1000;
        k.regs.rbp = 0xffff2000;
        k.regs.rsi = 0xffff0030;
        k.regs.rdi = 0xffff0040;
        CU_ASSERT(kit_run(&k, code, 4) == EMULATE_DONE);
        CU_ASSERT(k.regs.rip == 0x100u + forms[n].length);
        CU_ASSERT(
            did(0, KIT_WRITE, forms[n].address + (forms[n].stack ? 0x10000u : 0x8000u), 2, 0x5678));
    }
}

// The same bytes in code of other sizes, with prefixes of operand and address size.
static void test_sizes(void)
{
    start(16);
    k.regs.rax = 0x1122334455667788;
    k.regs.rbx = 0x10400;
    CU_ASSERT(RUN(0x66, 0x89, 0x07) == EMULATE_DONE); // movl %eax, (%bx)
    CU_ASSERT(did(0, KIT_WRITE, 0x400, 4, 0x55667788) && k.regs.rip == 0x103);
    start(16);
    k.regs.rdi = 0x0500;
    CU_ASSERT(RUN(0x67, 0x89, 0x07) == EMULATE_DONE); // movw %ax, (%edi)
    CU_ASSERT(did(0, KIT_WRITE, 0x500, 2, 0));
    start(16);
    k.regs.rdi = 0x10500; // beyond the segment's limit
    CU_ASSERT(faulted(RUN(0x67, 0x89, 0x07), TRAP_GP, 0));
    start(32);
    k.regs.rdi = 0xffffffff00010500;
    k.regs.rax = 0x1122334455667788;
    CU_ASSERT(RUN(0x89, 0x07) == EMULATE_DONE);
    CU_ASSERT(did(0, KIT_WRITE, 0x10500, 4, 0x55667788));
    start(32);
    k.regs.rbx = 0x123;
    k.regs.rax = 0x1122334455667788;
    CU_ASSERT(RUN(0x66, 0x67, 0x89, 0x07) == EMULATE_DONE); // movw %ax, (%bx)
    CU_ASSERT(did(0, KIT_WRITE, 0x123, 2, 0x7788));
    start(32); // what is REX in 64-bit code is INC here, which no device needs
    CU_ASSERT(RUN(0x48, 0x89, 0x07) == EMULATE_UNKNOWN && k.regs.rip == 0x100);
    start(32); // an address without registers is relative to nothing
    CU_ASSERT(RUN(0x8b, 0x0d, 0x00, 0x10, 0x00, 0x00) == EMULATE_DONE);
    CU_ASSERT(did(0, KIT_READ, 0x1000, 4, 0));
    start(32);
    k.regs.rcx = 0xffffffffffffffff;
    memory[0x1003] = 0x80;
    CU_ASSERT(RUN(0xa1, 0x00, 0x10, 0x00, 0x00) == EMULATE_DONE && k.regs.rax == 0x80000000);
    start(64); // 32-bit addresses wrap
    k.regs.rdi = 0x1ffffffff;
    CU_ASSERT(RUN(0x67, 0x88, 0x47, 0x11) == EMULATE_DONE && did(0, KIT_WRITE, 0x10, 1, 0));
}

static void test_segment_overrides(void)
{
    static const uint8_t prefixes[6] = {0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65};

    for (unsigned n = 0; n < 6; n++) {
        start(32);
        for (unsigned i = 0; i < 6; i++)
            k.segments[i].base = 0x1000 * (i + 1);
        k.regs.rbp = 0x10;
        CU_ASSERT(RUN(prefixes[n], 0x8b, 0x45, 0x00) == EMULATE_DONE);
        CU_ASSERT(did(0, KIT_READ, 0x1010 + 0x1000 * n, 4, 0));
        start(64); // only FS and GS have bases there
        k.segments[SEGMENT_FS].base = 0x5000;
        k.segments[SEGMENT_GS].base = 0x6000;
        k.segments[SEGMENT_DS].base = k.segments[SEGMENT_SS].base = 0xbad;
        CU_ASSERT(RUN(prefixes[n], 0x8b, 0x03) == EMULATE_DONE);
        CU_ASSERT(did(0, KIT_READ, n < 4 ? 0 : 0x1000 * (n + 1), 4, 0));
    }
}

static void test_segment_limits(void)
{
    start(32);
    k.segments[SEGMENT_DS].limit = 0xfff;
    k.regs.rdi = 0xffc;
    CU_ASSERT(RUN(0x89, 0x07) == EMULATE_DONE);
    start(32);
    k.segments[SEGMENT_DS].limit = 0xfff;
    k.regs.rdi = 0xffd;
    CU_ASSERT(faulted(RUN(0x89, 0x07), TRAP_GP, 0));
    start(32);
    k.segments[SEGMENT_SS].limit = 0xfff;
    k.regs.rbp = 0x1000;
    CU_ASSERT(faulted(RUN(0x89, 0x45, 0x00), TRAP_SS, 0));
    start(32); // expands down: what lies above the limit
    k.segments[SEGMENT_DS].expand_down = true;
    k.segments[SEGMENT_DS].limit = 0xfff;
    k.regs.rdi = 0xfff;
    CU_ASSERT(faulted(RUN(0x89, 0x07), TRAP_GP, 0));
    k.regs.rdi = 0x1000;
    CU_ASSERT(RUN(0x89, 0x07) == EMULATE_DONE);
    start(32);
    k.segments[SEGMENT_DS] =
        (struct emulate_segment){.limit = 0xfff, .readable = true, .expand_down = true};
    k.regs.rdi = 0xfffd; // up to 64 KB
    CU_ASSERT(faulted(RUN(0x8b, 0x07), TRAP_GP, 0));
    k.segments[SEGMENT_DS] = (struct emulate_segment){.limit = ~0u, .readable = true};
    k.regs.rdi = 0x1000;
    CU_ASSERT(faulted(RUN(0x89, 0x07), TRAP_GP, 0)); // may not be written to
    CU_ASSERT(RUN(0x8b, 0x07) == EMULATE_DONE);
    start(32);
    k.segments[SEGMENT_DS] = (struct emulate_segment){.limit = ~0u}; // null
    CU_ASSERT(faulted(RUN(0x8b, 0x07), TRAP_GP, 0));
    start(32); // around the end of 4 GB
    k.regs.rdi = 0xfffffffd;
    CU_ASSERT(faulted(RUN(0x8b, 0x07), TRAP_GP, 0));
}

static void test_canonical(void)
{
    static const uint64_t bad[] = {0x0000800000000000, 0x00007ffffffffffd, 0xffff7fffffffffff,
                                   0xfffffffffffffffd, 0x8000000000000000};

    for (unsigned n = 0; n < ARRAY_SIZE(bad); n++) {
        start(64);
        k.regs.rdi = k.regs.rbp = bad[n];
        CU_ASSERT(faulted(RUN(0x89, 0x07), TRAP_GP, 0));
        CU_ASSERT(faulted(RUN(0x89, 0x45, 0x00), TRAP_SS, 0));
    }
    start(64);
    k.regs.rdi = 0xffff800000000000;
    CU_ASSERT(faulted(RUN(0x89, 0x07), TRAP_PF, PFEC_WRITE));
    CU_ASSERT(k.c.fault.address == 0xffff800000000000);
}

// What the processor has not checked it gets back: a program's other thread may have put it there.
static void test_ports_unchecked(void)
{
    start(64);
    k.c.port_bytes = 2;
    k.regs.rdx = 0xcfc;
    CU_ASSERT(RUN(0x6d) == EMULATE_AGAIN && RUN(0xf3, 0x6f) == EMULATE_AGAIN);
    k.c.port_bytes = 0;
    CU_ASSERT(RUN(0x6c) == EMULATE_AGAIN && RUN(0x66, 0x6f) == EMULATE_AGAIN);
    CU_ASSERT(!k.logged && k.regs.rip == 0x100);
    k.c.port_bytes = 2;
    CU_ASSERT(RUN(0x66, 0x6f) == EMULATE_DONE && did(1, KIT_OUT, 0xcfc, 2, 0));
    CU_ASSERT(RUN(0xec) == EMULATE_UNKNOWN && RUN(0xe6, 0x80) == EMULATE_UNKNOWN);
}

static void test_port_strings(void)
{
    start(16); // rep insb, as a boot loader's disk routine would
    k.segments[SEGMENT_ES].base = 0x7000;
    k.port_value = 0x5a;
    k.regs.rcx = 0x10004;
    k.regs.rdi = 0x30010;
    k.regs.rdx = 0x1f0;
    CU_ASSERT(RUN(0xf3, 0x6c) == EMULATE_DONE);
    CU_ASSERT(k.regs.rcx == 0x10000 && k.regs.rdi == 0x30014 && k.regs.rip == 0x102);
    CU_ASSERT(memory[0x7010] == 0x5a && memory[0x7013] == 0x5a && !memory[0x7014]);
    CU_ASSERT(did(0, KIT_IN, 0x1f0, 1, 0x5a) && did(7, KIT_WRITE, 0x7013, 1, 0x5a));
    start(32); // rep outsl from CS, backwards
    memcpy(memory + 0x1000, "abcdefgh", 8);
    k.regs.rcx = 2;
    k.regs.rsi = 0x4;
    k.regs.rdx = 0xe9;
    k.regs.rflags |= X86_EFLAGS_DF;
    k.segments[SEGMENT_CS].base = 0x1000;
    CU_ASSERT(RUN(0xf3, 0x2e, 0x6f) == EMULATE_DONE && k.regs.rsi == 0xfffffffc && !k.regs.rcx);
    CU_ASSERT(did(1, KIT_OUT, 0xe9, 4, 0x68676665) && did(3, KIT_OUT, 0xe9, 4, 0x64636261));
    start(64); // a place that is not there is found before the port is read
    k.regs.rdi = SIZE - 1;
    CU_ASSERT(faulted(RUN(0x6d), TRAP_PF, PFEC_WRITE) && k.c.fault.address == SIZE);
    start(64); // ... in the middle, too: what was done is done
    k.regs.rdi = SIZE - 6;
    k.regs.rcx = 4;
    CU_ASSERT(RUN(0xf3, 0x66, 0x6d) == EMULATE_FAULT && k.regs.rcx == 1 && k.regs.rdi == SIZE);
    CU_ASSERT(k.regs.rip == 0x100 && k.logged == 6);
    start(64); // nothing at all
    CU_ASSERT(RUN(0xf3, 0x6d) == EMULATE_DONE && !k.logged && k.regs.rip == 0x102);
}

// What lies in one page, and within the segment, goes at once; the rest one by one.
static void test_port_strings_together(void)
{
    start(64); // rep insw: 3 to the page's end, one across it, 2 behind
    k.together = true;
    k.port_value = 0x1234;
    k.regs.rdi = 0xff9;
    k.regs.rcx = 6;
    k.regs.rdx = 0x1f0;
    k.waits = 1;
    CU_ASSERT(RUN(0xf3, 0x66, 0x6d) == EMULATE_WAIT && k.regs.rcx == 6 && k.regs.rdi == 0xff9);
    CU_ASSERT(RUN(0xf3, 0x66, 0x6d) == EMULATE_DONE && !k.regs.rcx && k.regs.rdi == 0x1005);
    CU_ASSERT(did(0, KIT_IN, 0x1f0, 6, 0x123412341234) && did(1, KIT_IN, 0x1f0, 2, 0x1234));
    CU_ASSERT(did(2, KIT_WRITE, 0xfff, 2, 0x1234) && did(3, KIT_IN, 0x1f0, 4, 0x12341234));
    CU_ASSERT(k.logged == 4 && memory[0xff9] == 0x34 && memory[0x1004] == 0x12 && !memory[0x1005]);
    start(32); // rep outsb, backwards from the page's fourth byte
    k.together = true;
    memcpy(memory + 0x1000, "abcd", 4);
    k.regs.rsi = 0x1003;
    k.regs.rcx = 5;
    k.regs.rflags |= X86_EFLAGS_DF;
    CU_ASSERT(RUN(0xf3, 0x6e) == EMULATE_DONE && k.regs.rsi == 0xffe && !k.regs.rcx);
    CU_ASSERT(did(0, KIT_OUT, 0, 4, 0x64636261) && did(1, KIT_READ, 0xfff, 1, 0));
    start(16); // up to the end of the segment: those behind it fault, one by one
    k.together = true;
    k.segments[SEGMENT_ES].limit = 0x20f;
    k.regs.rdi = 0x208;
    k.regs.rcx = 10;
    CU_ASSERT(RUN(0xf3, 0x6c) == EMULATE_FAULT && k.c.fault.vector == TRAP_GP);
    CU_ASSERT(k.regs.rcx == 2 && k.regs.rdi == 0x210);
    start(16); // the offset wraps around
    k.together = true;
    k.regs.rdi = 0xfffe;
    k.regs.rcx = 4;
    CU_ASSERT(RUN(0xf3, 0x6c) == EMULATE_DONE && k.regs.rdi == 2 && !k.regs.rcx);
    start(64); // a place that is not there
    k.together = true;
    k.regs.rdi = SIZE;
    k.regs.rcx = 2;
    CU_ASSERT(faulted(RUN(0xf3, 0x6c), TRAP_PF, PFEC_WRITE) && k.regs.rcx == 2 && !k.logged);
}

static void test_string_stops(void)
{
    start(64);
    k.regs.rcx = 5;
    k.regs.rdi = 0x100;
    k.regs.rax = 0x77;
    k.stop_after = 2;
    CU_ASSERT(RUN(0xf3, 0xaa) == EMULATE_AGAIN);
    CU_ASSERT(k.regs.rcx == 3 && k.regs.rdi == 0x102 && k.regs.rip == 0x100);
    CU_ASSERT(RUN(0xf3, 0xaa) == EMULATE_DONE);
    CU_ASSERT(!k.regs.rcx && k.regs.rdi == 0x105 && k.regs.rip == 0x102);
    CU_ASSERT(memory[0x104] == 0x77 && !memory[0x105]);
}

static void test_stack_widths(void)
{
    start(16);
    k.regs.rsp = 0x12340000;
    k.regs.rbx = 0x10;
    CU_ASSERT(RUN(0xff, 0x37) == EMULATE_DONE); // pushw (%bx)
    CU_ASSERT(k.regs.rsp == 0x1234fffe && did(1, KIT_WRITE, 0xfffe, 2, 0));
    start(16);
    k.regs.rsp = 0x8000;
    CU_ASSERT(RUN(0x66, 0xff, 0x37) == EMULATE_DONE && k.regs.rsp == 0x7ffc);
    start(32);
    k.regs.rsp = 0x8000;
    CU_ASSERT(RUN(0x8f, 0x04, 0x24) == EMULATE_DONE); // popl (%esp)
    CU_ASSERT(k.regs.rsp == 0x8004 && did(1, KIT_WRITE, 0x8004, 4, 0));
    start(32);
    k.regs.rsp = 0;
    CU_ASSERT(faulted(RUN(0xff, 0x33), TRAP_PF, PFEC_WRITE)); // below 0 is 4 GB
    start(32);
    k.segments[SEGMENT_SS].limit = 0xffff;
    k.regs.rsp = 0x2;
    CU_ASSERT(faulted(RUN(0xff, 0x33), TRAP_SS, 0));
}

// Found before the operand, or the device, is read.
static void test_read_only(void)
{
    static const uint8_t codes[][4] = {
        {0x01, 0x07},
        {0xf0, 0x01, 0x07},
        {0xff, 0x07},
        {0xf7, 0x1f},
        {0x87, 0x07},
        {0x0f, 0xb1, 0x07},
        {0x0f, 0xc1, 0x07},
        {0x0f, 0xc7, 0x0f},
        {0xd1, 0x27},
        {0x0f, 0xab, 0x07},
        {0x8f, 0x07},
        {0x0f, 0xba, 0x2f, 1},
        {0x83, 0x07, 0x01},
        {0xa5},
        {0x6d},
        {0xab},
    };

    for (unsigned n = 0; n < ARRAY_SIZE(codes); n++) {
        start(64);
        k.read_only = 0x1000;
        k.regs.rdi = 0x1800;
        CU_ASSERT(faulted(kit_run(&k, codes[n], 4), TRAP_PF, PFEC_WRITE | PFEC_PRESENT));
        CU_ASSERT(k.c.fault.address == 0x1800);
    }
    start(64);
    k.read_only = 0x1000;
    k.regs.rdi = 0x1800;
    CU_ASSERT(RUN(0x39, 0x07) == EMULATE_DONE && RUN(0x85, 0x07) == EMULATE_DONE);
    CU_ASSERT(RUN(0x0f, 0xa3, 0x07) == EMULATE_DONE);
    CU_ASSERT(faulted((k.logged = 0, k.regs.rip = 0x100, RUN(0x0f, 0xb1, 0x07)), TRAP_PF,
                      PFEC_WRITE | PFEC_PRESENT));
}

// LOCK before each instruction that is emulated: legal, or #UD.
static void test_lock(void)
{
    static const struct {
        uint8_t code[4];
        bool legal;
    } forms[] = {
        {{0x01, 0x07}, true},
        {{0x00, 0x07}, true},
        {{0x11, 0x07}, true},
        {{0x19, 0x07}, true},
        {{0x29, 0x07}, true},
        {{0x31, 0x07}, true},
        {{0x09, 0x07}, true},
        {{0x21, 0x07}, true},
        {{0x39, 0x07}, false},
        {{0x03, 0x07}, false},
        {{0x01, 0xc7}, false},
        {{0x85, 0x07}, false},
        {{0x87, 0x07}, true},
        {{0x87, 0xc7}, false},
        {{0x89, 0x07}, false},
        {{0x8b, 0x07}, false},
        {{0xc6, 0x07}, false},
        {{0x83, 0x07, 1}, true},
        {{0x83, 0x3f, 1}, false},
        {{0xf7, 0x17}, true},
        {{0xf7, 0x1f}, true},
        {{0xf6, 0x07, 1}, false},
        {{0xff, 0x07}, true},
        {{0xff, 0x0f}, true},
        {{0xff, 0x37}, false},
        {{0x8f, 0x07}, false},
        {{0xd1, 0x27}, false},
        {{0xa5}, false},
        {{0xab}, false},
        {{0x0f, 0xab, 0x07}, true},
        {{0x0f, 0xa3, 0x07}, false},
        {{0x0f, 0xba, 0x2f, 1}, true},
        {{0x0f, 0xba, 0x27}, false},
        {{0x0f, 0xb1, 0x07}, true},
        {{0x0f, 0xc1, 0x07}, true},
        {{0x0f, 0xc7, 0x0f}, true},
        {{0x0f, 0xb6, 0x07}, false},
        {{0x0f, 0xc3, 0x07}, false},
        {{0x0f, 0x94, 0x07}, false},
        {{0x0f, 0x11, 0x07}, false},
        {{0x0f, 0xaf, 0x07}, false},
    };

    for (unsigned n = 0; n < ARRAY_SIZE(forms); n++) {
        uint8_t code[5] = {0xf0};
        enum emulate_result r;

        memcpy(code + 1, forms[n].code, 4);
        start(64);
        k.regs.rdi = 0x1000;
        k.regs.rsp = 0x2000;
        r = kit_run(&k, code, 5);
        CU_ASSERT(forms[n].legal ? r == EMULATE_DONE : faulted(r, TRAP_UD, -1));
        CU_ASSERT(kit_run(&k, code + 1, 4) == EMULATE_DONE);
    }
}

static void test_lengths(void)
{
    uint8_t code[20];

    for (unsigned prefixes = 0; prefixes < 18; prefixes++) {
        memset(code, 0x66, sizeof(code));
        memcpy(code + prefixes, "\x89\x07", 2);
        for (unsigned have = 0; have <= 15; have++) {
            enum emulate_result r;

            start(64);
            r = kit_run(&k, code, have);
            if (prefixes + 2 <= have) {
                CU_ASSERT(r == EMULATE_DONE && k.regs.rip == 0x100 + prefixes + 2);
                continue;
            }
            CU_ASSERT(have < 15 ? r == EMULATE_SHORT : faulted(r, TRAP_GP, 0));
        }
    }
}

static void test_refused(void)
{
    start(64);
    CU_ASSERT(faulted(RUN(0xc7, 0x0f, 0, 0, 0, 0), TRAP_UD, -1));
    CU_ASSERT(faulted(RUN(0xfe, 0x17), TRAP_UD, -1));
    CU_ASSERT(faulted(RUN(0xff, 0x3f), TRAP_UD, -1));
    CU_ASSERT(faulted(RUN(0x82, 0x07, 1), TRAP_UD, -1));
    CU_ASSERT(faulted(RUN(0x0f, 0xba, 0x07, 1), TRAP_UD, -1));
    CU_ASSERT(faulted(RUN(0x0f, 0xc3, 0xc7), TRAP_UD, -1));
    CU_ASSERT(RUN(0xe8, 0, 0, 0, 0) == EMULATE_UNKNOWN);
    CU_ASSERT(RUN(0xff, 0x17) == EMULATE_UNKNOWN);             // call
    CU_ASSERT(RUN(0xf7, 0x37) == EMULATE_UNKNOWN);             // div
    CU_ASSERT(RUN(0xd9, 0x07) == EMULATE_UNKNOWN);             // fld
    CU_ASSERT(RUN(0xc5, 0xfe, 0x6f, 0x07) == EMULATE_UNKNOWN); // vmovdqu
    CU_ASSERT(RUN(0x0f, 0x6f, 0x07) == EMULATE_UNKNOWN);       // movq to MMX
    CU_ASSERT(RUN(0x0f, 0x01, 0x07) == EMULATE_UNKNOWN);
    k.regs.rdi = 0x1008;
    CU_ASSERT(faulted(RUN(0x0f, 0x29, 0x07), TRAP_GP, 0)); // movaps, not aligned
    CU_ASSERT(faulted(RUN(0x48, 0x0f, 0xc7, 0x0f), TRAP_GP, 0));
    start(32);
    CU_ASSERT(RUN(0x82, 0x07, 1) == EMULATE_DONE);
    CU_ASSERT(RUN(0x63, 0x07) == EMULATE_UNKNOWN);
}

int main(void)
{
    static CU_TestInfo tests[] = {
        {"addresses of 16 bits", test_addresses_16},
        {"sizes of operands and addresses", test_sizes},
        {"segments", test_segment_overrides},
        {"limits and rights of segments", test_segment_limits},
        {"addresses that are not canonical", test_canonical},
        {"unchecked ports", test_ports_unchecked},
        {"strings and ports", test_port_strings},
        {"strings and ports, at once", test_port_strings_together},
        {"strings stop where they are asked to", test_string_stops},
        {"stacks of all widths", test_stack_widths},
        {"what may not be written to is not read either", test_read_only},
        {"LOCK where it may stand", test_lock},
        {"no more than 15 bytes", test_lengths},
        {"what is refused", test_refused},
        CU_TEST_INFO_NULL,
    };

    return run_suite("The emulator's modes and refusals", tests);
}
