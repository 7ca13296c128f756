// System time: nanoseconds since boot, the same on all CPUs, never backwards.
#pragma once

#include <stdbool.h>
#include <stdint.h>

typedef int64_t nsec_t; // nanoseconds; also the ABI's system time

#define NSEC_NEVER      INT64_MAX
#define MICROSECONDS(n) ((nsec_t)(n)*1000)
#define MILLISECONDS(n) ((nsec_t)(n)*1000000)
#define SECONDS(n)      ((nsec_t)(n)*1000000000)

// 0 before time_init().
nsec_t time_now(void);

// Programs this CPU's timer to raise WORK_TIMER at `when` (NSEC_NEVER: not at all). A time in the
// past fires at once.
void time_set_deadline(nsec_t when);

// From this CPU's TSC to system time: ns = ns_base + ((((tsc - tsc_base) << shift) * mul) >> 32), a
// negative shift going to the right. It is what time_now() computes and what PV guests compute for
// themselves (pv-abi/shared_info.h, vcpu_time_info).
struct tsc_scale {
    uint64_t tsc_base;
    nsec_t ns_base;
    uint32_t mul;
    int8_t shift;
    bool stable;         // one scale for all CPUs, for ever: the TSC is invariant and in step
    uint32_t generation; // never 0; differs from every other scale's (of any CPU, at any time)
};

// This CPU's present scale.
void time_get_scale(struct tsc_scale *scale);
// The scale of a counter of hz: mul is at least 2^31.
void scale_from_hz(uint64_t hz, uint32_t *mul, int8_t *shift);

// A counter of known frequency to measure others by (platform/timers.h has the machine's).
struct time_source {
    const char *name;
    uint64_t hz;
    uint64_t mask;          // its bits; it wraps at the top
    uint64_t (*read)(void); // counts up
};

// Measures TSC and local APIC timer by `source` and starts system time at 0. On the boot CPU, once,
// after apic_cpu_init(). `source` is not used again.
void time_init(const struct time_source *source);

// Once on each CPU, the boot CPU too, after apic_cpu_init(): arms the timer interrupt; on the
// others also finds out how far this CPU's TSC is from the boot CPU's, which must call
// time_sync_serve() until this one is up.
void time_cpu_init(void);
void time_sync_serve(void);

uint64_t time_tsc_hz(void);

// Waits, without giving the CPU away.
void time_delay(nsec_t ns);
