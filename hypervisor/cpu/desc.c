#include "cpu/desc.h"

#include "cpu/percpu.h"
#include "lib/string.h"
#include "mm/layout.h"

struct tss {
    uint32_t reserved0;
    uint64_t rsp[3];
    uint64_t reserved1;
    uint64_t ist[8]; // ist[0] is reserved
    uint16_t reserved2;
    uint16_t io_bitmap;
} __attribute__((packed));
_Static_assert(sizeof(struct tss) == 104, "SDM vol. 3, figure 7-11");

// A page of descriptors, then the TSS, a CPU.
struct cpu_desc {
    uint64_t gdt[PAGE_SIZE / 8];
};

static struct cpu_desc descs[MAX_CPUS] __attribute__((aligned(PAGE_SIZE)));
static struct tss tsses[MAX_CPUS] __attribute__((aligned(128)));
uint64_t cpu_gdt_mfn[MAX_CPUS];
static struct {
    uint64_t gdt;
    unsigned ldt;
} loaded[MAX_CPUS];

static uint64_t *gdt_entry(unsigned cpu, unsigned selector)
{
    return &descs[cpu].gdt[(selector - HV_GDT_OFFSET) / 8];
}

static void set_system_segment(uint64_t *entry, uint64_t base, uint32_t limit, unsigned type)
{
    entry[0] = (limit & 0xffff) | (base & 0xffffff) << 16 | (uint64_t)(0x80 | type) << 40 |
               (uint64_t)(limit >> 16 & 0xf) << 48 | (base >> 24 & 0xff) << 56;
    entry[1] = base >> 32;
}

static void tss_init(unsigned cpu, uint64_t block_end)
{
    struct tss *t = &tsses[cpu];
    struct cpu_info *info = (struct cpu_info *)block_end - 1;
    uint64_t block = block_end - STACK_BLOCK_SIZE;

    t->rsp[0] = (uint64_t)&info->regs.es;
    t->ist[IST_DF] = block + (STACK_DF_PAGE + 1) * PAGE_SIZE;
    t->ist[IST_NMI] = block + (STACK_NMI_PAGE + 1) * PAGE_SIZE;
    t->ist[IST_MCE] = block + (STACK_MCE_PAGE + 1) * PAGE_SIZE;
    t->ist[IST_DB] = block + (STACK_DB_PAGE + 1) * PAGE_SIZE;
    t->io_bitmap = sizeof(*t); // none: every port access by a guest traps
}

void desc_cpu_init(unsigned cpu, uint64_t block_end)
{
    *gdt_entry(cpu, 0xe008) = 0x00af9b000000ffff; // hypervisor code
    *gdt_entry(cpu, 0xe010) = 0x00cf93000000ffff; // hypervisor data
    *gdt_entry(cpu, 0xe020) = 0x00cffb000000ffff; // FLAT_RING3_CS32
    *gdt_entry(cpu, 0xe028) = 0x00cff3000000ffff; // FLAT_RING3_DS32
    *gdt_entry(cpu, 0xe030) = 0x00affb000000ffff; // FLAT_RING3_CS64
    tss_init(cpu, block_end);
    set_system_segment(gdt_entry(cpu, HV_TSS), (uint64_t)&tsses[cpu], sizeof(struct tss) - 1, 9);
    cpu_gdt_mfn[cpu] = ((uint64_t)&descs[cpu] - IMAGE_START) >> PAGE_SHIFT;
    gdt_load_own();
    __asm__ volatile("push %0; lea 1f(%%rip), %%rax; push %%rax; lretq; 1:"
                     :
                     : "i"(HV_CS)
                     : "rax", "memory");
    __asm__ volatile("mov %0, %%ss; mov %1, %%ds; mov %1, %%es" : : "r"(HV_DS), "r"(0));
    __asm__ volatile("ltr %w0" : : "r"(HV_TSS));
    ldt_load(0, 0);
}

static void set_gdtr(uint64_t base)
{
    struct {
        uint16_t limit;
        uint64_t base;
    } __attribute__((packed)) gdtr = {HV_GDT_LIMIT, base};

    __asm__ volatile("lgdt %0" : : "m"(gdtr));
}

void gdt_load(uint64_t base)
{
    loaded[this_cpu()].gdt = base;
    set_gdtr(base);
}

void desc_reload(void)
{
    unsigned cpu = this_cpu();

    set_gdtr(loaded[cpu].gdt);
    __asm__ volatile("lldt %w0" : : "r"(loaded[cpu].ldt));
}

uint64_t desc_gdt(void)
{
    return loaded[this_cpu()].gdt;
}

uint64_t desc_tss(void)
{
    return (uint64_t)&tsses[this_cpu()];
}

void gdt_load_own(void)
{
    gdt_load((uint64_t)&descs[this_cpu()] - HV_GDT_OFFSET);
}

void ldt_load(uint64_t base, unsigned entries)
{
    unsigned selector = entries ? HV_LDT : 0;

    if (entries)
        set_system_segment(gdt_entry(this_cpu(), HV_LDT), base, entries * 8 - 1, 2);
    loaded[this_cpu()].ldt = selector;
    __asm__ volatile("lldt %w0" : : "r"(selector));
}
