// Why a guest's turn ended, and what follows.
//
// Where the processor does not say where the next instruction is, this one is looked at: the
// guest's bytes must be the instruction that the exit is about, or it is tried again.
#include "core/insn.h"
#include "core/timer.h"
#include "cpu/smp.h"
#include "cpu/traps.h"
#include "hvm/svm/svm.h"
#include "lib/log.h"

#define NPF_WRITE      0x2
#define NPF_TABLE_WALK (1ull << 33) // the address is of an entry of the guest's page tables

static void get_registers(const struct vmcb *vmcb, struct cpu_user_regs *regs)
{
    regs->rax = vmcb->rax;
    regs->rip = vmcb->rip;
    regs->rsp = vmcb->rsp;
    regs->rflags = vmcb->rflags;
}

static void put_registers(struct vmcb *vmcb, const struct cpu_user_regs *regs)
{
    vmcb->rax = regs->rax;
    vmcb->rip = regs->rip;
    vmcb->rsp = regs->rsp;
    vmcb->rflags = regs->rflags;
}

static void tag_tlb(struct hvm_vcpu *v)
{
    struct svm_vcpu *s = to_svm(v);
    bool anew = tlb_tag_take(v, &s->tag, svm_nr_asids) == TLB_TAG_BEGUN_ANEW;

    s->vmcb->asid = s->tag.tag;
    s->vmcb->tlb_control = anew ? SVM_TLB_FLUSH_ALL : SVM_TLB_KEEP;
}

maddr_t svm_prepare(struct cpu_user_regs *regs)
{
    struct hvm_vcpu *v = to_hvm(current);
    struct vmcb *vmcb = to_svm(v)->vmcb;

    hvm_prepare(v);
    tag_tlb(v);
    vmcb->virtual_interrupt = (vmcb->virtual_interrupt & ~SVM_V_TPR) | lapic_get_cr8(v);
    put_registers(vmcb, regs);
    return virt_to_maddr(vmcb);
}

static bool is_prefix(uint8_t b, bool mode64)
{
    return b == 0x66 || b == 0x67 || b == 0xf2 || b == 0xf3 || b == 0xf0 || b == 0x2e ||
           b == 0x36 || b == 0x3e || b == 0x26 || b == 0x64 || b == 0x65 ||
           (mode64 && (b & 0xf0) == 0x40);
}

// The length of the instruction at RIP; where it has to be looked at, 0 if it is not one of
// `opcode` (n bytes).
static unsigned instruction(struct hvm_vcpu *v, const struct cpu_user_regs *regs, uint32_t opcode,
                            unsigned n)
{
    uint64_t told = to_svm(v)->vmcb->next_rip - regs->rip;
    bool mode64 = svm_read(v, HVM_CS_L);
    unsigned at = 0, have;
    uint8_t code[INSN_MAX];

    if (svm_tells_next_rip && told - 1 < INSN_MAX)
        return (unsigned)told;
    have = hvm_fetch(v, regs, code, sizeof(code));
    while (at < have && is_prefix(code[at], mode64))
        at++;
    if (have - at < n)
        return 0;
    for (unsigned i = 0; i < n; i++)
        if (code[at + i] != (uint8_t)(opcode >> i * 8))
            return 0;
    return at + n;
}

static void exit_msr(struct hvm_vcpu *v, struct cpu_user_regs *regs, bool write)
{
    unsigned length = instruction(v, regs, write ? 0x300f : 0x320f, 2);

    if (length)
        hvm_exit_msr(v, regs, write, length);
}

static void exit_io(struct hvm_vcpu *v, struct cpu_user_regs *regs, const struct vmcb *vmcb)
{
    uint64_t info = vmcb->exit_info_1;
    const struct hvm_io io = {
        .port = SVM_IO_PORT(info),
        .bytes = SVM_IO_SIZE(info),
        .in = info & SVM_IO_IN,
        .string = info & SVM_IO_STRING,
        .next_rip = vmcb->exit_info_2,
    };

    hvm_exit_io(v, regs, &io);
}

// WBINVD or INVD, which QEMU's software emulation does not tell apart. Caches need no flushing: the
// guest has no device that would not see them.
static void exit_cache(struct hvm_vcpu *v, struct cpu_user_regs *regs)
{
    regs->rip += instruction(v, regs, 0x090f, 2) ?: instruction(v, regs, 0x080f, 2);
}

