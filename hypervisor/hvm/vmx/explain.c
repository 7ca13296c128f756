#include "hvm/vmx/explain.h"

#include <stddef.h>

#include "cpu/features.h"
#include "cpu/traps.h"
#include "lib/bits.h"

#define CR0_PE 0x00000001ull
#define CR0_NW 0x20000000ull
#define CR0_CD 0x40000000ull
#define CR0_PG 0x80000000ull

#define CR4_PCIDE 0x20000ull

#define EFER_LME      0x100ull
#define EFER_LMA      0x400ull
#define EFER_RESERVED (~0xd01ull)

#define RFLAGS_RESERVED (~0x3f7fd7ull)
#define DEBUGCTL_BTF    0x2ull
#define DEBUGCTL_KNOWN  0xffc3ull

struct check {
    const struct vmx_guest_state *s;
    vmx_complaint_fn *complain;
    void *data;
    unsigned broken;
    bool long_mode, virtual_8086;
};

// Complains unless `good`.
static void want(struct check *c, bool good, const char *field, uint64_t value, const char *rule)
{
    if (good)
        return;
    c->broken++;
    c->complain(c->data, field, value, rule);
}

static bool canonical(uint64_t address)
{
    return (uint64_t)((int64_t)(address << 16) >> 16) == address;
}

// Control registers, debug registers, MSRs (26.3.1.1)
// ------------------------------------------------------------------------

static void check_control(struct check *c)
{
    const struct vmx_guest_state *s = c->s;
    uint64_t free = CR0_PE | CR0_PG | CR0_NW | CR0_CD; // unrestricted; and what entries pass over

    want(c, !(s->cr0_set & ~free & ~s->cr0), "CR0", s->cr0, "lacks a bit that must be set");
    want(c, !(s->cr0 & ~free & ~s->cr0_may), "CR0", s->cr0, "has a bit that must be clear");
    want(c, !(s->cr0 & CR0_PG) || (s->cr0 & CR0_PE), "CR0", s->cr0,
         "has paging (PG) without protection (PE)");
    want(c, !(s->cr4_set & ~s->cr4), "CR4", s->cr4, "lacks a bit that must be set");
    want(c, !(s->cr4 & ~s->cr4_may), "CR4", s->cr4, "has a bit that must be clear");
    want(c, !(s->cr3 >> s->phys_bits), "CR3", s->cr3, "is beyond the physical addresses");
    if (c->long_mode) {
        want(c, s->cr0 & CR0_PG, "CR0", s->cr0, "has no paging (PG), with IA-32e mode on entry");
        want(c, s->cr4 & CR4_PAE, "CR4", s->cr4, "has no PAE, with IA-32e mode on entry");
    } else {
        want(c, !(s->cr4 & CR4_PCIDE), "CR4", s->cr4, "has PCIDE outside IA-32e mode");
    }
}

static void check_msrs(struct check *c)
{
    const struct vmx_guest_state *s = c->s;

    if (s->entry_controls & ENTRY_LOAD_DEBUG) {
        want(c, !(s->dr7 >> 32), "DR7", s->dr7, "has bits above 31");
        want(c, !(s->debugctl & ~DEBUGCTL_KNOWN), "DEBUGCTL", s->debugctl, "has reserved bits");
    }
    want(c, canonical(s->sysenter_esp), "SYSENTER_ESP", s->sysenter_esp, "is not canonical");
    want(c, canonical(s->sysenter_eip), "SYSENTER_EIP", s->sysenter_eip, "is not canonical");
    if (!(s->entry_controls & ENTRY_LOAD_EFER))
        return;
    want(c, !(s->efer & EFER_RESERVED), "EFER", s->efer, "has reserved bits");
    want(c, !(s->efer & EFER_LMA) == !c->long_mode, "EFER", s->efer,
         "differs in LMA from IA-32e mode on entry");
    want(c, !(s->cr0 & CR0_PG) || !(s->efer & EFER_LMA) == !(s->efer & EFER_LME), "EFER", s->efer,
         "differs in LMA and LME, with paging on");
}

