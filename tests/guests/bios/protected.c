// The tests in protected mode: flat 32-bit segments, no BIOS, interrupts by a table of our own.
#include <stddef.h>

#include "tests/guests/bios/bios.h"

#define APIC   0xfee00000u
#define IOAPIC 0xfec00000u
#define HPET   0xfed00000u

enum { VEC_UD = 6, VEC_PIC = 0x20, VEC_APIC = 0x40, VEC_LINE = 0x41, VECTORS = 0x42 };

void pic_entry(void);
void apic_entry(void);
void line_entry(void);
void undefined_entry(void);

static uint64_t idt[VECTORS];

static uint32_t read32(uint32_t address)
{
    return *(volatile uint32_t *)address;
}

static void write32(uint32_t address, uint32_t value)
{
    *(volatile uint32_t *)address = value;
}

static void set_gate(unsigned vector, void (*entry)(void))
{
    uint32_t address = (uint32_t)entry;

    idt[vector] =
        (address & 0xffff) | 8u << 16 | ((uint64_t)(address & 0xffff0000u) | 0x8e00) << 32;
}

static void load_idt(void)
{
    struct {
        uint16_t limit;
        uint32_t base;
    } __attribute__((packed)) pointer = {sizeof(idt) - 1, (uint32_t)idt};

    set_gate(VEC_UD, undefined_entry);
    set_gate(VEC_PIC, pic_entry);
    set_gate(VEC_APIC, apic_entry);
    set_gate(VEC_LINE, line_entry);
    __asm__ volatile("lidt %0" : : "m"(pointer));
}

static void pic_setup(uint8_t first, uint8_t second, uint8_t mask_first, uint8_t mask_second)
{
    out8(0x20, 0x11);
    out8(0xa0, 0x11);
    out8(0x21, first);
    out8(0xa1, second);
    out8(0x21, 4);
    out8(0xa1, 2);
    out8(0x21, 1);
    out8(0xa1, 1);
    out8(0x21, mask_first);
    out8(0xa1, mask_second);
}

static void pit_setup(uint16_t count)
{
    out8(0x43, 0x34); // channel 0, rate generator
    out8(0x40, (uint8_t)count);
    out8(0x40, (uint8_t)(count >> 8));
}

// With interrupts enabled, waits for `counter`; the BIOS's PIC and PIT are put back.
static bool ticks_with(const volatile uint32_t *counter, uint8_t mask)
{
    uint8_t first = in8(0x21), second = in8(0xa1);
    bool came;

    load_idt();
    pic_setup(VEC_PIC, VEC_PIC + 8, mask, 0xff);
    pit_setup(1193182 / 200);
    __asm__ volatile("sti");
    came = await(counter, 10);
    __asm__ volatile("cli");
    pit_setup(0);
    pic_setup(0x08, 0x70, first, second);
    return came;
}

const char *pm_cpuid(void)
{
    uint32_t r[4];

    cpuid(1, r);
    CHECK(r[2] >> 31);     // a hypervisor
    CHECK(r[3] & 1u << 9); // local APIC
    cpuid(0x80000001, r);
    CHECK(r[3] & 1u << 29);   // long mode
    CHECK(!(r[2] & 1u << 2)); // no virtualization within
    return NULL;
}

const char *pm_undefined(void)
{
    uint32_t was = undefined;

    load_idt();
    __asm__ volatile("ud2");
    CHECK(undefined == was + 1);
    return NULL;
}

// Memory above 1 MB, and the BIOS's, which is no memory to write to but keeps its first bytes
// either way.
const char *pm_memory(void)
{
    for (uint32_t at = 2u << 20; at < 32u << 20; at += (1u << 20) + 4)
        write32(at, at ^ 0x5a5a5a5a);
    for (uint32_t at = 2u << 20; at < 32u << 20; at += (1u << 20) + 4)
        CHECK(read32(at) == (at ^ 0x5a5a5a5a));
    CHECK(*(volatile uint8_t *)0xffff0 == 0xea);   // the reset vector: a far jump
    CHECK(read32(0xd0000000u + 0x1234560) == ~0u); // nothing there
    return NULL;
}

// The screen's text in the video card's memory: strings of writes and of reads to a device, and one
// of either alone.
const char *pm_video(void)
{
    static uint16_t text[80];
    void *to = (void *)0xb8000;
    const void *from = (const void *)0xb8000;
    uint32_t count = 80;

    __asm__ volatile("cld; rep stosw" : "+D"(to), "+c"(count) : "a"(0x0741) : "memory");
    CHECK(count == 0);
    *(volatile uint16_t *)(0xb8000 + 10) = 0x1742;
    to = text;
    count = 80;
    __asm__ volatile("cld; rep movsw" : "+D"(to), "+S"(from), "+c"(count) : : "memory");
    for (unsigned i = 0; i < 80; i++)
        CHECK(text[i] == (i == 5 ? 0x1742 : 0x0741));
    CHECK(*(volatile uint8_t *)(0xb8000 + 11) == 0x17);
    return NULL;
}

static bool disk_settles(uint8_t mask, uint8_t want)
{
    for (unsigned tries = 0; tries < 1000000; tries++)
        if ((in8(0x1f7) & mask) == want)
            return true;
    return false;
}