static void exit_nested_fault(struct hvm_vcpu *v, struct cpu_user_regs *regs,
                              const struct vmcb *vmcb)
{
    const struct hvm_memory_exit e = {
        .address = vmcb->exit_info_2,
        .event = vmcb->event & SVM_EVENT_VALID ? (uint32_t)vmcb->event : 0,
        .write = vmcb->exit_info_1 & NPF_WRITE,
        .of_tables = vmcb->exit_info_1 & NPF_TABLE_WALK,
    };

    hvm_exit_memory(v, regs, &e);
}

static void exit_task_switch(struct hvm_vcpu *v)
{
    domain_crash(v->v.domain, "a hardware task switch, which is not emulated");
}

static void unexpected(struct hvm_vcpu *v, const struct vmcb *vmcb)
{
    if ((uint32_t)vmcb->exit_code == (uint32_t)SVM_EXIT_INVALID) // of which emulators write half
        domain_crash(
            v->v.domain,
            "the processor refuses its state: CR0 %#lx CR3 %#lx CR4 %#lx EFER %#lx CS %#x %#x "
            "event %#lx",
            vmcb->cr0, vmcb->cr3, vmcb->cr4, vmcb->efer, vmcb->cs.selector, vmcb->cs.attributes,
            vmcb->event);
    else
        domain_crash(v->v.domain, "unexpected exit %#lx (%#lx, %#lx)", vmcb->exit_code,
                     vmcb->exit_info_1, vmcb->exit_info_2);
}

static void dispatch(struct hvm_vcpu *v, struct cpu_user_regs *regs, struct vmcb *vmcb)
{
    unsigned length;

    switch (vmcb->exit_code) {
    case SVM_EXIT_INTR:
    case SVM_EXIT_NMI:
    case SVM_EXIT_SMI:
    case SVM_EXIT_INIT:
        interrupt_window(); // it is still pending, and the machine's
        break;
    case SVM_EXIT_VINTR: // the guest can take what waits: hvm_prepare() gives it
        timer_poll();
        break;
    case SVM_EXIT_CPUID:
        if ((length = instruction(v, regs, 0xa20f, 2)))
            hvm_exit_cpuid(v, regs, length);
        break;
    case SVM_EXIT_HLT:
        if ((length = instruction(v, regs, 0xf4, 1)))
            hvm_exit_halt(v, regs, length);
        break;
    case SVM_EXIT_IOIO:
        exit_io(v, regs, vmcb);
        break;
    case SVM_EXIT_MSR:
        exit_msr(v, regs, vmcb->exit_info_1);
        break;
    case SVM_EXIT_VMMCALL:
        if ((length = instruction(v, regs, 0xd9010f, 3)))
            hvm_exit_hypercall(v, regs, length);
        break;
    case SVM_EXIT_XSETBV:
        if ((length = instruction(v, regs, 0xd1010f, 3)))
            hvm_exit_xsetbv(v, regs, length);
        break;
    case SVM_EXIT_NPF:
        exit_nested_fault(v, regs, vmcb);
        break;
    case SVM_EXIT_WBINVD:
    case SVM_EXIT_INVD:
        exit_cache(v, regs);
        break;
    case SVM_EXIT_RDPMC:
        hvm_fault(v, TRAP_GP, 0);
        break;
    case SVM_EXIT_VMRUN:
    case SVM_EXIT_VMMCALL + 1 ... SVM_EXIT_SKINIT:
    case SVM_EXIT_INVLPGA:
    case SVM_EXIT_MONITOR:
    case SVM_EXIT_MWAIT:
        hvm_fault(v, TRAP_UD, -1);
        break;
    case SVM_EXIT_TASK:
        exit_task_switch(v);
        break;
    case SVM_EXIT_SHUTDOWN:
        hvm_exit_triple_fault(v);
        break;
    default:
        unexpected(v, vmcb);
    }
}

// The control block is as the processor left it.
void svm_redo(struct hvm_vcpu *v)
{
    dispatch(v, &cpu_info()->regs, to_svm(v)->vmcb);
}

void svm_exit(struct cpu_user_regs *regs)
{
    struct hvm_vcpu *v = to_hvm(current);
    struct vmcb *vmcb = to_svm(v)->vmcb;

    get_registers(vmcb, regs);
    lapic_set_cr8(v, (uint8_t)(vmcb->virtual_interrupt & SVM_V_TPR));
    vmcb->event = 0;
    // What was being delivered goes in again, but for INT n: that instruction is executed again.
    if ((vmcb->exit_interrupted & SVM_EVENT_VALID) &&
        SVM_EVENT_TYPE(vmcb->exit_interrupted) != SVM_EVENT_SOFTWARE)
        vmcb->event = vmcb->exit_interrupted;
    dispatch(v, regs, vmcb);
}