// Segments (26.3.1.2)
// ------------------------------------------------------------------------

static const struct {
    const char *selector, *base, *limit, *attributes;
} names[VMX_SEGMENTS] = {
#define NAMES(s)                                              \
    {                                                         \
        s " selector", s " base", s " limit", s " attributes" \
    }
    [VMX_ES] = NAMES("ES"),     [VMX_CS] = NAMES("CS"), [VMX_SS] = NAMES("SS"),
    [VMX_DS] = NAMES("DS"),     [VMX_FS] = NAMES("FS"), [VMX_GS] = NAMES("GS"),
    [VMX_LDTR] = NAMES("LDTR"), [VMX_TR] = NAMES("TR"),
#undef NAMES
};

static bool usable(const struct vmx_segment_state *g)
{
    return !(g->attributes & VMX_AR_UNUSABLE);
}

static void want_attributes(struct check *c, bool good, unsigned n, const char *rule)
{
    want(c, good, names[n].attributes, c->s->segments[n].attributes, rule);
}

// What every descriptor that is in use must be.
static void check_descriptor(struct check *c, unsigned n, bool code_or_data)
{
    const struct vmx_segment_state *g = &c->s->segments[n];

    want_attributes(c, !(g->attributes & VMX_AR_S) == !code_or_data, n,
                    code_or_data ? "say a system segment (S clear)" : "say code or data (S set)");
    want_attributes(c, g->attributes & VMX_AR_P, n, "say not present (P clear)");
    want_attributes(c, !(g->attributes & VMX_AR_RESERVED), n, "have reserved bits");
    want_attributes(c, (g->limit & 0xfff) == 0xfff || !(g->attributes & VMX_AR_G), n,
                    "have pages as unit (G), while the limit's lower 12 bits are not all set");
    want_attributes(c, !(g->limit >> 20) || (g->attributes & VMX_AR_G), n,
                    "have bytes as unit (G clear), while the limit is above 1 MB");
}

static void check_code(struct check *c)
{
    const struct vmx_segment_state *cs = &c->s->segments[VMX_CS], *ss = &c->s->segments[VMX_SS];
    unsigned type = VMX_AR_TYPE(cs->attributes), dpl = VMX_AR_DPL(cs->attributes);
    unsigned ss_dpl = VMX_AR_DPL(ss->attributes);

    want_attributes(c, usable(cs), VMX_CS, "say unusable");
    want_attributes(c, type == 3 || (type & 9) == 9, VMX_CS, "are of no type of accessed code");
    want_attributes(c, type != 3 || dpl == 0, VMX_CS,
                    "have a privilege level other than 0 with type 3");
    want_attributes(c, type != 3 || ss_dpl == 0, VMX_SS,
                    "have a privilege level other than 0, with CS of type 3");
    want_attributes(c, (type != 9 && type != 11) || dpl == ss_dpl, VMX_CS,
                    "have another privilege level than SS");
    want_attributes(c, (type != 13 && type != 15) || dpl <= ss_dpl, VMX_CS,
                    "have a lower privilege than SS, and conform");
    want_attributes(c,
                    !(c->long_mode && (cs->attributes & VMX_AR_L) && (cs->attributes & VMX_AR_DB)),
                    VMX_CS, "say 64-bit (L) and 32-bit (D) at once");
    check_descriptor(c, VMX_CS, true);
    want(c, !(cs->base >> 32), names[VMX_CS].base, cs->base, "is above 4 GB");
}

static void check_stack(struct check *c)
{
    const struct vmx_segment_state *ss = &c->s->segments[VMX_SS];
    unsigned type = VMX_AR_TYPE(ss->attributes);

    want_attributes(c, (c->s->cr0 & CR0_PE) || VMX_AR_DPL(ss->attributes) == 0, VMX_SS,
                    "have a privilege level other than 0 in real mode");
    if (!usable(ss))
        return;
    want_attributes(c, type == 3 || type == 7, VMX_SS, "are of no type of accessed, writable data");
    check_descriptor(c, VMX_SS, true);
    want(c, !(ss->base >> 32), names[VMX_SS].base, ss->base, "is above 4 GB");
}

