// Bit streams that zstd reads from their end to their beginning (RFC 8878, 4.1): the last byte's
// highest set bit marks where they start.
//
// The container holds eight bytes of the stream, or fewer in its lowest bits; the highest `used`
// bits have been taken or never were. Who takes more than there are makes used exceed 64 and gets
// rubbish: bits_overrun() and bits_at_end() tell, and must be asked before a result is believed.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/bytes.h"
#include "lib/errno.h"

struct reverse_bits {
    uint64_t container;
    unsigned used;
    const uint8_t *at; // of the container's lowest byte
    const uint8_t *start;
};

static inline int bits_open(struct reverse_bits *b, const uint8_t *start, size_t size)
{
    if (size == 0 || start[size - 1] == 0)
        return -EINVAL;
    b->start = start;
    b->used = (unsigned)__builtin_clz(start[size - 1]) - 24 + 1;
    if (size >= 8) {
        b->at = start + size - 8;
        b->container = load_le64(b->at);
        return 0;
    }
    b->at = start;
    b->container = 0;
    for (size_t i = 0; i < size; i++)
        b->container |= (uint64_t)start[i] << (8 * i);
    b->used += 8 * (8 - (unsigned)size);
    return 0;
}

// Makes the next 57 bits available, or all that are left.
static inline void bits_refill(struct reverse_bits *b)
{
    size_t bytes = b->used / 8;

    if (bytes > (size_t)(b->at - b->start))
        bytes = (size_t)(b->at - b->start);
    if (bytes == 0)
        return;
    b->at -= bytes;
    b->used -= (unsigned)bytes * 8;
    b->container = load_le64(b->at);
}

// The next n (0 to 57) bits.
static inline uint64_t bits_peek(const struct reverse_bits *b, unsigned n)
{
    return b->container << (b->used & 63) >> 1 >> (63 - n);
}

static inline uint64_t bits_take(struct reverse_bits *b, unsigned n)
{
    uint64_t v = bits_peek(b, n);

    b->used += n;
    return v;
}

// More was taken than there was. Needs no refill before it only at the beginning of the stream.
static inline bool bits_overrun(const struct reverse_bits *b)
{
    return b->used > 64;
}

// Everything was taken, and no more.
static inline bool bits_at_end(const struct reverse_bits *b)
{
    return b->at == b->start && b->used == 64;
}
