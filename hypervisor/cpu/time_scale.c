// The ABI's scaling of a counter to nanoseconds.
#include "cpu/time_impl.h"

void scale_from_hz(uint64_t hz, uint32_t *mul, int8_t *shift)
{
    uint64_t ticks = hz; // of the counter shifted by *shift, a second
    int s = 0;

    // Bring 10^9 / ticks into [1/2, 1), the range that a 32-bit fraction shows most exactly.
    while (ticks > 2000000000ull) {
        ticks >>= 1;
        s--;
    }
    while (ticks <= 1000000000ull) {
        ticks <<= 1;
        s++;
    }
    // From hz and not from ticks, which may have lost bits to the right.
    *mul = (uint32_t)(s < 0 ? mul_div(1000000000, 1ull << (32 - s), hz)
                            : mul_div(1000000000, 1ull << 32, ticks));
    *shift = (int8_t)s;
}

uint64_t scale_apply(uint64_t delta, uint32_t mul, int8_t shift)
{
    unsigned __int128 d = delta;

    if (shift < 0)
        d = delta >> -shift;
    else
        d <<= shift;
    return (uint64_t)(d * mul >> 32);
}
