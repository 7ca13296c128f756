// A port access passes two gates: the guest kernel's for its user programs (IOPL, bitmap), and the
// domain's own permissions (io_ports). What the first refuses is #GP; ports outside the latter read
// as all ones and swallow writes, so that a kernel that probes finds nothing. PCI's configuration
// address register is kept per domain, since an access to it and the data register that follows
// belong together; behind it only the privileged domain finds devices.
#include "pv/io.h"

#include "core/alu.h"
#include "core/rangeset.h"
#include "cpu/asm.h"
#include "cpu/traps.h"
#include "mm/guest.h"
#include "platform/pci.h"
#include "pv/cpu.h"

// The guest kernel's memory, which its user's page tables need not map.
static int copy_from_guest_kernel(struct pv_vcpu *v, void *dst, uint64_t src, size_t len)
{
    int rc;

    if (!v->kernel_mode)
        write_cr3(cpu_info()->kernel_cr3);
    rc = copy_from_guest(dst, src, len);
    if (!v->kernel_mode)
        write_cr3(cpu_info()->user_cr3);
    return rc;
}

// May this code, kernel or user, touch these ports as far as the guest's kernel is concerned?
static bool guest_allows(struct pv_vcpu *v, uint16_t port, unsigned bytes)
{
    uint8_t bits[2];

    if (pv_iopl_allows(v))
        return true;
    if (!v->io_bitmap || (unsigned)port + bytes > v->io_bitmap_ports)
        return false;
    if (copy_from_guest_kernel(v, bits, v->io_bitmap + port / 8, port / 8 == 8191 ? 1 : 2))
        return false;
    return !((bits[0] | bits[1] << 8) >> (port % 8) & ((1u << bytes) - 1));
}

static bool is_pci_data(const struct domain *d, uint16_t port)
{
    return (port & 0xfffc) == 0xcfc && d->privileged;
}

static uint32_t port_in(struct domain *d, uint16_t port, unsigned bytes)
{
    if (port == 0xcf8 && bytes == 4)
        return d->pci_address;
    if (is_pci_data(d, port))
        return pci_port_read(d->pci_address, port & 3, bytes);
    if (!rangeset_contains(d->io_ports, port, port + bytes - 1u))
        return 0xffffffffu >> (32 - bytes * 8);
    return bytes == 1 ? inb(port) : bytes == 2 ? inw(port) : inl(port);
}

static void port_out(struct domain *d, uint16_t port, unsigned bytes, uint32_t value)
{
    if (port == 0xcf8 && bytes == 4) {
        d->pci_address = value;
    } else if (is_pci_data(d, port)) {
        pci_port_write(d->pci_address, port & 3, bytes, value);
    } else if (rangeset_contains(d->io_ports, port, port + bytes - 1u)) {
        if (bytes == 1)
            outb(port, (uint8_t)value);
        else if (bytes == 2)
            outw(port, (uint16_t)value);
        else
            outl(port, value);
    }
}

static unsigned operand_bytes(const struct insn *i)
{
    return !(i->opcode & 1) ? 1 : i->operand16 ? 2 : 4;
}

bool pv_io(struct pv_vcpu *v, struct insn *i, struct cpu_user_regs *regs)
{
    struct domain *d = v->v.domain;
    unsigned bytes = operand_bytes(i);
    uint16_t port = i->opcode >= 0xec ? (uint16_t)regs->rdx : (uint8_t)i->immediate;
    uint64_t mask = 0xffffffffu >> (32 - bytes * 8);

    if (!guest_allows(v, port, bytes))
        return false;
    if (i->opcode & 2) {
        port_out(d, port, bytes, (uint32_t)(regs->rax & mask));
    } else if (bytes == 4) {
        regs->rax = port_in(d, port, bytes);
    } else {
        regs->rax = (regs->rax & ~mask) | (port_in(d, port, bytes) & mask);
    }
    return true;
}

// One repetition. A fault has been injected when its memory cannot be reached.
enum step { STEP_DONE, STEP_FAULT };

static enum step string_step(struct domain *d, struct insn *i, struct cpu_user_regs *regs,
                             unsigned bytes)
{
    uint64_t *pointer = i->opcode & 2 ? &regs->rsi : &regs->rdi;
    uint64_t address = *pointer & alu_mask(i->address_bytes);
    uint32_t value = 0;

    if (i->opcode & 2) {
        if (copy_from_guest(&value, address, bytes)) {
            pv_inject_page_fault(regs, address, 0);
            return STEP_FAULT;
        }
        port_out(d, (uint16_t)regs->rdx, bytes, value);
    } else {
        value = port_in(d, (uint16_t)regs->rdx, bytes);
        if (copy_to_guest(address, &value, bytes)) {
            pv_inject_page_fault(regs, address, PFEC_WRITE);
            return STEP_FAULT;
        }
    }
    *pointer += regs->rflags & X86_EFLAGS_DF ? -(uint64_t)bytes : bytes;
    return STEP_DONE;
}

// A bounded number of repetitions; the guest executes the instruction again for the rest.
bool pv_io_string(struct pv_vcpu *v, struct insn *i, struct cpu_user_regs *regs)
{
    unsigned bytes = operand_bytes(i);

    if (!guest_allows(v, (uint16_t)regs->rdx, bytes))
        return false;
    if (!i->rep) {
        i->again = string_step(v->v.domain, i, regs, bytes) == STEP_FAULT;
        return true;
    }
    for (unsigned n = 0; n < 256 && regs->rcx; n++, regs->rcx--)
        if (string_step(v->v.domain, i, regs, bytes) == STEP_FAULT)
            break;
    i->again = regs->rcx != 0;
    return true;
}

int pv_set_iopl(struct vcpu *vcpu, unsigned iopl)
{
    to_pv(vcpu)->iopl = iopl;
    return 0;
}

int pv_set_io_bitmap(struct vcpu *vcpu, uint64_t bitmap, unsigned nr_ports)
{
    to_pv(vcpu)->io_bitmap = bitmap;
    to_pv(vcpu)->io_bitmap_ports = nr_ports;
    return 0;
}
