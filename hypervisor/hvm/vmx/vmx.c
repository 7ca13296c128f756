#include "hvm/vmx/vmx.h"

#include "cpu/asm.h"
#include "cpu/features.h"
#include "cpu/msr.h"
#include "cpu/smp.h"
#include "hvm/vmx/ept.h"
#include "lib/log.h"
#include "lib/string.h"
#include "mm/alloc.h"

#define MSR_FEATURE_CONTROL 0x3a
#define FEATURE_LOCKED      0x1
#define FEATURE_VMXON       0x4 // outside SMX

#define MSR_VMX_BASIC      0x480
#define MSR_VMX_PIN        0x481
#define MSR_VMX_CPU        0x482
#define MSR_VMX_EXIT       0x483
#define MSR_VMX_ENTRY      0x484
#define MSR_VMX_CR0_SET    0x486
#define MSR_VMX_CR0_MAY    0x487
#define MSR_VMX_CR4_SET    0x488
#define MSR_VMX_CR4_MAY    0x489
#define MSR_VMX_CPU2       0x48b
#define MSR_VMX_EPT        0x48c
#define MSR_VMX_TRUE_PIN   0x48d
#define MSR_VMX_TRUE_CPU   0x48e
#define MSR_VMX_TRUE_EXIT  0x48f
#define MSR_VMX_TRUE_ENTRY 0x490

#define BASIC_REVISION(basic) ((uint32_t)(basic)&0x7fffffff)
#define BASIC_TRUE            (1ull << 55)

#define EPT_CAN_4LEVELS (1ull << 6)
#define EPT_CAN_WB      (1ull << 14)
#define EPT_CAN_2M      (1ull << 16)
#define EPT_CAN_INVEPT  (1ull << 20)
#define EPT_CAN_SINGLE  (1ull << 25)
#define EPT_NEEDED      (EPT_CAN_4LEVELS | EPT_CAN_WB | EPT_CAN_2M | EPT_CAN_INVEPT | EPT_CAN_SINGLE)
#define EPT_POINTER     (6ull | 3ull << 3) // write-back, of four levels

#define CR4_VMXE 0x2000ull

struct vmx_processor vmx_processor;

// What the processor must be able to do
// ------------------------------------------------------------------------

// A group of controls: the MSR that says what may be set (upper half) and what must be (lower), and
// the one that says it with those left out that need not be as they always were (A.2 to A.5).
struct group {
    const char *name;
    uint32_t msr, true_msr;
    uint32_t needed, liked, refused; // refused: must be able to be off
    uint32_t *chosen;
};

static const struct group groups[] = {
    {"pin-based", MSR_VMX_PIN, MSR_VMX_TRUE_PIN, PIN_INTERRUPT | PIN_NMI | PIN_VNMI, 0, 0,
     &vmx_processor.pin},
    {"processor-based", MSR_VMX_CPU, MSR_VMX_TRUE_CPU,
     CPU_INTERRUPT_WINDOW | CPU_NMI_WINDOW | CPU_HLT | CPU_MWAIT | CPU_RDPMC | CPU_CR8_LOAD |
         CPU_CR8_STORE | CPU_ALL_IO | CPU_MSR_BITMAP | CPU_MONITOR | CPU_SECONDARY,
     0, CPU_CR3_LOAD | CPU_CR3_STORE, &vmx_processor.cpu},
    {"secondary", MSR_VMX_CPU2, 0, CPU2_EPT | CPU2_VPID | CPU2_UNRESTRICTED | CPU2_WBINVD,
     CPU2_RDTSCP, 0, &vmx_processor.cpu2},
    {"exit", MSR_VMX_EXIT, MSR_VMX_TRUE_EXIT,
     EXIT_64BIT | EXIT_SAVE_DEBUG | EXIT_SAVE_EFER | EXIT_LOAD_EFER, 0, 0, &vmx_processor.exit},
    {"entry", MSR_VMX_ENTRY, MSR_VMX_TRUE_ENTRY,
     ENTRY_LOAD_DEBUG | ENTRY_LONG_MODE | ENTRY_LOAD_EFER, 0, 0, &vmx_processor.entry},
};

