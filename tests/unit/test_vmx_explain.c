// Why VT-x refuses a guest's state: good states are found good, and of each rule that is broken
// alone the log names the field.
//
// sources: hypervisor/hvm/vmx/explain.c
#include <CUnit/Basic.h>
#include <stdio.h>
#include <string.h>

#include "hvm/vmx/explain.h"
#include "tests/suite.h"

#define EVENT(vector, type) ((vector) | (type) << 8 | VMX_EVENT_VALID)

static struct vmx_guest_state s;
static const char *named; // the field of the last complaint
static unsigned complaints;

static void complain(void *data, const char *field, uint64_t value, const char *rule)
{
    CU_ASSERT_PTR_EQUAL(data, &s);
    CU_ASSERT(rule && *rule);
    named = field;
    complaints++;
}

static unsigned explain(void)
{
    named = "";
    complaints = 0;
    return vmx_explain(&s, complain, &s);
}

static void set_segment(enum vmx_segment n, uint32_t limit, uint32_t attributes)
{
    s.segments[n] = (struct vmx_segment_state){.limit = limit, .attributes = attributes};
}

// A kernel in long mode; what a processor with unrestricted guests demands.
static void good(void)
{
    memset(&s, 0, sizeof(s));
    s.cr0 = 0x80050033, s.cr4 = 0x26a0, s.efer = 0xd01, s.dr7 = 0x400;
    s.cr0_set = 0x80000021, s.cr0_may = 0xffffffff, s.cr4_set = 0x2000, s.cr4_may = 0x3767ff;
    s.entry_controls = ENTRY_LONG_MODE | ENTRY_LOAD_DEBUG | ENTRY_LOAD_EFER;
    s.rip = 0xffffffff81000000, s.rflags = 0x202, s.link = ~0ull;
    s.gdtr_limit = s.idtr_limit = 0xffff;
    s.phys_bits = 40;
    for (unsigned n = VMX_ES; n <= VMX_GS; n++)
        set_segment(n, 0xffffffff, 0xc093);
    set_segment(VMX_CS, 0xffffffff, 0xa09b);
    set_segment(VMX_TR, 0x67, 0x8b);
    set_segment(VMX_LDTR, 0, VMX_AR_UNUSABLE);
}

static void good_32(void)
{
    good();
    s.cr0 = 0x31, s.cr4 = 0x2000, s.efer = 0, s.rip = 0x1000000, s.rflags = 2;
    s.entry_controls &= ~ENTRY_LONG_MODE;
    set_segment(VMX_CS, 0xffffffff, 0xc09b);
}

static void good_pae(void)
{
    good_32();
    s.cr0 = 0x80000031, s.cr4 = 0x2020;
    s.pdptes[0] = 0x1001;
}

static void good_real(void)
{
    good_32();
    s.cr0 = 0x30;
    for (unsigned n = VMX_ES; n <= VMX_GS; n++)
        set_segment(n, 0xffff, 0x93);
    set_segment(VMX_CS, 0xffff, 0x9b);
    s.segments[VMX_CS].base = 0xffff0000;
    s.segments[VMX_CS].selector = 0xf000;
    set_segment(VMX_TR, 0xffff, 0x8b);
    set_segment(VMX_LDTR, 0xffff, 0x82);
    s.rip = 0xfff0;
}

static void good_v86(void)
{
    good_32();
    s.rflags = 0x20002;
    for (unsigned n = VMX_ES; n <= VMX_GS; n++) {
        set_segment(n, 0xffff, 0xf3);
        s.segments[n].selector = 0x1000;
        s.segments[n].base = 0x10000;
    }
}

static void (*const starts[])(void) = {good, good_32, good_pae, good_real, good_v86};

static void test_good(void)
{
    for (unsigned i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
        starts[i]();
        CU_ASSERT_EQUAL(explain(), 0);
        CU_ASSERT_EQUAL(complaints, 0);
    }
    good();
    s.event = EVENT(0x30u, 0u);
    CU_ASSERT_EQUAL(explain(), 0);
    s.event = EVENT(13u, 3u) | VMX_EVENT_ERROR;
    CU_ASSERT_EQUAL(explain(), 0);
    s.event = EVENT(2u, 2u);
    CU_ASSERT_EQUAL(explain(), 0);
    s.rflags |= 0x100; // a step is pending behind STI
    s.interruptibility = BLOCKED_BY_STI, s.pending_debug = PENDING_DEBUG_STEP, s.event = 0;
    CU_ASSERT_EQUAL(explain(), 0);
}

