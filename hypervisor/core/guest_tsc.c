#include "core/guest_tsc.h"

#include "cpu/asm.h"
#include "lib/bits.h"
#include "lib/errno.h"

#define EMULATED_GENERATION 0x80000000u // beyond those of processors

int guest_tsc_set(struct domain *d, unsigned mode, uint32_t khz, nsec_t elapsed,
                  uint32_t incarnation)
{
    uint64_t own = time_tsc_hz() / 1000;
    uint64_t apart = khz > own ? khz - own : own - khz;

    if (mode > TSC_MODE_NATIVE)
        return -EINVAL;
    d->tsc.mode = mode;
    d->tsc.khz = khz;
    d->tsc.incarnation = incarnation + 1;
    d->tsc.start = elapsed ? time_now() - elapsed : 0;
    d->tsc.emulated =
        mode == TSC_MODE_EMULATE || (mode == TSC_MODE_DEFAULT && khz && apart > own / 1000);
    return 0;
}

uint32_t guest_tsc_khz(const struct domain *d)
{
    return d->tsc.emulated && d->tsc.khz ? d->tsc.khz : (uint32_t)(time_tsc_hz() / 1000);
}

nsec_t guest_tsc_elapsed(const struct domain *d)
{
    return time_now() - d->tsc.start;
}

uint64_t guest_tsc_read(const struct domain *d)
{
    if (likely(!d->tsc.emulated))
        return rdtsc();
    return mul_div((uint64_t)guest_tsc_elapsed(d), guest_tsc_khz(d), 1000000);
}

void guest_tsc_scale(const struct domain *d, struct tsc_scale *scale)
{
    time_get_scale(scale);
    if (likely(!d->tsc.emulated))
        return;
    *scale = (struct tsc_scale){
        .tsc_base = 0,
        .ns_base = d->tsc.start,
        .stable = true,
        .generation = EMULATED_GENERATION,
    };
    scale_from_hz(guest_tsc_khz(d) * 1000ull, &scale->mul, &scale->shift);
}
