// A VT-x guest's events and control registers, on a VMCS that is an array: what goes into which
// field, and what is refused.
//
// sources: hypervisor/hvm/vmx/event.c hypervisor/hvm/vmx/control.c hypervisor/hvm/p2m.c
// sources: tests/unit/hvm_kit.c tests/unit/fake/platform.c tests/unit/fake/frames.c
#include <CUnit/Basic.h>
#include <string.h>

#include "cpu/features.h"
#include "cpu/traps.h"
#include "hvm/vmx/vmx.h"
#include "mm/frame.h"
#include "tests/suite.h"
#include "tests/unit/hvm_kit.h"

#define CR0_PE 0x1ull
#define CR0_NE 0x20ull
#define CR0_PG 0x80000000ull
#define CR0_CD 0x40000000ull
#define CR0_NW 0x20000000ull
#define LME    0x100ull
#define LMA    0x400ull
#define VMXE   0x2000ull

#define EVENT(vector, type) ((vector) | (uint32_t)(type) << 8 | VMX_EVENT_VALID)
#define SOFTWARE_INTERRUPT  4
#define SOFTWARE_EXCEPTION  6
#define CS_ATTRIBUTES       (VMCS_GUEST_ATTRIBUTES + 2 * VMX_CS)

uint64_t fake_vmcs[0x8000];
struct vmx_processor vmx_processor = {.cr4_may = 0x1767ff};
static struct vmx_vcpu x;
static struct hvm_domain *d;
static struct hvm_vcpu *v;

// A vCPU in protected mode, without paging.
static void start(void)
{
    fake_reset();
    memset(fake_vmcs, 0, sizeof(fake_vmcs));
    x = (struct vmx_vcpu){.tag = {.cpu = 0}};
    d = kit_domain(1);
    v = to_hvm(d->d.vcpus[0]);
    v->vendor = &x;
    vmx_load_control(v, CR0_PE, 0, 0);
    cpu_info()->regs.rflags = X86_EFLAGS_IF;
}

static void end(void)
{
    kit_domain_free(d);
}

// Events
// ------------------------------------------------------------------------

static void test_inject(void)
{
    start();
    vmx_inject(v, HVM_EVENT_EXCEPTION, TRAP_GP, 0);
    CU_ASSERT(vmx_is_injecting(v));
    vmx_event_enter(&x);
    CU_ASSERT_EQUAL(vmread(VMCS_ENTRY_EVENT), EVENT(TRAP_GP, 3) | VMX_EVENT_ERROR);
    CU_ASSERT_EQUAL(vmread(VMCS_ENTRY_ERROR), 0);
    vmx_inject(v, HVM_EVENT_EXCEPTION, TRAP_PF, 0x12);
    vmx_event_enter(&x);
    CU_ASSERT_EQUAL(vmread(VMCS_ENTRY_ERROR), 0x12);
    vmx_inject(v, HVM_EVENT_EXCEPTION, TRAP_UD, -1);
    CU_ASSERT_EQUAL(x.event, EVENT(TRAP_UD, 3));
    vmx_inject(v, HVM_EVENT_INTERRUPT, 0xff, -1);
    CU_ASSERT_EQUAL(x.event, EVENT(0xff, 0));
    vmx_event_exit(&x); // it has been delivered
    CU_ASSERT(!vmx_is_injecting(v));

    vmx_load_control(v, 0, 0, 0); // real mode: no error codes
    vmx_inject(v, HVM_EVENT_EXCEPTION, TRAP_GP, 0);
    CU_ASSERT_EQUAL(x.event, EVENT(TRAP_GP, 3));
    end();
}

