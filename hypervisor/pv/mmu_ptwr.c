// Page faults that are the PV MMU's business: writes of the guest's kernel to its own L1 tables,
// which it has mapped read-only (VMASST_TYPE_writable_pagetables).
//
// Linux does this for every entry that it clears, ages or write-protects one at a time, fork's
// write-protection of the parent first of all, so this way is kept short. The instruction is
// decoded just far enough to know what it does to its memory operand; where that lies the fault
// address says. What is stored goes through l1e_exchange() like any other new entry, so nothing
// depends on the guest's code being what it was when it faulted.
#include "core/vm_assist.h"
#include "cpu/traps.h"
#include "lib/bytes.h"
#include "mm/direct_read.h"
#include "mm/guest.h"
#include "pv/cpu.h"
#include "pv/desc.h"
#include "pv/mmu.h"
#include "pv/pt.h"
#include "pv/ptwr_insn.h"

// Does the instruction to the entry: l1e_exchange's results.
static int write_entry(struct ptwr_insn *i, uint64_t addr, uint64_t *p, const struct pt_view *view)
{
    unsigned shift = (unsigned)(addr & 7) * 8;
    uint64_t mask = i->size == 8 ? ~0ull : (1ull << i->size * 8) - 1;
    int rc;

    do {
        uint64_t old = READ_ONCE(*p);
        uint64_t operand = old >> shift & mask, result;

        if (!ptwr_compute(i, operand, &result))
            return 0; // nothing to store
        result = (old & ~(mask << shift)) | (result & mask) << shift;
        rc = l1e_exchange(p, old, result, view);
    } while (rc == -EAGAIN);
    return rc;
}

// The three forms that make up nearly all such writes of Linux, straight from the instruction's
// bytes: XCHG and MOV of a 64-bit register, which take an entry away or set it, and LOCK AND of a
// byte, which write-protects.

// Bytes of ModRM, SIB and displacement; `code` starts at the ModRM of a memory operand.
static inline unsigned modrm_length(uint64_t code)
{
    unsigned mod = code >> 6 & 3, rm = code & 7, length = rm == 4 ? 2 : 1;

    if (mod)
        return length + (mod == 1 ? 1 : 4);
    return rm == 5 || (rm == 4 && (code >> 8 & 7) == 5) ? length + 4 : length;
}

static int quick_store(struct cpu_user_regs *regs, const uint8_t *code, uint64_t *p,
                       const struct pt_view *view)
{
    uint64_t *reg = insn_reg(regs, (code[2] >> 3 & 7) | (code[0] & 4) << 1);
    uint64_t old;
    int rc;

    do {
        old = READ_ONCE(*p);
        rc = l1e_exchange(p, old, *reg, view);
    } while (unlikely(rc == -EAGAIN));
    if (likely(!rc)) {
        if (code[1] == 0x87)
            *reg = old;
        regs->rip += 2 + modrm_length(load_le64(&code[2]));
    }
    return rc;
}

// modrm: where its ModRM is in the code.
static int quick_and(struct cpu_user_regs *regs, const uint8_t *code, unsigned modrm, uint64_t addr,
                     uint64_t *p, const struct pt_view *view)
{
    unsigned shift = (unsigned)(addr & 7) * 8;
    unsigned immediate = modrm + modrm_length(load_le64(&code[modrm]));
    uint64_t cleared = (uint64_t)(uint8_t)~code[immediate] << shift;
    uint64_t old;
    int rc;

    do {
        old = READ_ONCE(*p);
        rc = l1e_exchange(p, old, old & ~cleared, view);
    } while (unlikely(rc == -EAGAIN));
    if (likely(!rc)) {
        regs->rflags = alu_logic_flags(regs->rflags, (uint8_t)((old & ~cleared) >> shift), 1);
        regs->rip += immediate + 1;
    }
    return rc;
}

static bool memory_operand(uint8_t modrm)
{
    return modrm < 0xc0;
}

