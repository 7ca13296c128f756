// Control registers (25.1.3, 26.3.1.1). Bits that change nothing for anybody but the guest are its
// own; for the others it sees a shadow, and a write that would change that leaves the guest.
//
// The processor switches between modes itself, but paging (CR0.PG): with it comes and goes long
// mode, which EFER and the entry controls must agree upon, and PAE's four top entries are loaded.
#include "cpu/features.h"
#include "hvm/vmx/vmx.h"
#include "lib/string.h"
#include "mm/frame.h"
#include "mm/pte.h"

#define CR0_PE 0x00000001ull
#define CR0_MP 0x00000002ull
#define CR0_EM 0x00000004ull
#define CR0_TS 0x00000008ull
#define CR0_ET 0x00000010ull
#define CR0_NE 0x00000020ull
#define CR0_WP 0x00010000ull
#define CR0_AM 0x00040000ull
#define CR0_NW 0x20000000ull
#define CR0_CD 0x40000000ull
#define CR0_PG 0x80000000ull

// The guest's cache control has no effect: its memory is write-back.
#define CR0_GUESTS (CR0_PE | CR0_MP | CR0_EM | CR0_TS | CR0_WP | CR0_AM)
#define CR0_KNOWN  (CR0_GUESTS | CR0_ET | CR0_NE | CR0_NW | CR0_CD | CR0_PG)

#define CR4_PCE  0x000100ull
#define CR4_VMXE 0x002000ull
// What guests may set; machine checks stay enabled whatever they say, or they would end the
// machine.
#define CR4_KNOWN                                                                             \
    (CR4_VME | CR4_PVI | CR4_TSD | CR4_DE | CR4_PSE | CR4_PAE | CR4_MCE | CR4_PGE | CR4_PCE | \
     CR4_OSFXSR | CR4_OSXMMEXCPT | CR4_UMIP | CR4_FSGSBASE | CR4_OSXSAVE | CR4_SMEP | CR4_SMAP)
#define CR4_GUESTS (CR4_KNOWN & ~(uint64_t)CR4_MCE)
#define CR4_OURS   (CR4_VMXE | CR4_MCE)

#define EFER_LME 0x100ull
#define EFER_LMA 0x400ull

uint64_t vmx_cr0(const struct vmx_vcpu *x)
{
    return (vmread(VMCS_GUEST_CR0) & CR0_GUESTS) | (x->cr0_shadow & ~CR0_GUESTS);
}

uint64_t vmx_cr4(const struct vmx_vcpu *x)
{
    return (vmread(VMCS_GUEST_CR4) & CR4_GUESTS) | (x->cr4_shadow & ~CR4_GUESTS);
}

static void put_cr0(struct vmx_vcpu *x, uint64_t value)
{
    x->cr0_shadow = value;
    vmwrite(VMCS_CR0_SHADOW, value);
    vmwrite(VMCS_GUEST_CR0, (value & ~(CR0_CD | CR0_NW)) | CR0_NE | CR0_ET);
}

static void put_cr4(struct vmx_vcpu *x, uint64_t value)
{
    x->cr4_shadow = value;
    vmwrite(VMCS_CR4_SHADOW, value);
    vmwrite(VMCS_GUEST_CR4, value | CR4_OURS);
}

static void put_efer(struct vmx_vcpu *x, uint64_t efer)
{
    uint32_t controls = x->entry_controls & ~ENTRY_LONG_MODE;

    if (efer & EFER_LMA)
        controls |= ENTRY_LONG_MODE;
    vmwrite(VMCS_GUEST_EFER, efer);
    if (controls != x->entry_controls) {
        x->entry_controls = controls;
        vmwrite(VMCS_ENTRY_CONTROLS, controls);
    }
}

void vmx_set_efer(struct hvm_vcpu *v, uint64_t efer)
{
    put_efer(to_vmx(v), efer);
}

