// The clocks that guests read without asking: wall clock and per-vCPU time in shared memory.
#pragma once

#include "core/domain.h"

// Has the current vCPU's time areas say what this CPU's clock says. Cheap when they already do.
void pv_time_update(struct vcpu *v);