// One sector by the ports of the first IDE channel: a string of reads.
const char *pm_disk(void)
{
    static uint16_t sector[256];
    void *to = sector;
    uint32_t count = 256;

    CHECK(disk_settles(0x80, 0));
    out8(0x3f6, 2); // no interrupts
    out8(0x1f6, 0xe0);
    out8(0x1f2, 1);
    out8(0x1f3, PATTERN_SECTOR);
    out8(0x1f4, 0);
    out8(0x1f5, 0);
    out8(0x1f7, 0x20);
    CHECK(disk_settles(0x88, 0x08));
    __asm__ volatile("cld; rep insw" : "+D"(to), "+c"(count) : "d"(0x1f0) : "memory");
    out8(0x3f6, 0);
    CHECK(count == 0 && to == sector + 256);
    for (unsigned i = 0; i < 512; i++)
        CHECK(((uint8_t *)sector)[i] == pattern_byte(i));
    return NULL;
}

const char *pm_pci(void)
{
    out32(0xcf8, 0x80000000);
    CHECK(in32(0xcfc) == 0x12378086); // the host bridge of the i440FX
    out32(0xcf8, 0x80000000 | 1 << 11);
    CHECK(in32(0xcfc) == 0x70008086); // the PIIX3
    out32(0xcf8, 0x80000000 | 31 << 11);
    CHECK(in32(0xcfc) == ~0u);
    out32(0xcf8, 0);
    return NULL;
}

const char *pm_pic(void)
{
    CHECK(ticks_with(&pic_ticks, 0xfe));
    return NULL;
}

const char *pm_apic_timer(void)
{
    uint32_t spurious = read32(APIC + 0xf0), timer = read32(APIC + 0x320);
    uint8_t first = in8(0x21), second = in8(0xa1);
    bool came;

    load_idt();
    out8(0x21, 0xff);
    out8(0xa1, 0xff);
    write32(APIC + 0xf0, spurious | 0x100);
    write32(APIC + 0x3e0, 3); // divided by 16
    write32(APIC + 0x320, 0x20000 | VEC_APIC);
    write32(APIC + 0x380, 100000);
    __asm__ volatile("sti");
    came = await(&apic_ticks, 3);
    __asm__ volatile("cli");
    write32(APIC + 0x380, 0);
    write32(APIC + 0x320, timer | 0x10000);
    write32(APIC + 0xf0, spurious);
    out8(0x21, first);
    out8(0xa1, second);
    CHECK(came);
    return NULL;
}

static void ioapic_write(uint32_t index, uint32_t value)
{
    write32(IOAPIC, index);
    write32(IOAPIC + 0x10, value);
}

static uint32_t ioapic_read(uint32_t index)
{
    write32(IOAPIC, index);
    return read32(IOAPIC + 0x10);
}

// The PIT is at the I/O APIC's third input.
const char *pm_ioapic(void)
{
    uint32_t spurious = read32(APIC + 0xf0), old = ioapic_read(0x14);
    bool came;

    CHECK((ioapic_read(1) >> 16 & 0xff) == 47);
    write32(APIC + 0xf0, spurious | 0x100);
    ioapic_write(0x15, read32(APIC + 0x20) & 0xff000000);
    ioapic_write(0x14, VEC_LINE);
    came = ticks_with(&line_ticks, 0xff);
    ioapic_write(0x14, old | 0x10000);
    write32(APIC + 0xf0, spurious);
    CHECK(came);
    return NULL;
}

const char *pm_hpet(void)
{
    uint32_t was;

    CHECK(read32(HPET) >> 16 == 0x8086);
    write32(HPET + 0x10, 1);
    was = read32(HPET + 0xf0);
    for (unsigned i = 0; i < 100; i++)
        pm_timer();
    CHECK(read32(HPET + 0xf0) - was > 100);
    write32(HPET + 0x10, 0);
    was = read32(HPET + 0xf0);
    CHECK(read32(HPET + 0xf0) == was);
    return NULL;
}

// 32-bit tables with pages of 4 MB: every address is its own, and 1 GB beside it shows the first 4
// MB again.
const char *pm_paging(void)
{
    uint32_t *root = (uint32_t *)0x100000;
    uint32_t cr0, cr4, version, seen;

    for (uint32_t i = 0; i < 1024; i++)
        root[i] = i << 22 | 0x83;
    root[256] = 0x83;
    __asm__ volatile("mov %%cr4, %0" : "=r"(cr4));
    __asm__ volatile("mov %%cr0, %0" : "=r"(cr0));
    __asm__ volatile("mov %0, %%cr4" : : "r"(cr4 | 0x10));
    __asm__ volatile("mov %0, %%cr3" : : "r"(root));
    __asm__ volatile("mov %0, %%cr0" : : "r"(cr0 | 0x80010000u) : "memory");
    write32(0x200000, 0x12345678);
    seen = read32(0x40200000);
    version = ioapic_read(1); // a device, by way of the tables
    __asm__ volatile("mov %0, %%cr0" : : "r"(cr0) : "memory");
    __asm__ volatile("mov %0, %%cr4" : : "r"(cr4));
    CHECK(seen == 0x12345678);
    CHECK((version >> 16 & 0xff) == 47);
    return NULL;
}