static void check_data(struct check *c, unsigned n)
{
    const struct vmx_segment_state *g = &c->s->segments[n];
    unsigned type = VMX_AR_TYPE(g->attributes);

    if (n == VMX_FS || n == VMX_GS)
        want(c, canonical(g->base), names[n].base, g->base, "is not canonical");
    if (!usable(g))
        return;
    want_attributes(c, type & 1, n, "are not of a type that was accessed");
    want_attributes(c, !(type & 8) || (type & 2), n, "say code that cannot be read");
    check_descriptor(c, n, true);
    if (n == VMX_DS || n == VMX_ES)
        want(c, !(g->base >> 32), names[n].base, g->base, "is above 4 GB");
}

static void check_virtual_8086(struct check *c)
{
    for (unsigned n = VMX_ES; n <= VMX_GS; n++) {
        const struct vmx_segment_state *g = &c->s->segments[n];

        want(c, g->base == (uint64_t)g->selector << 4, names[n].base, g->base,
             "is not 16 times the selector, in virtual-8086 mode");
        want(c, g->limit == 0xffff, names[n].limit, g->limit, "is not 64 KB, in virtual-8086 mode");
        want_attributes(c, g->attributes == 0xf3, n, "are not 0xf3, in virtual-8086 mode");
    }
}

static void check_system_segments(struct check *c)
{
    const struct vmx_segment_state *tr = &c->s->segments[VMX_TR], *ldtr = &c->s->segments[VMX_LDTR];
    unsigned type = VMX_AR_TYPE(tr->attributes);

    want_attributes(c, usable(tr), VMX_TR, "say unusable");
    want_attributes(c, type == 11 || (type == 3 && !c->long_mode), VMX_TR,
                    "are of no type of busy TSS");
    check_descriptor(c, VMX_TR, false);
    want(c, !(tr->selector & 4), names[VMX_TR].selector, tr->selector, "names the LDT");
    want(c, canonical(tr->base), names[VMX_TR].base, tr->base, "is not canonical");
    if (!usable(ldtr))
        return;
    want_attributes(c, VMX_AR_TYPE(ldtr->attributes) == 2, VMX_LDTR, "are not of an LDT's type");
    check_descriptor(c, VMX_LDTR, false);
    want(c, !(ldtr->selector & 4), names[VMX_LDTR].selector, ldtr->selector, "names the LDT");
    want(c, canonical(ldtr->base), names[VMX_LDTR].base, ldtr->base, "is not canonical");
}

static void check_segments(struct check *c)
{
    if (c->virtual_8086) {
        check_virtual_8086(c);
    } else {
        check_code(c);
        check_stack(c);
        check_data(c, VMX_DS);
        check_data(c, VMX_ES);
        check_data(c, VMX_FS);
        check_data(c, VMX_GS);
    }
    check_system_segments(c);
}

// Descriptor tables, RIP, RFLAGS (26.3.1.3, 26.3.1.4)
// ------------------------------------------------------------------------

static void check_tables(struct check *c)
{
    const struct vmx_guest_state *s = c->s;

    want(c, canonical(s->gdtr_base), "GDTR base", s->gdtr_base, "is not canonical");
    want(c, canonical(s->idtr_base), "IDTR base", s->idtr_base, "is not canonical");
    want(c, !(s->gdtr_limit >> 16), "GDTR limit", s->gdtr_limit, "has bits above 15");
    want(c, !(s->idtr_limit >> 16), "IDTR limit", s->idtr_limit, "has bits above 15");
}