// Of PAE paging, which begins: false if CR3 points at no memory, or at what no processor would
// load.
static bool load_pdptes(struct hvm_vcpu *v)
{
    uint64_t cr3 = vmread(VMCS_GUEST_CR3), entries[4];
    struct frame *f;

    if (hvm_gfn_to_frame(v->v.domain, (uint32_t)cr3 >> PAGE_SHIFT, &f))
        return false;
    memcpy(entries, (char *)mfn_to_virt(frame_to_mfn(f)) + (cr3 & 0xfe0), sizeof(entries));
    frame_put(f);
    for (unsigned i = 0; i < 4; i++)
        if ((entries[i] & PTE_P) && (entries[i] & 0x1e6))
            return false;
    for (unsigned i = 0; i < 4; i++)
        vmwrite(VMCS_GUEST_PDPTE + 2 * i, entries[i]);
    return true;
}

void vmx_load_control(struct hvm_vcpu *v, uint64_t cr0, uint64_t cr4, uint64_t efer)
{
    struct vmx_vcpu *x = to_vmx(v);

    vmwrite(VMCS_CR0_MASK, ~CR0_GUESTS);
    vmwrite(VMCS_CR4_MASK, ~CR4_GUESTS);
    put_cr0(x, cr0 | CR0_ET);
    put_cr4(x, cr4);
    put_efer(x, efer);
    if ((cr0 & CR0_PG) && (cr4 & CR4_PAE) && !(efer & EFER_LMA))
        load_pdptes(v);
}

static bool is_64bit_code(void)
{
    return vmread(VMCS_GUEST_ATTRIBUTES + 2 * VMX_CS) & VMX_AR_L;
}

static bool is_16bit_task(void)
{
    return VMX_AR_TYPE(vmread(VMCS_GUEST_ATTRIBUTES + 2 * VMX_TR)) == VMX_AR_TSS16_BUSY;
}

// Paging begins or ends (4.1.2, 9.8.5). What was cached of the guest's tables goes.
static bool switch_paging(struct hvm_vcpu *v, bool on)
{
    struct vmx_vcpu *x = to_vmx(v);
    uint64_t efer = vmread(VMCS_GUEST_EFER), cr4 = vmx_cr4(x);

    if (!on && (efer & EFER_LMA) && is_64bit_code())
        return false;
    if (on && (efer & EFER_LME) && (!(cr4 & CR4_PAE) || is_64bit_code() || is_16bit_task()))
        return false;
    if (on && !(efer & EFER_LME) && (cr4 & CR4_PAE) && !load_pdptes(v))
        return false;
    put_efer(x, on && (efer & EFER_LME) ? efer | EFER_LMA : efer & ~EFER_LMA);
    x->tag.cpu = -1;
    return true;
}

bool vmx_write_cr0(struct hvm_vcpu *v, uint64_t value)
{
    struct vmx_vcpu *x = to_vmx(v);
    uint64_t old = vmx_cr0(x);

    if (value >> 32 || (!(value & CR0_PE) && (value & CR0_PG)) ||
        (!(value & CR0_CD) && (value & CR0_NW)))
        return false;
    if (((value ^ old) & CR0_PG) && !switch_paging(v, value & CR0_PG))
        return false;
    put_cr0(x, (value & CR0_KNOWN) | CR0_ET);
    return true;
}

bool vmx_write_cr4(struct hvm_vcpu *v, uint64_t value)
{
    struct vmx_vcpu *x = to_vmx(v);
    uint64_t efer = vmread(VMCS_GUEST_EFER), old = vmx_cr4(x);
    bool paging = vmx_cr0(x) & CR0_PG;

    if (value & ~(CR4_KNOWN & vmx_processor.cr4_may))
        return false;
    if ((efer & EFER_LMA) && !(value & CR4_PAE))
        return false;
    if (paging && !(efer & EFER_LMA) && (value & CR4_PAE) && !load_pdptes(v))
        return false;
    put_cr4(x, value);
    if ((old ^ value) & ~(uint64_t)CR4_MCE)
        x->tag.cpu = -1;
    return true;
}
