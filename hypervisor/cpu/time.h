// System time: nanoseconds since boot, the same on all CPUs, never backwards.
#pragma once

#include <stdint.h>

typedef int64_t nsec_t; // nanoseconds; also the ABI's system time

#define NSEC_NEVER      INT64_MAX
#define MICROSECONDS(n) ((nsec_t)(n) * 1000)
#define MILLISECONDS(n) ((nsec_t)(n) * 1000000)
#define SECONDS(n)      ((nsec_t)(n) * 1000000000)

nsec_t time_now(void);

// Programs this CPU's timer to raise WORK_TIMER at `when` (NSEC_NEVER: not at all). A time in the
// past fires at once.
void time_set_deadline(nsec_t when);
