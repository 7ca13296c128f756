// The tests in real mode, with the BIOS's services; they call those in protected mode, too. What
// they find is said on the first serial port, and at last the machine is powered off.
#include <stddef.h>

#include "tests/guests/bios/bios.h"

#define COM1 0x3f8

uint32_t rtc_ticks, divide_errors, pic_ticks, apic_ticks, line_ticks, undefined;

static uint8_t buffer[512];

static void put(const char *text)
{
    for (; *text; text++) {
        while (!(in8(COM1 + 5) & 0x20)) // until it takes a byte
            ;
        out8(COM1, (uint8_t)*text);
    }
}

static void put_number(unsigned n)
{
    char digits[12];
    unsigned at = sizeof(digits) - 1;

    digits[at] = '\0';
    do
        digits[--at] = (char)('0' + n % 10);
    while (n /= 10);
    put(digits + at);
}

static void set_vector(unsigned vector, uint32_t entry)
{
    volatile uint32_t *table = (volatile uint32_t *)(uintptr_t)(vector * 4);

    *table = entry; // segment and offset
}

static uint32_t get_vector(unsigned vector)
{
    return *(volatile uint32_t *)(uintptr_t)(vector * 4);
}

static bool transfer(uint8_t function, uint32_t sector)
{
    struct disk_packet packet = {
        .size = 16, .sectors = 1, .offset = (uint16_t)(uintptr_t)buffer, .first = sector};

    return bios_disk(function, &packet);
}

static const char *real_cpuid(void)
{
    uint32_t r[4];

    cpuid(0, r);
    CHECK(r[0] >= 1);
    cpuid(1, r);
    CHECK(r[3] & 1);  // FPU
    CHECK(r[3] & 16); // TSC
    cpuid(0x40000000, r);
    CHECK(r[1] == 0x566e6558 && r[2] == 0x65584d4d && r[3] == 0x4d4d566e); // XenVMMXenVMM
    return NULL;
}

static const char *memory_map(void)
{
    struct memory_range range;
    uint32_t next = 0;
    uint64_t memory = 0;

    do {
        next = bios_memory_map(&range, next);
        if (range.type == 1)
            memory += range.size;
    } while (next);
    CHECK(memory >
          40u << 20); // of the 64 MB that it was given the video card and the firmware have some
    CHECK(memory < 64u << 20);
    return NULL;
}

static const char *disk_read(void)
{
    CHECK(transfer(0x42, PATTERN_SECTOR));
    for (unsigned i = 0; i < sizeof(buffer); i++)
        CHECK(buffer[i] == pattern_byte(i));
    return NULL;
}

static const char *disk_write(void)
{
    for (unsigned i = 0; i < sizeof(buffer); i++)
        buffer[i] = (uint8_t)(255 - i);
    CHECK(transfer(0x43, SCRATCH_SECTOR));
    for (unsigned i = 0; i < sizeof(buffer); i++)
        buffer[i] = 0;
    CHECK(transfer(0x42, SCRATCH_SECTOR));
    for (unsigned i = 0; i < sizeof(buffer); i++)
        CHECK(buffer[i] == (uint8_t)(255 - i));
    return NULL;
}

static const char *disk_refuses(void)
{
    CHECK(!transfer(0x42, 0x7fffffff));
    return NULL;
}

// How long five of the PIT's interrupts take, which the BIOS counts, in ms. HLT waits for them.
static uint32_t five_ticks(void)
{
    const volatile uint32_t *ticks = (const volatile uint32_t *)0x46c;
    uint32_t begin, was = *ticks;

    while (*ticks == was)
        __asm__ volatile("hlt");
    begin = pm_timer();
    was = *ticks;
    while (*ticks - was < 5)
        __asm__ volatile("hlt");
    return ((pm_timer() - begin) & 0xffffffu) / (PM_TIMER_HZ / 1000);
}