static void test_cut_short(void)
{
    start();
    vmwrite(VMCS_INTERRUPTED, EVENT(TRAP_PF, 3) | VMX_EVENT_ERROR | VMX_EVENT_NMI_UNBLOCK);
    vmwrite(VMCS_INTERRUPTED_ERROR, 2);
    vmx_event_exit(&x);
    CU_ASSERT_EQUAL(x.event, EVENT(TRAP_PF, 3) | VMX_EVENT_ERROR);
    CU_ASSERT_EQUAL(x.event_error, 2);

    vmwrite(VMCS_INTERRUPTED, EVENT(0x80u, SOFTWARE_INTERRUPT)); // is executed again
    vmx_event_exit(&x);
    CU_ASSERT(!vmx_is_injecting(v));
    vmwrite(VMCS_INTERRUPTED, EVENT(3u, SOFTWARE_EXCEPTION));
    vmx_event_exit(&x);
    CU_ASSERT(!vmx_is_injecting(v));

    // An NMI that has not come blocks none; or it could not go in again.
    vmwrite(VMCS_INTERRUPTIBILITY, BLOCKED_BY_NMI);
    vmwrite(VMCS_INTERRUPTED, EVENT(TRAP_NMI, 2));
    vmx_event_exit(&x);
    CU_ASSERT_EQUAL(x.event, EVENT(TRAP_NMI, 2));
    CU_ASSERT_EQUAL(vmread(VMCS_INTERRUPTIBILITY), 0);
    vmx_nmi_still_blocked();
    CU_ASSERT_EQUAL(vmread(VMCS_INTERRUPTIBILITY), BLOCKED_BY_NMI);
    end();
}

static void test_windows(void)
{
    static const uint32_t shadows[] = {BLOCKED_BY_STI, BLOCKED_BY_MOV_SS};

    start();
    CU_ASSERT(vmx_can_interrupt(v) && vmx_can_nmi(v));
    cpu_info()->regs.rflags = 0;
    CU_ASSERT(!vmx_can_interrupt(v) && vmx_can_nmi(v));
    cpu_info()->regs.rflags = X86_EFLAGS_IF;
    for (unsigned i = 0; i < ARRAY_SIZE(shadows); i++) {
        vmwrite(VMCS_INTERRUPTIBILITY, shadows[i]);
        CU_ASSERT(!vmx_can_interrupt(v) && !vmx_can_nmi(v));
        CU_ASSERT_EQUAL(vmread(VMCS_CPU_CONTROLS), CPU_NMI_WINDOW);
    }
    vmwrite(VMCS_INTERRUPTIBILITY, BLOCKED_BY_NMI);
    CU_ASSERT(vmx_can_interrupt(v) && !vmx_can_nmi(v));
    vmx_want_window(v, true);
    CU_ASSERT_EQUAL(vmread(VMCS_CPU_CONTROLS), CPU_NMI_WINDOW | CPU_INTERRUPT_WINDOW);
    vmwrite(VMCS_INTERRUPTIBILITY, 0);
    CU_ASSERT(vmx_can_nmi(v));
    vmx_want_window(v, false);
    CU_ASSERT_EQUAL(vmread(VMCS_CPU_CONTROLS), 0);
    end();
}

// Control registers
// ------------------------------------------------------------------------

static void refuse_cr0(uint64_t value)
{
    uint64_t before = vmx_cr0(&x), efer = vmread(VMCS_GUEST_EFER);

    CU_ASSERT(!vmx_write_cr0(v, value));
    CU_ASSERT_EQUAL(vmx_cr0(&x), before);
    CU_ASSERT_EQUAL(vmread(VMCS_GUEST_EFER), efer);
}

static void test_cr0(void)
{
    start();
    refuse_cr0(CR0_PG);
    refuse_cr0(CR0_PE | CR0_NW);
    refuse_cr0(CR0_PE | 1ull << 32);
    CU_ASSERT(vmx_write_cr0(v, CR0_PE | CR0_CD | CR0_NW));
    CU_ASSERT_EQUAL(vmx_cr0(&x), CR0_PE | CR0_CD | CR0_NW | 0x10); // ET is always set
    CU_ASSERT_EQUAL(vmread(VMCS_GUEST_CR0), CR0_PE | CR0_NE | 0x10);
    vmwrite(VMCS_GUEST_CR0, CR0_NE | 0x18); // what the guest has done itself: TS, no PE
    CU_ASSERT_EQUAL(vmx_cr0(&x), CR0_CD | CR0_NW | 0x18);
    end();
}

