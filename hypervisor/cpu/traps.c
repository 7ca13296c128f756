#include "cpu/traps.h"

#include "cpu/asm.h"
#include "cpu/desc.h"
#include "cpu/irq.h"
#include "cpu/percpu.h"
#include "lib/bug.h"
#include "lib/log.h"
#include "lib/symbols.h"

struct idt_entry {
    uint16_t offset_low;
    uint16_t selector;
    uint8_t ist;
    uint8_t type;
    uint16_t offset_mid;
    uint32_t offset_high;
    uint32_t reserved;
};
_Static_assert(sizeof(struct idt_entry) == 16, "SDM vol. 3, figure 6-8");

struct extable_entry {
    int32_t from, end, to; // each relative to its own place
};

extern const char trap_stubs[256][16];
extern const struct extable_entry ex_table_start[], ex_table_end[];
void hypervisor_trap(struct cpu_user_regs *regs);

static struct idt_entry idt[256] __attribute__((aligned(4096)));
void (*nmi_handler)(struct cpu_user_regs *regs);
bool (*hypervisor_page_fault)(uint64_t addr, uint32_t error);

static void idt_set(unsigned vector, unsigned ist, unsigned dpl)
{
    uint64_t addr = (uint64_t)trap_stubs[vector];

    idt[vector] = (struct idt_entry){
        .offset_low = (uint16_t)addr,
        .offset_mid = (uint16_t)(addr >> 16),
        .offset_high = (uint32_t)(addr >> 32),
        .selector = HV_CS,
        .ist = (uint8_t)ist,
        .type = (uint8_t)(0x8e | dpl << 5), // present, 64-bit interrupt gate
    };
}

void traps_init(void)
{
    for (unsigned v = 0; v < 256; v++)
        idt_set(v, 0, v == TRAP_BP || v == TRAP_OF ? 3 : 0);
    idt_set(TRAP_DF, IST_DF, 0);
    idt_set(TRAP_NMI, IST_NMI, 0);
    idt_set(TRAP_MC, IST_MCE, 0);
    idt_set(TRAP_DB, IST_DB, 0);
}

void traps_cpu_init(void)
{
    struct {
        uint16_t limit;
        uint64_t base;
    } __attribute__((packed)) idtr = {sizeof(idt) - 1, (uint64_t)idt};

    __asm__ volatile("lidt %0" : : "m"(idtr));
}

static uint64_t extable_address(const int32_t *field)
{
    return (uint64_t)field + (uint64_t)(int64_t)*field;
}

static bool extable_fixup(struct cpu_user_regs *regs)
{
    for (const struct extable_entry *e = ex_table_start; e < ex_table_end; e++)
        if (regs->rip >= extable_address(&e->from) && regs->rip < extable_address(&e->end)) {
            regs->rip = extable_address(&e->to);
            return true;
        }
    return false;
}

static const char *trap_name(unsigned vector)
{
    static const char names[][4] = {"#DE", "#DB", "NMI", "#BP", "#OF", "#BR", "#UD",
                                    "#NM", "#DF", "",    "#TS", "#NP", "#SS", "#GP",
                                    "#PF", "",    "#MF", "#AC", "#MC", "#XM"};

    return vector < ARRAY_SIZE(names) ? names[vector] : "";
}

void show_registers(const struct cpu_user_regs *r)
{
    log_err("cpu %u  rip %04x:%016lx  rflags %08lx  rsp %04x:%016lx\n", this_cpu(), r->cs, r->rip,
            r->rflags, r->ss, r->rsp);
    log_err("vector %u %s  error %x  cr2 %016lx  cr3 %016lx\n", r->entry_vector & 0xff,
            trap_name(r->entry_vector), r->error_code, read_cr2(), read_cr3());
    log_err("rax %016lx  rbx %016lx  rcx %016lx  rdx %016lx\n", r->rax, r->rbx, r->rcx, r->rdx);
    log_err("rsi %016lx  rdi %016lx  rbp %016lx  r8  %016lx\n", r->rsi, r->rdi, r->rbp, r->r8);
    log_err("r9  %016lx  r10 %016lx  r11 %016lx  r12 %016lx\n", r->r9, r->r10, r->r11, r->r12);
    log_err("r13 %016lx  r14 %016lx  r15 %016lx\n", r->r13, r->r14, r->r15);
}

static __attribute__((noreturn)) void fatal_trap(struct cpu_user_regs *regs)
{
    log_err("\n%s in the hypervisor at %s\n", trap_name(regs->entry_vector),
            symbol_describe(regs->rip));
    show_registers(regs);
    backtrace_from(regs->rip, regs->rbp);
    panic("fatal trap %u\n", regs->entry_vector & 0xff);
}

static bool page_fault_mended(const struct cpu_user_regs *regs)
{
    return regs->entry_vector == TRAP_PF && hypervisor_page_fault &&
           hypervisor_page_fault(read_cr2(), regs->error_code);
}

// A trap that did not come from PV guest code, or came on a stack of its own.
void hypervisor_trap(struct cpu_user_regs *regs)
{
    unsigned vector = regs->entry_vector & 0xff;

    if (vector >= FIRST_IRQ_VECTOR)
        irq_dispatch(vector);
    else if (vector == TRAP_NMI && nmi_handler)
        nmi_handler(regs);
    else if (vector == TRAP_DB)
        write_dr6(0); // a guest's breakpoint on an address that the hypervisor touched for it
    else if (vector == TRAP_DF || vector == TRAP_MC || vector == TRAP_NMI ||
             (!page_fault_mended(regs) && !extable_fixup(regs)))
        fatal_trap(regs);
}

bool msr_read_checked(uint32_t msr, uint64_t *value);
bool msr_write_checked(uint32_t msr, uint64_t value);

bool rdmsr_safe(uint32_t msr, uint64_t *v)
{
    return msr_read_checked(msr, v);
}

bool wrmsr_safe(uint32_t msr, uint64_t v)
{
    return msr_write_checked(msr, v);
}