// BREAK: from a good state, one change; the field that must be named, alone.
#define BREAK(start, field, change)                                                \
    do {                                                                           \
        unsigned n;                                                                \
        start();                                                                   \
        change;                                                                    \
        n = explain();                                                             \
        if (n != 1 || complaints != 1 || strcmp(named, field) != 0)                \
            printf("\n%s: %u complaints, the last of \"%s\" ", #change, n, named); \
        CU_ASSERT_EQUAL(n, 1);                                                     \
        CU_ASSERT_EQUAL(complaints, 1);                                            \
        CU_ASSERT_STRING_EQUAL(named, field);                                      \
    } while (0)

static void test_control(void)
{
    BREAK(good, "CR0", s.cr0 &= ~0x20ull);
    BREAK(good, "CR0", s.cr0 |= 1ull << 32);
    BREAK(good_32, "CR0", s.cr0 = 0x80000030);
    BREAK(good, "CR4", s.cr4 &= ~0x2000ull);
    BREAK(good, "CR4", s.cr4 |= 1ull << 15);
    BREAK(good, "CR3", s.cr3 = 1ull << 40);
    BREAK(good, "CR4", s.cr4 &= ~0x20ull);
    BREAK(good_32, "CR4", (s.cr4 |= 0x20000, s.cr4_may |= 0x20000));
    BREAK(good, "DR7", s.dr7 |= 1ull << 32);
    BREAK(good, "DEBUGCTL", s.debugctl = 4);
    BREAK(good, "SYSENTER_ESP", s.sysenter_esp = 1ull << 47);
    BREAK(good, "SYSENTER_EIP", s.sysenter_eip = 1ull << 63);
    BREAK(good, "EFER", s.efer |= 2);
    BREAK(good_32, "EFER", s.efer = 0x500);
    BREAK(good_pae, "EFER", s.efer = 0x100);
    BREAK(good_pae, "PDPTE", s.pdptes[2] = 3);
    BREAK(good_pae, "PDPTE", s.pdptes[3] = 1ull << 40 | 1);
}

static void test_code_and_stack(void)
{
    struct vmx_segment_state *g = s.segments;

    BREAK(good, "CS attributes", g[VMX_CS].attributes = 0xa09a); // not accessed
    BREAK(good, "CS attributes", g[VMX_CS].attributes = 0xe09b); // L and D
    BREAK(good, "CS attributes", g[VMX_CS].attributes = 0xa01b); // not present
    BREAK(good, "CS attributes", g[VMX_CS].attributes = 0xa08b); // a system segment
    BREAK(good, "CS attributes", g[VMX_CS].attributes |= VMX_AR_UNUSABLE);
    BREAK(good, "CS attributes", g[VMX_CS].attributes |= 0x100);
    BREAK(good, "CS attributes", g[VMX_CS].attributes |= 0x60);  // ring 3 on a stack of ring 0
    BREAK(good, "CS attributes", g[VMX_CS].attributes = 0xa0ff); // conforming, likewise
    BREAK(good, "CS attributes", g[VMX_CS].attributes &= ~VMX_AR_G);
    BREAK(good, "CS attributes", g[VMX_CS].limit = 0xfffff000);
    BREAK(good, "CS base", g[VMX_CS].base = 1ull << 32);
    BREAK(good_real, "CS attributes", g[VMX_CS].attributes = 0xf3); // data with a privilege
    BREAK(good, "SS attributes", g[VMX_SS].attributes = 0xc09b);
    BREAK(good, "SS attributes", g[VMX_SS].attributes = 0xc091);
    BREAK(good, "SS base", g[VMX_SS].base = 1ull << 32);
    BREAK(good, "SS attributes", g[VMX_SS].attributes |= 0x200);
}

static void test_data_and_system(void)
{
    struct vmx_segment_state *g = s.segments;

    BREAK(good, "DS attributes", g[VMX_DS].attributes = 0xc092); // not accessed
    BREAK(good, "ES attributes", g[VMX_ES].attributes = 0xc099); // code that cannot be read
    BREAK(good, "FS attributes", g[VMX_FS].attributes = 0xc013);
    BREAK(good, "DS base", g[VMX_DS].base = 1ull << 40);
    BREAK(good, "FS base", g[VMX_FS].base = 1ull << 47);
    BREAK(good, "GS base", (g[VMX_GS].base = 1ull << 47, g[VMX_GS].attributes = VMX_AR_UNUSABLE));
    BREAK(good, "TR attributes", g[VMX_TR].attributes = 0x89); // not busy
    BREAK(good, "TR attributes", g[VMX_TR].attributes = 0x83); // of 16 bits
    BREAK(good, "TR attributes", g[VMX_TR].attributes |= VMX_AR_UNUSABLE);
    BREAK(good, "TR selector", g[VMX_TR].selector = 0x44);
    BREAK(good, "TR base", g[VMX_TR].base = 1ull << 63);
    BREAK(good, "LDTR attributes", g[VMX_LDTR].attributes = 0x83);
    BREAK(good_real, "LDTR selector", g[VMX_LDTR].selector = 4);
    BREAK(good_real, "LDTR base", g[VMX_LDTR].base = 1ull << 63);
    BREAK(good_v86, "DS base", g[VMX_DS].base = 0x10010);
    BREAK(good_v86, "GS limit", g[VMX_GS].limit = 0x10000);
    BREAK(good_v86, "ES attributes", g[VMX_ES].attributes = 0x93);
    BREAK(good, "GDTR base", s.gdtr_base = 1ull << 47);
    BREAK(good, "IDTR base", s.idtr_base = 1ull << 47);
    BREAK(good, "GDTR limit", s.gdtr_limit = 0x10000);
    BREAK(good, "IDTR limit", s.idtr_limit = 0x10000);
}

static void test_flow_and_events(void)
{
    BREAK(good, "RIP", s.rip = 1ull << 47);
    BREAK(good_32, "RIP", s.rip = 1ull << 32);
    BREAK(good, "RFLAGS", s.rflags |= 8);
    BREAK(good, "RFLAGS", s.rflags |= 1ull << 22);
    BREAK(good, "RFLAGS", s.rflags = 0x200);
    BREAK(good_32, "RFLAGS", s.event = EVENT(0x30u, 0u)); // interrupts are off
    BREAK(good, "interruptibility", s.interruptibility = 0x20);
    BREAK(good, "interruptibility", s.interruptibility = 3);
    BREAK(good_32, "interruptibility", s.interruptibility = BLOCKED_BY_STI);
    BREAK(good, "interruptibility", s.interruptibility = BLOCKED_BY_SMI);
    BREAK(good, "interruptibility", (s.interruptibility = 1, s.event = EVENT(0x30u, 0u)));
    BREAK(good, "interruptibility", (s.interruptibility = 2, s.event = EVENT(2u, 2u)));
    BREAK(good, "interruptibility", (s.interruptibility = 8, s.event = EVENT(2u, 2u)));
    BREAK(good, "activity", s.activity = 4);
    BREAK(good, "activity", (s.activity = 2, s.interruptibility = 1));
    BREAK(good, "pending debug exceptions", s.pending_debug = 0x10);
    BREAK(good, "pending debug exceptions", (s.rflags |= 0x100, s.interruptibility = 1));
    BREAK(good, "pending debug exceptions", (s.activity = 1, s.pending_debug = PENDING_DEBUG_STEP));
    BREAK(good, "VMCS link pointer", s.link = 0);
    BREAK(good, "event", s.event = EVENT(0x30u, 1u));
    BREAK(good, "event", s.event = EVENT(0x30u, 7u));
    BREAK(good, "event", s.event = EVENT(3u, 2u));
    BREAK(good, "event", s.event = EVENT(0x20u, 3u));
    BREAK(good, "event", s.event = EVENT(13u, 3u)); // no error code
    BREAK(good, "event", s.event = EVENT(6u, 3u) | VMX_EVENT_ERROR);
    BREAK(good_real, "event", s.event = EVENT(13u, 3u) | VMX_EVENT_ERROR);
    BREAK(good, "event", s.event = EVENT(6u, 3u) | 0x1000);
    BREAK(good, "event's error code",
          (s.event = EVENT(14u, 3u) | VMX_EVENT_ERROR, s.event_error = 0x10000));
    BREAK(good, "event's length", s.event = EVENT(0x80u, 4u));
}

static void test_instruction_errors(void)
{
    CU_ASSERT(strstr(vmx_instruction_error(7), "control fields") != NULL);
    CU_ASSERT(strstr(vmx_instruction_error(8), "host-state") != NULL);
    CU_ASSERT_STRING_EQUAL(vmx_instruction_error(0), "unknown");
    CU_ASSERT_STRING_EQUAL(vmx_instruction_error(14), "unknown");
    CU_ASSERT_STRING_EQUAL(vmx_instruction_error(29), "unknown");
    CU_ASSERT_STRING_EQUAL(vmx_instruction_error(~0u), "unknown");
}

int main(void)
{
    static CU_TestInfo tests[] = {
        {"good states", test_good},
        {"control registers", test_control},
        {"code and stack", test_code_and_stack},
        {"data, system segments, tables", test_data_and_system},
        {"flow and events", test_flow_and_events},
        {"instruction errors", test_instruction_errors},
        CU_TEST_INFO_NULL,
    };

    return run_suite("vmx_explain", tests);
}