// What the lack of which is more likely than of others.
static const char *lack(const struct group *g, uint32_t missing)
{
    if (g->chosen != &vmx_processor.cpu2)
        return missing & g->refused ? "control-register accesses cannot pass" : "an older VT-x";
    if (missing & CPU2_EPT)
        return "no extended page tables (EPT)";
    return missing & CPU2_UNRESTRICTED ? "no unrestricted guests" : "no VPID";
}

static bool choose(const struct group *g, uint64_t basic)
{
    uint64_t can = rdmsr(g->true_msr && (basic & BASIC_TRUE) ? g->true_msr : g->msr);
    uint32_t must = (uint32_t)can, may = (uint32_t)(can >> 32);
    uint32_t missing = (g->needed & ~may) | (g->refused & must);

    if (missing) {
        log_warn("VT-x: not used: %s (the processor's %s controls lack %#x)\n", lack(g, missing),
                 g->name, missing);
        return false;
    }
    *g->chosen = must | g->needed | (g->liked & may);
    return true;
}

// Windows come and go, and so does long mode; they must only be possible.
static void leave_to_guests(struct vmx_processor *p)
{
    p->cpu &= ~(CPU_INTERRUPT_WINDOW | CPU_NMI_WINDOW);
    p->entry &= ~ENTRY_LONG_MODE;
}

static bool examine(struct vmx_processor *p)
{
    uint64_t basic = rdmsr(MSR_VMX_BASIC), ept;

    if (!(rdmsr(MSR_VMX_CPU) >> 32 & CPU_SECONDARY)) {
        log_warn("VT-x: not used: no extended page tables (EPT)\n");
        return false;
    }
    for (unsigned i = 0; i < ARRAY_SIZE(groups); i++)
        if (!choose(&groups[i], basic))
            return false;
    ept = rdmsr(MSR_VMX_EPT);
    if ((ept & EPT_NEEDED) != EPT_NEEDED) {
        log_warn("VT-x: not used: extended page tables without 4 levels, 2 MB pages, write-back or "
                 "INVEPT (%#lx)\n",
                 ept);
        return false;
    }
    leave_to_guests(p);
    p->revision = BASIC_REVISION(basic);
    p->cr0_set = rdmsr(MSR_VMX_CR0_SET), p->cr0_may = rdmsr(MSR_VMX_CR0_MAY);
    p->cr4_set = rdmsr(MSR_VMX_CR4_SET), p->cr4_may = rdmsr(MSR_VMX_CR4_MAY);
    p->ept_flags = EPT_POINTER;
    return true;
}

// Turning it on
// ------------------------------------------------------------------------

// A bit an MSR: reads of low numbers, of high ones, writes likewise, a kilobyte each (24.6.9).
static void permit_msr(uint8_t *map, uint32_t msr)
{
    unsigned at = (msr >= 0xc0000000 ? 1024 : 0) + (msr & 0x1fff) / 8;

    map[at] &= (uint8_t) ~(1u << msr % 8);
    map[at + 2048] &= (uint8_t) ~(1u << msr % 8);
}

static bool make_msr_bitmap(void)
{
    uint8_t *map = pages_alloc(0);

    if (!map)
        return false;
    memset(map, 0xff, PAGE_SIZE);
    for (unsigned i = 0; i < HVM_GUESTS_OWN_MSRS; i++)
        permit_msr(map, hvm_guests_own_msrs[i]);
    vmx_processor.msr_bitmap = virt_to_maddr(map);
    return true;
}

enum trouble { TROUBLE_NONE, TROUBLE_LOCKED, TROUBLE_DIFFERENT, TROUBLE_VMXON };

// The firmware may have locked the switch; if not, we set and lock it.
static bool unlock(void)
{
    uint64_t control = rdmsr(MSR_FEATURE_CONTROL);

    if (!(control & FEATURE_LOCKED)) {
        control |= FEATURE_LOCKED | FEATURE_VMXON;
        wrmsr_safe(MSR_FEATURE_CONTROL, control);
        control = rdmsr(MSR_FEATURE_CONTROL);
    }
    return control & FEATURE_VMXON;
}

