// The clocks that guests read without asking: wall clock and per-vCPU time in shared memory.
#pragma once

#include "core/domain.h"

// Reads the machine's wall clock; once, when time runs.
void pv_time_init(void);

// Has the current vCPU's time areas say what this CPU's clock says. Cheap when they already do.
void pv_time_update(struct vcpu *v);

// XENPF_settime: UTC since 1970 was sec and nsec at a system time; every domain is told.
void wallclock_set(int64_t sec, uint32_t nsec, nsec_t system_time);
// UTC at system time 0, in ns since 1970.
int64_t wallclock_at_start(void);
// Writes the wall clock, moved by the domain's offset, to its shared_info.
void wallclock_publish(struct domain *d);
