// A guest that a PC's BIOS boots: what its parts in real (-m16) and in protected mode (-m32) share.
// Pointers are 32 bits in both; real mode reaches the first 64 KB.
#pragma once

#include <stdbool.h>
#include <stdint.h>

// A test returns NULL, or what is wrong.
typedef const char *bios_test(void);

#define CHECK(cond)                    \
    do {                               \
        if (!(cond))                   \
            return "not true: " #cond; \
    } while (0)

#define PATTERN_SECTOR 100 // its bytes: pattern_byte()
#define SCRATCH_SECTOR 200

static inline uint8_t pattern_byte(unsigned i)
{
    return (uint8_t)(i * 7 + (i >> 8) + 3);
}

// In boot.S.
extern uint32_t rtc_ticks, divide_errors, pic_ticks, apic_ticks, line_ticks, undefined;
const char *protected_call(bios_test *test);

struct disk_packet {
    uint8_t size, zero;
    uint16_t sectors;
    uint16_t offset, segment; // of the buffer
    uint64_t first;
} __attribute__((packed));

struct memory_range {
    uint64_t start, size;
    uint32_t type; // 1: memory
} __attribute__((packed));

bool bios_disk(uint8_t function, const struct disk_packet *packet);
uint32_t bios_memory_map(struct memory_range *range, uint32_t next);
void bios_video_mode(uint8_t mode);
void real_rtc_entry(void);
void real_divide_entry(void);

// Protected mode's tests, called through protected_call().
bios_test pm_video, pm_cpuid, pm_memory, pm_disk, pm_pci, pm_pic, pm_apic_timer, pm_ioapic, pm_hpet,
    pm_paging, pm_undefined;

static inline uint8_t in8(uint16_t port)
{
    uint8_t value;

    __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

static inline void out8(uint16_t port, uint8_t value)
{
    __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static inline void out16(uint16_t port, uint16_t value)
{
    __asm__ volatile("outw %0, %1" : : "a"(value), "Nd"(port));
}

static inline uint32_t in32(uint16_t port)
{
    uint32_t value;

    __asm__ volatile("inl %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

static inline void out32(uint16_t port, uint32_t value)
{
    __asm__ volatile("outl %0, %1" : : "a"(value), "Nd"(port));
}

static inline void cpuid(uint32_t leaf, uint32_t *regs)
{
    __asm__ volatile("cpuid"
                     : "=a"(regs[0]), "=b"(regs[1]), "=c"(regs[2]), "=d"(regs[3])
                     : "a"(leaf), "c"(0));
}

static inline uint8_t cmos(uint8_t index)
{
    out8(0x70, index);
    return in8(0x71);
}

static inline void cmos_set(uint8_t index, uint8_t value)
{
    out8(0x70, index);
    out8(0x71, value);
}

// The ACPI timer, which counts 3,579,545 times a second; Xen's firmware has it at this port.
static inline uint32_t pm_timer(void)
{
    return in32(0xb008);
}

#define PM_TIMER_HZ 3579545u

// Waits until `counter` has grown by `count`, at most two seconds. True if it has.
static inline bool await(const volatile uint32_t *counter, uint32_t count)
{
    uint32_t begin = pm_timer(), was = *counter;

    while (*counter - was < count)
        if (((pm_timer() - begin) & 0xffffffu) > 2 * PM_TIMER_HZ)
            return false;
    return true;
}
