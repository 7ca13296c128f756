// How fast do the TSC and the APIC timer count? Both are compared with a counter of known frequency
// at two points in time.
//
// A point is the best of several attempts to read all three counters at once: the one in which the
// least TSC ticks passed between a read before and a read after. In a virtual machine, where an
// attempt can be interrupted for milliseconds, this is what makes the difference.
#include "cpu/apic.h"
#include "cpu/asm.h"
#include "cpu/time_impl.h"
#include "lib/bits.h"
#include "lib/log.h"

#define ATTEMPTS 8
// A window is long enough if the uncertainty of the two points is less than this part of it.
#define GOOD_ENOUGH 20000
// A source that has not moved after so many reads never will.
#define DEAD_AFTER_READS 1000000
#define FALLBACK_HZ      1000000000ull

struct point {
    uint64_t tsc, source;
    uint32_t apic;
    uint64_t width; // TSC ticks that the reading took
};

static void read_point(const struct time_source *source, struct point *best)
{
    best->width = ~0ull;
    for (int i = 0; i < ATTEMPTS; i++) {
        uint64_t before = rdtsc_ordered();
        uint64_t count = source->read();
        uint32_t apic = apic_timer_count();
        uint64_t after = rdtsc_ordered();

        if (after - before < best->width)
            *best = (struct point){before + (after - before) / 2, count, apic, after - before};
    }
}

// Waits until `ticks` of the source have passed since `since`. false: it does not count.
static bool wait_for(const struct time_source *source, uint64_t since, uint64_t ticks)
{
    for (unsigned reads = 0; ((source->read() - since) & source->mask) < ticks; reads++) {
        if (reads > DEAD_AFTER_READS && ((source->read() - since) & source->mask) == 0)
            return false;
        cpu_relax();
    }
    return true;
}

// CPUID leaf 0x15: TSC = crystal * b / a. 0: not stated.
static uint64_t stated_hz(void)
{
    struct cpuid_regs r;

    if (cpuid(0).a < 0x15)
        return 0;
    r = cpuid(0x15);
    return r.a && r.b && r.c ? (uint64_t)r.c * r.b / r.a : 0;
}

static uint64_t rate(uint64_t ticks, uint64_t source_ticks, uint64_t source_hz)
{
    return source_ticks ? mul_div(ticks, source_hz, source_ticks) : 0;
}

// false: the source does not count.
static bool measure(const struct time_source *source, unsigned ms, struct calibration *c,
                    bool *good)
{
    struct point from, to;
    uint64_t passed, uncertainty;

    apic_timer_set(0xffffffff); // its interrupt is masked still
    read_point(source, &from);
    if (!wait_for(source, from.source, source->hz * ms / 1000))
        return false;
    read_point(source, &to);
    apic_timer_set(0);

    passed = (to.source - from.source) & source->mask;
    c->tsc_hz = rate(to.tsc - from.tsc, passed, source->hz);
    c->apic_hz = rate(from.apic - to.apic, passed, source->hz);
    c->tsc = to.tsc;
    uncertainty = (from.width + to.width) / 2 + c->tsc_hz / source->hz;
    *good = uncertainty * GOOD_ENOUGH < to.tsc - from.tsc;
    return true;
}

void calibrate(const struct time_source *source, struct calibration *c)
{
    static const uint8_t windows_ms[] = {2, 10, 50};
    uint64_t stated = stated_hz();
    bool ok = true, good = false;

    for (unsigned i = 0; ok && !good && i < ARRAY_SIZE(windows_ms); i++)
        ok = measure(source, windows_ms[i], c, &good);
    c->exact =
        ok && stated && stated - stated / 1000 < c->tsc_hz && c->tsc_hz < stated + stated / 1000;
    if (c->exact || (!ok && stated))
        c->tsc_hz = stated;
    if (!ok || !c->tsc_hz || !c->apic_hz) {
        log_warn("%s does not count: clocks are guessed\n", source->name);
        c->tsc_hz = stated ? stated : FALLBACK_HZ;
        c->apic_hz = FALLBACK_HZ;
        c->tsc = rdtsc_ordered();
    }
}
