// The machine's counters of known frequency, as references for the TSC.
#pragma once

#include "cpu/time.h"
#include "platform/acpi.h"

// Each returns NULL if the machine has none (that works); the PIT is always there.
const struct time_source *hpet_source(void);
const struct time_source *pm_timer_source(void);
const struct time_source *pit_source(void);

// The best of them.
const struct time_source *best_time_source(void);