static void check_flow(struct check *c)
{
    const struct vmx_guest_state *s = c->s;
    bool mode64 = c->long_mode && (s->segments[VMX_CS].attributes & VMX_AR_L);
    bool interrupt = (s->event & VMX_EVENT_VALID) && VMX_EVENT_TYPE(s->event) == 0;

    want(c, mode64 || !(s->rip >> 32), "RIP", s->rip, "is above 4 GB outside 64-bit code");
    want(c, !mode64 || canonical(s->rip), "RIP", s->rip, "is not canonical");
    want(c, !(s->rflags & RFLAGS_RESERVED), "RFLAGS", s->rflags, "has reserved bits");
    want(c, s->rflags & X86_EFLAGS_MBS, "RFLAGS", s->rflags, "lacks bit 1");
    want(c, !c->virtual_8086 || (!c->long_mode && (s->cr0 & CR0_PE)), "RFLAGS", s->rflags,
         "says virtual-8086 (VM) in IA-32e mode or in real mode");
    want(c, !interrupt || (s->rflags & X86_EFLAGS_IF), "RFLAGS", s->rflags,
         "has interrupts off (IF clear), with one on its way in");
}

// Activity, blocking, pending debug exceptions (26.3.1.5)
// ------------------------------------------------------------------------

static void check_blocking(struct check *c)
{
    const struct vmx_guest_state *s = c->s;
    uint32_t blocked = s->interruptibility;
    bool event = s->event & VMX_EVENT_VALID;
    bool nmi = event && VMX_EVENT_TYPE(s->event) == 2,
         interrupt = event && VMX_EVENT_TYPE(s->event) == 0;
    const uint32_t shadow = BLOCKED_BY_STI | BLOCKED_BY_MOV_SS;
    static const char what[] = "interruptibility";

    want(c, !(blocked & ~0x1fu), what, blocked, "has reserved bits");
    want(c, (blocked & shadow) != shadow, what, blocked,
         "says blocking by STI and by MOV SS at once");
    want(c, !(blocked & BLOCKED_BY_STI) || (s->rflags & X86_EFLAGS_IF), what, blocked,
         "says blocking by STI while interrupts are off");
    want(c, !interrupt || !(blocked & shadow), what, blocked,
         "says blocking, with an interrupt on its way in");
    want(c, !nmi || !(blocked & shadow), what, blocked,
         "says blocking by STI or MOV SS, with an NMI on its way in");
    want(c, !nmi || !(blocked & BLOCKED_BY_NMI), what, blocked,
         "says blocking by NMI, with an NMI on its way in");
    want(c, !(blocked & BLOCKED_BY_SMI), what, blocked,
         "says blocking by SMI outside system-management mode");
}

static void check_activity(struct check *c)
{
    const struct vmx_guest_state *s = c->s;
    const uint32_t shadow = BLOCKED_BY_STI | BLOCKED_BY_MOV_SS;
    bool step = (s->rflags & X86_EFLAGS_TF) && !(s->debugctl & DEBUGCTL_BTF);

    want(c, s->activity <= 3, "activity", s->activity, "is none that there is");
    want(c, s->activity != 1 || VMX_AR_DPL(s->segments[VMX_SS].attributes) == 0, "activity",
         s->activity, "says halted outside the kernel");
    want(c, s->activity == 0 || !(s->interruptibility & shadow), "activity", s->activity,
         "says inactive, while STI or MOV SS blocks");
    want(c, !(s->pending_debug & ~0x1500full), "pending debug exceptions", s->pending_debug,
         "have reserved bits");
    if ((s->interruptibility & shadow) || s->activity == 1)
        want(c, !(s->pending_debug & PENDING_DEBUG_STEP) == !step, "pending debug exceptions",
             s->pending_debug, "disagree with RFLAGS about single steps (BS and TF)");
    want(c, s->link == ~0ull, "VMCS link pointer", s->link, "is not all ones");
}

// Events on their way in (26.2.1.3)
// ------------------------------------------------------------------------

static bool has_error_code(unsigned vector)
{
    return vector == TRAP_DF || (vector >= TRAP_TS && vector <= TRAP_PF) || vector == TRAP_AC;
}