// Can this CPU do what was chosen by looking at the first?
static bool is_alike(void)
{
    uint64_t basic = rdmsr(MSR_VMX_BASIC);

    for (unsigned i = 0; i < ARRAY_SIZE(groups); i++) {
        const struct group *g = &groups[i];
        uint64_t can = rdmsr(g->true_msr && (basic & BASIC_TRUE) ? g->true_msr : g->msr);

        if (g->needed & ~(can >> 32))
            return false;
    }
    return BASIC_REVISION(basic) == vmx_processor.revision;
}

struct start {
    maddr_t regions[MAX_CPUS];
    uint8_t trouble[MAX_CPUS]; // enum trouble
};

static void enable(void *data)
{
    struct start *s = data;
    unsigned cpu = this_cpu();

    if (!unlock()) {
        s->trouble[cpu] = TROUBLE_LOCKED;
    } else if (!is_alike()) {
        s->trouble[cpu] = TROUBLE_DIFFERENT;
    } else {
        write_cr0((read_cr0() | vmx_processor.cr0_set) & vmx_processor.cr0_may);
        write_cr4(read_cr4() | CR4_VMXE);
        s->trouble[cpu] = vmxon(s->regions[cpu]) ? TROUBLE_NONE : TROUBLE_VMXON;
        vmx_host_cpu_init();
    }
}

static bool report(const struct start *s)
{
    static const char *const text[] = {
        [TROUBLE_LOCKED] = "turned off by the firmware; look for \"virtualization\" in its setup",
        [TROUBLE_DIFFERENT] = "it can do less than CPU 0",
        [TROUBLE_VMXON] = "VMXON fails",
    };

    for (unsigned cpu = 0; cpu < nr_cpus; cpu++)
        if (s->trouble[cpu]) {
            log_warn("VT-x: not used: on CPU %u: %s\n", cpu, text[s->trouble[cpu]]);
            return false;
        }
    return true;
}

static bool enable_all(void)
{
    static struct start start;

    for (unsigned i = 0; i < nr_cpus; i++) {
        uint32_t *region = pages_alloc(0);

        if (!region) {
            log_warn("VT-x: not used: no memory\n");
            return false;
        }
        *region = vmx_processor.revision;
        start.regions[i] = virt_to_maddr(region);
    }
    smp_call(cpus_online, enable, &start);
    return report(&start);
}

static void set_cr2(struct hvm_vcpu *v, uint64_t address)
{
    to_vmx(v)->cr2 = address;
}

static void set_pat(struct hvm_vcpu *v, uint64_t pat)
{
    // It has no effect (vmx/ept.c), and is remembered already.
}

static const struct hvm_ops vmx_ops = {
    .name = "VT-x with extended page tables",
    .p2m_format = &vmx_ept_format,
    .hypercall_insn = {0x0f, 0x01, 0xc1},
    .vcpu_init = vmx_vcpu_init,
    .vcpu_destroy = vmx_vcpu_destroy,
    .switch_from = vmx_switch_from,
    .switch_to = vmx_switch_to,
    .enter = vmx_enter,
    .redo = vmx_redo,
    .read = vmx_read,
    .get_state = vmx_get_state,
    .set_state = vmx_set_state,
    .inject = vmx_inject,
    .can_interrupt = vmx_can_interrupt,
    .can_nmi = vmx_can_nmi,
    .is_injecting = vmx_is_injecting,
    .want_window = vmx_want_window,
    .set_cr2 = set_cr2,
    .set_pat = set_pat,
    .set_efer = vmx_set_efer,
};

const struct hvm_ops *vmx_init(void)
{
    if (!cpu_features.vmx || !examine(&vmx_processor))
        return NULL;
    if (!make_msr_bitmap()) {
        log_warn("VT-x: not used: no memory\n");
        return NULL;
    }
    return enable_all() ? &vmx_ops : NULL;
}