static void test_long_mode(void)
{
    start();
    vmx_set_efer(v, LME);
    refuse_cr0(CR0_PE | CR0_PG); // without PAE
    CU_ASSERT(vmx_write_cr4(v, CR4_PAE));
    vmwrite(CS_ATTRIBUTES, VMX_AR_L);
    refuse_cr0(CR0_PE | CR0_PG);
    vmwrite(CS_ATTRIBUTES, 0);
    vmwrite(VMCS_GUEST_ATTRIBUTES + 2 * VMX_TR, 0x83); // a TSS of 16 bits
    refuse_cr0(CR0_PE | CR0_PG);
    vmwrite(VMCS_GUEST_ATTRIBUTES + 2 * VMX_TR, 0x8b);
    x.tag.cpu = 0;
    CU_ASSERT(vmx_write_cr0(v, CR0_PE | CR0_PG));
    CU_ASSERT_EQUAL(vmread(VMCS_GUEST_EFER), LME | LMA);
    CU_ASSERT_EQUAL(vmread(VMCS_ENTRY_CONTROLS), ENTRY_LONG_MODE);
    CU_ASSERT_EQUAL(x.tag.cpu, -1); // what was cached is void

    CU_ASSERT(!vmx_write_cr4(v, 0)); // PAE must stay
    vmwrite(CS_ATTRIBUTES, VMX_AR_L);
    refuse_cr0(CR0_PE);
    vmwrite(CS_ATTRIBUTES, 0);
    CU_ASSERT(vmx_write_cr0(v, CR0_PE));
    CU_ASSERT_EQUAL(vmread(VMCS_GUEST_EFER), LME);
    CU_ASSERT_EQUAL(vmread(VMCS_ENTRY_CONTROLS), 0);
    end();
}

static void test_pae(void)
{
    struct frame *f;
    uint64_t *top;

    start();
    CU_ASSERT(vmx_write_cr4(v, CR4_PAE));
    vmwrite(VMCS_GUEST_CR3, 5 << PAGE_SHIFT | 0x20);
    refuse_cr0(CR0_PE | CR0_PG); // no memory there
    CU_ASSERT_PTR_NOT_NULL_FATAL((f = kit_populate(d, 5)));
    top = (uint64_t *)mfn_to_virt(frame_to_mfn(f)) + 4;
    for (unsigned i = 0; i < 4; i++)
        top[i] = (uint64_t)i << PAGE_SHIFT | (i & 1);
    top[2] = 0x1e6; // not present: may hold anything
    CU_ASSERT(vmx_write_cr0(v, CR0_PE | CR0_PG));
    for (unsigned i = 0; i < 4; i++)
        CU_ASSERT_EQUAL(vmread(VMCS_GUEST_PDPTE + 2 * i), top[i]);
    top[2] = 0x1e7;
    CU_ASSERT(!vmx_write_cr4(v, CR4_PAE | CR4_MCE));
    CU_ASSERT_EQUAL(vmx_cr4(&x), CR4_PAE);
    CU_ASSERT(vmx_write_cr0(v, CR0_PE));
    refuse_cr0(CR0_PE | CR0_PG);
    end();
}

static void test_cr4(void)
{
    start();
    CU_ASSERT(!vmx_write_cr4(v, VMXE));       // none within
    CU_ASSERT(!vmx_write_cr4(v, 1ull << 17)); // PCID is not told of
    CU_ASSERT(!vmx_write_cr4(v, CR4_SMAP));   // nor has the processor that
    CU_ASSERT_EQUAL(vmx_cr4(&x), 0);
    CU_ASSERT_EQUAL(vmread(VMCS_GUEST_CR4), VMXE | CR4_MCE);
    CU_ASSERT(vmx_write_cr4(v, CR4_MCE));
    CU_ASSERT_EQUAL(x.tag.cpu, 0); // paging is as it was
    CU_ASSERT_EQUAL(vmx_cr4(&x), CR4_MCE);
    CU_ASSERT(vmx_write_cr4(v, CR4_PSE));
    CU_ASSERT_EQUAL(x.tag.cpu, -1);
    CU_ASSERT_EQUAL(vmx_cr4(&x), CR4_PSE);
    CU_ASSERT_EQUAL(vmread(VMCS_GUEST_CR4), VMXE | CR4_MCE | CR4_PSE);
    end();
}

int main(void)
{
    static CU_TestInfo tests[] = {
        {"events on their way in", test_inject},
        {"events that were cut short", test_cut_short},
        {"windows", test_windows},
        {"CR0", test_cr0},
        {"long mode comes and goes", test_long_mode},
        {"PAE's top entries", test_pae},
        {"CR4", test_cr4},
        CU_TEST_INFO_NULL,
    };

    return run_suite("vmx_vcpu", tests);
}
