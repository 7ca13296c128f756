// XXH64: four accumulators each take every fourth word of 8 bytes, are mixed into one, and the rest
// that fills no stripe of 32 bytes follows word by word.
#include "lib/xxhash.h"

#include "lib/bytes.h"

#define PRIME_1 0x9E3779B185EBCA87ull
#define PRIME_2 0xC2B2AE3D27D4EB4Full
#define PRIME_3 0x165667B19E3779F9ull
#define PRIME_4 0x85EBCA77C2B2AE63ull
#define PRIME_5 0x27D4EB2F165667C5ull

static inline uint64_t rotate_left(uint64_t x, unsigned n)
{
    return x << n | x >> (64 - n);
}

static inline uint64_t round_word(uint64_t acc, uint64_t word)
{
    return rotate_left(acc + word * PRIME_2, 31) * PRIME_1;
}

static inline uint64_t merge(uint64_t hash, uint64_t acc)
{
    return (hash ^ round_word(0, acc)) * PRIME_1 + PRIME_4;
}

static uint64_t hash_stripes(const uint8_t **data, size_t stripes)
{
    uint64_t a = PRIME_1 + PRIME_2, b = PRIME_2, c = 0, d = 0 - PRIME_1;
    const uint8_t *p = *data;
    uint64_t hash;

    for (; stripes > 0; stripes--, p += 32) {
        a = round_word(a, load_le64(p));
        b = round_word(b, load_le64(p + 8));
        c = round_word(c, load_le64(p + 16));
        d = round_word(d, load_le64(p + 24));
    }
    *data = p;
    hash = rotate_left(a, 1) + rotate_left(b, 7) + rotate_left(c, 12) + rotate_left(d, 18);
    return merge(merge(merge(merge(hash, a), b), c), d);
}

uint64_t xxhash64(const void *data, size_t len)
{
    const uint8_t *p = data;
    uint64_t h = len >= 32 ? hash_stripes(&p, len / 32) : PRIME_5;
    size_t rest = len % 32;

    h += len;
    for (; rest >= 8; rest -= 8, p += 8)
        h = rotate_left(h ^ round_word(0, load_le64(p)), 27) * PRIME_1 + PRIME_4;
    if (rest >= 4) {
        h = rotate_left(h ^ load_le32(p) * PRIME_1, 23) * PRIME_2 + PRIME_3;
        rest -= 4;
        p += 4;
    }
    for (; rest > 0; rest--, p++)
        h = rotate_left(h ^ *p * PRIME_5, 11) * PRIME_1;
    h = (h ^ h >> 33) * PRIME_2;
    h = (h ^ h >> 29) * PRIME_3;
    return h ^ h >> 32;
}
