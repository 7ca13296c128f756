// What this CPU must have back when a guest leaves it, and what of a guest the processor does not
// switch.
//
// The processor restores what the host area of the VMCS says. Page tables, CR4 and the GDT are
// those of whatever PV vCPU's state lies under the hypervisor, and may change while it works, so
// they are looked at before each entry. What only PV guests need, segment registers and the MSRs of
// SYSCALL, is put back when the vCPU leaves the CPU.
#include "cpu/asm.h"
#include "cpu/desc.h"
#include "cpu/msr.h"
#include "hvm/vmx/vmx.h"

#define CR0_TS 0x8ull

static const uint32_t switched[VMX_MSRS] = {
    [VMX_MSR_STAR] = MSR_STAR,   [VMX_MSR_LSTAR] = MSR_LSTAR,       [VMX_MSR_CSTAR] = MSR_CSTAR,
    [VMX_MSR_FMASK] = MSR_FMASK, [VMX_MSR_GS] = MSR_KERNEL_GS_BASE,
};

static struct {
    uint64_t msrs[VMX_MSRS]; // the hypervisor's own
    struct vmx_vcpu *loaded; // whose VMCS this is
} host[MAX_CPUS];

static void load(struct vmx_vcpu *x)
{
    BUG_ON(!vmptrld(virt_to_maddr(x->vmcs)));
    host[this_cpu()].loaded = x;
    x->launched = false;
}

static void unload(struct vmx_vcpu *x)
{
    BUG_ON(!vmclear(virt_to_maddr(x->vmcs)));
    host[this_cpu()].loaded = NULL;
}

bool vmx_borrow(const struct hvm_vcpu *v)
{
    struct vmx_vcpu *own = host[this_cpu()].loaded;

    if (own == to_vmx(v))
        return false;
    if (own)
        unload(own);
    load(to_vmx(v));
    return true;
}

void vmx_give_back(const struct hvm_vcpu *v, bool borrowed)
{
    struct vcpu *own = current;

    if (!borrowed)
        return;
    unload(to_vmx(v));
    if (!is_idle(own) && own->domain->ops->kind == GUEST_HVM)
        load(to_vmx(to_hvm(own)));
}

void vmx_host_cpu_init(void)
{
    for (unsigned i = 0; i < VMX_MSRS; i++)
        host[this_cpu()].msrs[i] = rdmsr(switched[i]);
}

// Host fields that are the CPU's. Those that are not written here are zero in a fresh VMCS: FS and
// GS with their bases, DS, ES, and SYSENTER, which PV guests do not get to use.
static void write_host_cpu(struct vmx_vcpu *x)
{
    struct {
        uint16_t limit;
        uint64_t base;
    } __attribute__((packed)) idtr;

    __asm__ volatile("sidt %0" : "=m"(idtr));
    vmwrite(VMCS_HOST_CR0, read_cr0() & ~CR0_TS);
    vmwrite(VMCS_HOST_EFER, rdmsr(MSR_EFER));
    vmwrite(VMCS_HOST_CS, HV_CS);
    vmwrite(VMCS_HOST_SS, HV_DS);
    vmwrite(VMCS_HOST_TR, HV_TSS);
    vmwrite(VMCS_HOST_TR_BASE, desc_tss());
    vmwrite(VMCS_HOST_IDTR_BASE, idtr.base);
    vmwrite(VMCS_HOST_RSP, (uint64_t)&cpu_info()->regs.error_code);
    vmwrite(VMCS_HOST_RIP, (uint64_t)vmx_exit_entry);
    x->host_cr3 = x->host_cr4 = x->host_gdt = 0; // to be written
}

static void refresh(unsigned field, uint64_t *written, uint64_t value)
{
    if (unlikely(*written != value)) {
        vmwrite(field, value);
        *written = value;
    }
}

void vmx_host_refresh(struct vmx_vcpu *x)
{
    refresh(VMCS_HOST_CR3, &x->host_cr3, read_cr3());
    refresh(VMCS_HOST_CR4, &x->host_cr4, read_cr4());
    refresh(VMCS_HOST_GDTR_BASE, &x->host_gdt, desc_gdt());
}

// A value that the tools have set and no processor takes is left out.
void vmx_switch_to(struct hvm_vcpu *v)
{
    struct vmx_vcpu *x = to_vmx(v);

    load(x);
    write_host_cpu(x);
    for (unsigned i = 0; i < VMX_MSRS; i++)
        wrmsr_safe(switched[i], x->msrs[i]);
    write_dr6(x->dr6);
    cpu_info()->segments_lost = true;
}

void vmx_switch_from(struct hvm_vcpu *v)
{
    struct vmx_vcpu *x = to_vmx(v);

    x->dr6 = read_dr6();
    for (unsigned i = 0; i < VMX_MSRS; i++) {
        x->msrs[i] = rdmsr(switched[i]);
        wrmsr(switched[i], host[this_cpu()].msrs[i]);
    }
    unload(x);
    desc_reload();
}
