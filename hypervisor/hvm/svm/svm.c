#include "hvm/svm/svm.h"

#include "cpu/asm.h"
#include "cpu/features.h"
#include "cpu/msr.h"
#include "cpu/smp.h"
#include "cpu/traps.h"
#include "lib/log.h"
#include "lib/string.h"
#include "mm/alloc.h"
#include "mm/pte.h"

#define MSR_VM_CR       0xc0010114
#define MSR_VM_HSAVE_PA 0xc0010117
#define VM_CR_SVMDIS    0x10
#define EFER_SVME       0x1000
#define CPUID_SVM       0x8000000au
#define SVM_FEATURE_NP  0x1
#define SVM_FEATURE_RIP 0x8

#define IO_MAP_ORDER  2 // 12 KB of bits
#define MSR_MAP_ORDER 1

#define NPT_WATCHED 0x200 // available to software

struct svm_maps svm_maps;
unsigned svm_nr_asids;
bool svm_tells_next_rip;

// Nested page tables
// ------------------------------------------------------------------------
// They are the long-mode tables; every access counts as a user's (15.25.5).

static uint64_t npt_leaf(mfn_t mfn, bool large)
{
    return mfn << PAGE_SHIFT | PTE_P | PTE_RW | PTE_US | PTE_A | PTE_D | (large ? PTE_PSE : 0);
}

static uint64_t npt_table(mfn_t mfn)
{
    return mfn << PAGE_SHIFT | PTE_USER_TABLE;
}

static bool npt_is_present(uint64_t entry)
{
    return entry & PTE_P;
}

static bool npt_is_large(uint64_t entry)
{
    return entry & PTE_PSE;
}

static const struct p2m_format npt_format = {PTE_RW,    NPT_WATCHED,    npt_leaf,
                                             npt_table, npt_is_present, npt_is_large};

// Operations
// ------------------------------------------------------------------------

// What of the CPU's own state a guest's entry and exit do not keep: another vCPU may have changed
// it.
static void switch_to(struct hvm_vcpu *v)
{
    __asm__ volatile("vmsave %%rax" : : "a"(cpu_info()->host_state) : "memory");
}

static void switch_from(struct hvm_vcpu *v)
{
}

static void inject(struct hvm_vcpu *v, enum hvm_event_type type, uint8_t vector, int64_t error)
{
    uint64_t event = vector | (uint64_t)type << 8 | SVM_EVENT_VALID;

    if (error >= 0)
        event |= SVM_EVENT_ERROR | (uint64_t)error << 32;
    to_svm(v)->vmcb->event = event;
}

static bool can_interrupt(const struct hvm_vcpu *v)
{
    return (cpu_info()->regs.rflags & X86_EFLAGS_IF) && !(to_svm(v)->vmcb->interrupt_shadow & 1);
}

static bool is_injecting(const struct hvm_vcpu *v)
{
    return to_svm(v)->vmcb->event & SVM_EVENT_VALID;
}

// A virtual interrupt of the highest priority, which is never delivered: the exit comes first.
static void want_window(struct hvm_vcpu *v, bool want)
{
    struct vmcb *vmcb = to_svm(v)->vmcb;
    const uint64_t window = SVM_V_IRQ | SVM_V_IGN_TPR;

    if (want) {
        vmcb->virtual_interrupt |= window;
        vmcb->intercept_1 |= SVM_I1_VINTR;
    } else {
        vmcb->virtual_interrupt &= ~window;
        vmcb->intercept_1 &= ~SVM_I1_VINTR;
    }
}

static void set_cr2(struct hvm_vcpu *v, uint64_t address)
{
    to_svm(v)->vmcb->cr2 = address;
}

static void set_pat(struct hvm_vcpu *v, uint64_t pat)
{
    to_svm(v)->vmcb->pat = pat;
}

static void set_efer(struct hvm_vcpu *v, uint64_t efer)
{
    to_svm(v)->vmcb->efer = efer | EFER_SVME;
}

static const struct hvm_ops svm_ops = {
    .name = "AMD-V with nested paging",
    .p2m_format = &npt_format,
    .hypercall_insn = {0x0f, 0x01, 0xd9},
    .vcpu_init = svm_vcpu_init,
    .vcpu_destroy = svm_vcpu_destroy,
    .switch_from = switch_from,
    .switch_to = switch_to,
    .enter = svm_enter,
    .redo = svm_redo,
    .read = svm_read,
    .get_state = svm_get_state,
    .set_state = svm_set_state,
    .inject = inject,
    .can_interrupt = can_interrupt,
    .is_injecting = is_injecting,
    .want_window = want_window,
    .set_cr2 = set_cr2,
    .set_pat = set_pat,
    .set_efer = set_efer,
};

// Turning it on
// ------------------------------------------------------------------------

// Two bits an MSR, for reading and for writing, in three ranges of 0x2000 (15.11).
static void permit_msr(uint8_t *map, uint32_t msr)
{
    uint32_t base = msr < 0x2000 ? 0 : 0x2000;
    uint32_t bit = (base + (msr & 0x1fff)) * 2;

    map[bit / 8] &= (uint8_t) ~(3u << bit % 8);
}

static bool make_maps(void)
{
    uint8_t *io = pages_alloc(IO_MAP_ORDER), *msr = pages_alloc(MSR_MAP_ORDER);

    if (!io || !msr)
        return false;
    memset(io, 0xff, PAGE_SIZE << IO_MAP_ORDER);
    memset(msr, 0xff, PAGE_SIZE << MSR_MAP_ORDER);
    for (unsigned i = 0; i < HVM_GUESTS_OWN_MSRS; i++)
        permit_msr(msr, hvm_guests_own_msrs[i]);
    svm_maps.io_permissions = virt_to_maddr(io);
    svm_maps.msr_permissions = virt_to_maddr(msr);
    return true;
}

static void enable(void *areas)
{
    const maddr_t *area = (const maddr_t *)areas + this_cpu() * 2;

    wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_SVME);
    wrmsr(MSR_VM_HSAVE_PA, area[0]);
    cpu_info()->host_state = area[1];
}

// Two pages for each CPU: where VMRUN puts the host's state, and where VMSAVE does.
static bool enable_all(void)
{
    static maddr_t areas[MAX_CPUS * 2];

    for (unsigned i = 0; i < nr_cpus * 2; i++) {
        void *page = pages_alloc(0);

        if (!page)
            return false;
        areas[i] = virt_to_maddr(page);
    }
    smp_call(cpus_online, enable, areas);
    return true;
}

const struct hvm_ops *svm_init(void)
{
    struct cpuid_regs r;
    uint64_t vm_cr;

    if (!cpu_features.svm || cpuid(0x80000000).a < CPUID_SVM)
        return NULL;
    r = cpuid(CPUID_SVM);
    if (!rdmsr_safe(MSR_VM_CR, &vm_cr))
        vm_cr = 0;
    if (vm_cr & VM_CR_SVMDIS) {
        log_warn("AMD-V: turned off by the firmware\n");
        return NULL;
    }
    if (!(r.d & SVM_FEATURE_NP)) {
        log_warn("AMD-V: without nested paging it is not used\n");
        return NULL;
    }
    svm_nr_asids = r.b;
    svm_tells_next_rip = r.d & SVM_FEATURE_RIP;
    if (svm_nr_asids < 2 || !make_maps() || !enable_all()) {
        log_warn("AMD-V: no memory, or no address-space identifiers\n");
        return NULL;
    }
    return &svm_ops;
}