// 275 ms, once those are through that the hypervisor still owes (at most 1,000), which come faster.
static const char *pit_ticks(void)
{
    uint32_t took = 0;

    for (unsigned tries = 0; tries < 300 && took < 200; tries++)
        took = five_ticks();
    CHECK(took >= 200);
    CHECK(took < 4000);
    return NULL;
}

static const char *video_mode(void)
{
    bios_video_mode(3); // text
    CHECK(*(volatile uint8_t *)0x449 == 3);
    return NULL;
}

static const char *rtc_interrupts(void)
{
    uint32_t old = get_vector(0x70);
    uint8_t a = cmos(0x0a), b = cmos(0x0b), mask = in8(0xa1);
    bool came;

    set_vector(0x70, (uint32_t)real_rtc_entry);
    cmos_set(0x0a, (uint8_t)((a & 0xf0) | 10)); // 64 a second
    cmos_set(0x0b, b | 0x40);
    cmos(0x0c);
    out8(0xa1, mask & 0xfe);
    came = await(&rtc_ticks, 10);
    cmos_set(0x0b, b);
    cmos_set(0x0a, a);
    cmos(0x0c);
    out8(0xa1, mask);
    set_vector(0x70, old);
    CHECK(came);
    return NULL;
}

static bool is_bcd(uint8_t value)
{
    return (value & 0x0f) < 10 && value >> 4 < 10;
}

static const char *rtc_date(void)
{
    uint8_t month = cmos(8), day = cmos(7), second = cmos(0);

    CHECK(is_bcd(month) && month >= 1 && month <= 0x12);
    CHECK(is_bcd(day) && day >= 1 && day <= 0x31);
    CHECK(is_bcd(second) && second <= 0x59);
    return NULL;
}

static const char *real_divide(void)
{
    uint32_t old = get_vector(0), was = divide_errors;

    set_vector(0, (uint32_t)real_divide_entry);
    __asm__ volatile("divb %%cl" : : "a"(1), "c"(0) : "cc");
    set_vector(0, old);
    CHECK(divide_errors == was + 1);
    return NULL;
}

struct named_test {
    const char *name;
    bios_test *test;
    bool protected_mode;
};

static const struct named_test tests[] = {
    {"real_cpuid", real_cpuid, false},
    {"real_divide", real_divide, false},
    {"memory_map", memory_map, false},
    {"disk_read", disk_read, false},
    {"disk_write", disk_write, false},
    {"disk_refuses", disk_refuses, false},
    {"pit_ticks", pit_ticks, false},
    {"rtc_interrupts", rtc_interrupts, false},
    {"rtc_date", rtc_date, false},
    {"video_mode", video_mode, false},
    {"pm_video", pm_video, true},
    {"pm_cpuid", pm_cpuid, true},
    {"pm_undefined", pm_undefined, true},
    {"pm_memory", pm_memory, true},
    {"pm_disk", pm_disk, true},
    {"pm_pci", pm_pci, true},
    {"pm_pic", pm_pic, true},
    {"pm_apic_timer", pm_apic_timer, true},
    {"pm_ioapic", pm_ioapic, true},
    {"pm_hpet", pm_hpet, true},
    {"pm_paging", pm_paging, true},
    {"disk_read_again", disk_read, false},
    {"pit_ticks_again", pit_ticks, false},
};

void real_main(void);
void real_main(void)
{
    unsigned passed = 0, failed = 0;

    put("BIOS guest\n");
    for (const struct named_test *t = tests; t < tests + sizeof(tests) / sizeof(*tests); t++) {
        const char *wrong = t->protected_mode ? protected_call(t->test) : t->test();

        put(wrong ? "FAIL " : "ok ");
        put(t->name);
        if (wrong) {
            put(": ");
            put(wrong);
        }
        put("\n");
        if (wrong)
            failed++;
        else
            passed++;
    }
    put_number(passed);
    put(" passed, ");
    put_number(failed);
    put(" failed\n");
    out16(0xb004, 0x2000); // ACPI's S5, where Xen's firmware has its register
}
