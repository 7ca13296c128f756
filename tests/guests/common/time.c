#include "tests/guests/common/time.h"

#include "tests/guests/common/guest.h"

static uint64_t scale(uint64_t delta, uint32_t mul, int8_t shift)
{
    delta = shift < 0 ? delta >> -shift : delta << shift;
    return (uint64_t)(((unsigned __int128)delta * mul) >> 32);
}

uint64_t time_from(const volatile struct vcpu_time_info *info)
{
    uint32_t version;
    uint64_t ns;

    do {
        version = info->version;
        __asm__ volatile("" : : : "memory");
        ns = info->system_time +
             scale(tsc_read() - info->tsc_timestamp, info->tsc_to_system_mul, info->tsc_shift);
        __asm__ volatile("" : : : "memory");
    } while ((version & 1) || version != info->version);
    return ns;
}

uint64_t time_now(void)
{
    return time_from(&vcpu_info_of(this_vcpu()->id)->time);
}

void time_spin(uint64_t ns)
{
    uint64_t until = time_now() + ns;

    while (time_now() < until)
        __asm__ volatile("pause");
}
