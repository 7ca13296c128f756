// HPET (IA-PC HPET specification 1.0a), ACPI PM timer (ACPI 6.4, 4.8.3.3) and 8254 PIT.
#include "platform/timers.h"

#include "cpu/asm.h"
#include "cpu/mmio.h"
#include "lib/log.h"

#define HPET_BYTES         0x400
#define HPET_CAPABILITIES  0x00 // high half: period in femtoseconds
#define HPET_CONFIG        0x10
#define HPET_COUNTER       0xf0
#define HPET_CONFIG_RUN    0x01
#define HPET_CONFIG_LEGACY 0x02
#define HPET_MAX_PERIOD    100000000 // fs, by specification
#define FEMTOSECONDS       1000000000000000ull

#define PM_TIMER_HZ 3579545

#define PIT_HZ         1193182
#define PIT_CHANNEL2   0x42
#define PIT_COMMAND    0x43
#define PIT_LATCH_2    0x80
#define PIT_2_ONE_SHOT 0xb0 // channel 2, both bytes, mode 0: counts down once
#define SPEAKER_PORT   0x61
#define SPEAKER_GATE_2 0x01
#define SPEAKER_ON     0x02

static volatile char *hpet;

static uint64_t hpet_read(void)
{
    return mmio_read32(hpet + HPET_COUNTER);
}

static const struct time_source *hpet_source(void)
{
    static struct time_source source = {"HPET", 0, 0xffffffff, hpet_read};
    uint32_t period, config;

    if (acpi.hpet.space != ACPI_MEMORY)
        return NULL;
    hpet = mmio_map(acpi.hpet.address, HPET_BYTES);
    if (!hpet)
        return NULL;
    period = mmio_read32(hpet + HPET_CAPABILITIES + 4);
    if (!period || period > HPET_MAX_PERIOD) {
        log_warn("HPET: impossible period %u fs\n", period);
        return NULL;
    }
    // Run, and leave the lines of PIT and RTC to them.
    config = mmio_read32(hpet + HPET_CONFIG);
    mmio_write32(hpet + HPET_CONFIG, (config & ~HPET_CONFIG_LEGACY) | HPET_CONFIG_RUN);
    source.hz = (FEMTOSECONDS + period / 2) / period;
    return &source;
}

static volatile char *pm_timer_mmio;
static uint16_t pm_timer_port;

static uint64_t pm_timer_read(void)
{
    return pm_timer_port ? inl(pm_timer_port) : mmio_read32(pm_timer_mmio);
}

static const struct time_source *pm_timer_source(void)
{
    static struct time_source source = {"PM timer", PM_TIMER_HZ, 0xffffff, pm_timer_read};
    const struct acpi_address *a = &acpi.fixed.pm_timer;

    if (a->space == ACPI_PORT)
        pm_timer_port = (uint16_t)a->address;
    else if (a->space == ACPI_MEMORY)
        pm_timer_mmio = mmio_map(a->address, 4);
    if (!pm_timer_port && !pm_timer_mmio)
        return NULL;
    if (acpi.fixed.pm_timer_32bit)
        source.mask = 0xffffffff;
    return &source;
}

static uint64_t pit_read(void)
{
    uint16_t left;

    outb(PIT_COMMAND, PIT_LATCH_2);
    left = inb(PIT_CHANNEL2);
    left |= (uint16_t)(inb(PIT_CHANNEL2) << 8);
    return (uint16_t)-left;
}

static const struct time_source *pit_source(void)
{
    static const struct time_source source = {"PIT", PIT_HZ, 0xffff, pit_read};

    outb(SPEAKER_PORT, (uint8_t)((inb(SPEAKER_PORT) & ~SPEAKER_ON) | SPEAKER_GATE_2));
    outb(PIT_COMMAND, PIT_2_ONE_SHOT);
    outb(PIT_CHANNEL2, 0); // from 65536
    outb(PIT_CHANNEL2, 0);
    return &source;
}

// Does it move? What does not within a hundred thousand reads is broken.
static bool counts(const struct time_source *s)
{
    uint64_t first = s->read();

    for (unsigned i = 0; i < 100000; i++)
        if (((s->read() ^ first) & s->mask) != 0)
            return true;
    log_warn("%s does not count\n", s->name);
    return false;
}

const struct time_source *best_time_source(void)
{
    const struct time_source *s = hpet_source();

    if (s && counts(s))
        return s;
    s = pm_timer_source();
    if (s && counts(s))
        return s;
    return pit_source();
}