// With the table locked; 1 if the instruction is none of those.
static inline int quick(struct cpu_user_regs *regs, const uint8_t *code, uint64_t addr, uint64_t *p,
                        const struct pt_view *view)
{
    unsigned op;

    if ((code[0] & 0xf8) == 0x48 && (code[1] == 0x87 || code[1] == 0x89) && !(addr & 7) &&
        memory_operand(code[2]))
        return quick_store(regs, code, p, view);
    op = (code[1] & 0xf0) == 0x40 ? 2 : 1; // behind LOCK and REX
    if (code[0] == 0xf0 && code[op] == 0x80 && (code[op + 1] & 0x38) == 0x20 &&
        memory_operand(code[op + 1]))
        return quick_and(regs, code, op + 1, addr, p, view);
    return 1;
}

// All others. False: not emulated, or refused.
static bool emulate(struct cpu_user_regs *regs, uint64_t addr, struct frame *f, uint64_t *p,
                    const struct pt_view *view)
{
    struct ptwr_insn i;
    int rc;

    if (!ptwr_decode(&i, regs) || (addr & (i.size - 1)) || !l1_lock(f, view->id))
        return false;
    rc = write_entry(&i, addr, p, view);
    frame_unlock(f);
    if (!rc)
        ptwr_commit(&i, regs);
    return !rc;
}

static bool write_table(struct cpu_user_regs *regs, uint64_t addr, struct frame *f,
                        const struct pt_view *view)
{
    uint64_t *p = &table_of_frame(f)[PT_INDEX(addr, 3)];
    uint64_t code[2];
    int rc;

    // The longest of the quick ones is shorter than sixteen bytes by far.
    if (unlikely(regs->rip % PAGE_SIZE > PAGE_SIZE - sizeof(code)) ||
        copy_pair_from_guest(code, regs->rip))
        return emulate(regs, addr, f, p, view);
    if (!l1_lock(f, view->id))
        return false;
    rc = quick(regs, (const uint8_t *)code, addr, p, view);
    frame_unlock(f);
    return rc == 1 ? emulate(regs, addr, f, p, view) : !rc;
}

static bool table_write(struct cpu_user_regs *regs, uint64_t addr)
{
    struct domain *d = current->domain;
    struct frame *table;
    uint64_t *p, e;

    if (!pv_address_ok(addr))
        return false;
    p = pt_walk(addr, &table);
    if (!p)
        return false;
    e = direct_read(p);
    if ((e & (PTE_P | PTE_RW)) != PTE_P || PTE_TO_MFN(e) >= max_mfn)
        return false;
    return write_table(regs, addr, mfn_to_frame(PTE_TO_MFN(e)), &to_pvd(d)->self);
}

// Loading a selector whose descriptor is not mapped.
static bool descriptor_fault(struct cpu_user_regs *regs, uint64_t addr)
{
    struct pv_vcpu *v = to_pv(current);
    uint64_t offset = addr - PERDOMAIN_LDT(v->v.id);

    if (pv_desc_fault(addr))
        return true;
    if (offset < (uint64_t)v->ldt_entries * 8) // as if the processor had looked at the guest's own
        pv_inject_page_fault(regs, v->ldt_base + offset, regs->error_code);
    else
        pv_inject(regs, TRAP_GP, (uint32_t)(addr & (PERDOMAIN_VCPU_PAGES / 2 * PAGE_SIZE - 8)));
    return true;
}

bool pv_mmu_fault(struct cpu_user_regs *regs, uint64_t addr)
{
    const uint32_t wanted = PFEC_PRESENT | PFEC_WRITE | PFEC_USER;

    if ((regs->error_code & (wanted | PFEC_RSVD)) == wanted && to_pv(current)->kernel_mode)
        return table_write(regs, addr);
    if (unlikely(!(regs->error_code & PFEC_USER) && addr >= PERDOMAIN_START &&
                 addr < PERDOMAIN_START + PML4_SLOT_SIZE))
        return descriptor_fault(regs, addr);
    return false;
}