static void check_event(struct check *c)
{
    const struct vmx_guest_state *s = c->s;
    unsigned type = VMX_EVENT_TYPE(s->event), vector = VMX_EVENT_VECTOR(s->event);
    bool expected = type == 3 && (s->cr0 & CR0_PE) && has_error_code(vector);
    static const char what[] = "event";

    if (!(s->event & VMX_EVENT_VALID))
        return;
    want(c, type != 1 && type != 7, what, s->event, "is of no type that there is");
    want(c, type != 2 || vector == TRAP_NMI, what, s->event,
         "is an NMI with another vector than 2");
    want(c, type != 3 || vector < 32, what, s->event, "is an exception with a vector above 31");
    want(c, !(s->event & VMX_EVENT_ERROR) == !expected, what, s->event,
         expected ? "lacks the error code that such exceptions have"
                  : "has an error code, which such events have not");
    want(c, !(s->event & 0x7ffff000), what, s->event, "has reserved bits");
    want(c, !(s->event & VMX_EVENT_ERROR) || !(s->event_error >> 16), "event's error code",
         s->event_error, "has bits above 15");
    want(c,
         type < VMX_EVENT_SOFTWARE || type == 7 || (s->event_length >= 1 && s->event_length <= 15),
         "event's length", s->event_length, "is none of an instruction");
}

// PAE's four top entries (26.3.1.6)
static void check_pdptes(struct check *c)
{
    const struct vmx_guest_state *s = c->s;
    uint64_t reserved = 0x1e6ull | ~((1ull << s->phys_bits) - 1);

    if (!(s->cr0 & CR0_PG) || !(s->cr4 & CR4_PAE) || c->long_mode)
        return;
    for (unsigned i = 0; i < ARRAY_SIZE(s->pdptes); i++)
        want(c, !(s->pdptes[i] & 1) || !(s->pdptes[i] & reserved), "PDPTE", s->pdptes[i],
             "has reserved bits");
}

unsigned vmx_explain(const struct vmx_guest_state *s, vmx_complaint_fn *complain, void *data)
{
    struct check c = {.s = s, .complain = complain, .data = data};

    c.long_mode = s->entry_controls & ENTRY_LONG_MODE;
    c.virtual_8086 = s->rflags & X86_EFLAGS_VM;
    check_control(&c);
    check_msrs(&c);
    check_segments(&c);
    check_tables(&c);
    check_flow(&c);
    check_blocking(&c);
    check_activity(&c);
    check_event(&c);
    check_pdptes(&c);
    return c.broken;
}

const char *vmx_instruction_error(uint32_t number)
{
    static const char *const text[] = {
        [1] = "VMCALL in VMX root operation",
        [2] = "VMCLEAR with an invalid address",
        [3] = "VMCLEAR with the VMXON pointer",
        [4] = "VMLAUNCH with a VMCS that is not clear",
        [5] = "VMRESUME with a VMCS that is not launched",
        [6] = "VMRESUME after VMXOFF",
        [7] = "VM entry with invalid control fields",
        [8] = "VM entry with invalid host-state fields",
        [9] = "VMPTRLD with an invalid address",
        [10] = "VMPTRLD with the VMXON pointer",
        [11] = "VMPTRLD with a wrong VMCS revision",
        [12] = "VMREAD or VMWRITE of a field that does not exist",
        [13] = "VMWRITE to a field that can only be read",
        [15] = "VMXON in VMX root operation",
        [16] = "VM entry with an invalid executive-VMCS pointer",
        [17] = "VM entry with an executive VMCS that is not launched",
        [18] = "VM entry with an executive-VMCS pointer that is not VMXON's",
        [19] = "VMCALL with a VMCS that is not clear",
        [20] = "VMCALL with invalid exit-control fields",
        [22] = "VMCALL with a wrong MSEG revision",
        [23] = "VMXOFF with system-management monitors active",
        [24] = "VMCALL with an invalid MSEG",
        [25] = "VM entry with invalid execution-control fields of the executive VMCS",
        [26] = "VM entry with events blocked by MOV SS",
        [28] = "INVEPT or INVVPID with an invalid operand",
    };

    return number < ARRAY_SIZE(text) && text[number] ? text[number] : "unknown";
}
