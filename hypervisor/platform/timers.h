// The machine's counters of known frequency, as references for the TSC.
#pragma once

#include "cpu/time.h"
#include "platform/acpi.h"

// Each returns NULL if the machine has none (that works); the PIT is always there.

// The best of them.
const struct time_source *best_time_source(void);
