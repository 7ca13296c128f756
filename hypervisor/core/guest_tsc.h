// The time-stamp counter that a domain sees: the processor's own, or one of another frequency and
// start that is emulated, for a guest that has counted on these elsewhere (XEN_DOMCTL_settscinfo).
#pragma once

#include "core/domain.h"
#include "cpu/time.h"

// The modes of the ABI.
enum { TSC_MODE_DEFAULT, TSC_MODE_EMULATE, TSC_MODE_NATIVE };

// Of a domain that does not run: `elapsed` nanoseconds have passed since its counter was 0; khz 0:
// the processor's frequency. By default the counter is emulated only if the frequency is another
// than the processor's by more than a thousandth. -EINVAL: no such mode.
int guest_tsc_set(struct domain *d, unsigned mode, uint32_t khz, nsec_t elapsed,
                  uint32_t incarnation);

// What the current vCPU reads.
uint64_t guest_tsc_read(const struct domain *d);
uint32_t guest_tsc_khz(const struct domain *d);
nsec_t guest_tsc_elapsed(const struct domain *d);
// From that to system time.
void guest_tsc_scale(const struct domain *d, struct tsc_scale *scale);
