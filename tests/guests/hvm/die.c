// What ends the guest that does it, one at a time: the hypervisor says why, and goes on.
#include "tests/guests/hvm/hvm.h"

extern uint64_t page_l4[512];

static void triple_fault(void)
{
    static const uint8_t nothing[10];

    __asm__ volatile("lidt %0; int3" : : "m"(nothing));
}

static void jump_into_hole(void)
{
    ((void (*)(void))HOLE)();
}

static void stack_in_hole(void)
{
    __asm__ volatile("mov %0, %%rsp; push %%rax" : : "r"(HOLE + 64) : "memory");
}

static void tables_in_hole(void)
{
    WRITE_CR(3, HOLE);
}

static void tables_far_away(void)
{
    WRITE_CR(3, 0x000ffffffffff000);
}

static void table_entry_in_hole(void)
{
    page_l4[1] = HOLE | 7;
    *(volatile uint64_t *)(1ul << 39) = 1;
}

static void halt_for_ever(void)
{
    __asm__ volatile("cli; hlt");
}

// A state that no VMRUN takes: the tables of interrupts at a far place, and a fault there.
static void idt_in_hole(void)
{
    const struct __attribute__((packed)) {
        uint16_t limit;
        uint64_t base;
    } pointer = {0xfff, HOLE};

    __asm__ volatile("lidt %0; int3" : : "m"(pointer));
}

static void init_to_itself(void)
{
    *lapic(LAPIC_ICR) = 0x44500;
    for (;;)
        hc(sched_op, 0, 0);
}

// What must fault: the fault is nobody's, and ends the guest too.
static void no_protection(void)
{
    WRITE_CR(0, READ_CR(0) & ~1ul);
}

static void no_write_through(void)
{
    WRITE_CR(0, READ_CR(0) | 0x20000000);
}

static void no_pae(void)
{
    WRITE_CR(4, READ_CR(4) & ~0x20ul);
}

static void reserved_cr4(void)
{
    WRITE_CR(4, READ_CR(4) | 1ul << 15);
}

void die_if_asked(void)
{
    static const struct {
        const char *name;
        void (*die)(void);
    } ways[] = {
        {"triple", triple_fault},   {"jump", jump_into_hole}, {"stack", stack_in_hole},
        {"tables", tables_in_hole}, {"far", tables_far_away}, {"entry", table_entry_in_hole},
        {"halt", halt_for_ever},    {"idt", idt_in_hole},     {"init", init_to_itself},
        {"pe", no_protection},      {"nw", no_write_through}, {"pae", no_pae},
        {"cr4", reserved_cr4},
    };
    const char *how = option_text("die=");

    for (unsigned i = 0; how && i < ARRAY_SIZE(ways); i++)
        if (strcmp(ways[i].name, how) == 0) {
            print("dying by %s\n", how);
            ways[i].die();
            print("alive after %s\n", how);
        }
}
