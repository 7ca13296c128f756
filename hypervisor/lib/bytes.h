// Little-endian loads and stores at any alignment, a bounded reader over untrusted bytes, and the
// overlapping copy that every LZ77 format needs.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline uint16_t load_le16(const void *p)
{
    uint16_t v;

    __builtin_memcpy(&v, p, sizeof(v));
    return v;
}

static inline uint32_t load_le32(const void *p)
{
    uint32_t v;

    __builtin_memcpy(&v, p, sizeof(v));
    return v;
}

static inline uint64_t load_le64(const void *p)
{
    uint64_t v;

    __builtin_memcpy(&v, p, sizeof(v));
    return v;
}

static inline void store_le32(void *p, uint32_t v)
{
    __builtin_memcpy(p, &v, sizeof(v));
}

static inline void store_le64(void *p, uint64_t v)
{
    __builtin_memcpy(p, &v, sizeof(v));
}

// What is left of an input: [at, end).
struct byte_reader {
    const uint8_t *at;
    const uint8_t *end;
};

static inline size_t bytes_left(const struct byte_reader *r)
{
    return (size_t)(r->end - r->at);
}

// Takes the next n bytes, or returns NULL and takes nothing when fewer are left.
static inline const uint8_t *bytes_take(struct byte_reader *r, size_t n)
{
    const uint8_t *p = r->at;

    if (bytes_left(r) < n)
        return NULL;
    r->at += n;
    return p;
}

// Where an output stands: [start, at) is written, [at, end) is free.
struct byte_writer {
    uint8_t *start;
    uint8_t *at;
    uint8_t *end;
};

static inline size_t bytes_free(const struct byte_writer *w)
{
    return (size_t)(w->end - w->at);
}

// Copies len bytes between buffers that do not overlap, by words where both sides have slack: it
// may read up to src_end and write up to dst_end. [src, src + len) and [dst, dst + len) must be
// inside.
static inline void copy_with_slack(uint8_t *dst, const uint8_t *dst_end, const uint8_t *src,
                                   const uint8_t *src_end, size_t len)
{
    uint8_t *end = dst + len;

    if ((size_t)(dst_end - end) >= 8 && (size_t)(src_end - src) >= len + 8) {
        for (; dst < end; dst += 8, src += 8)
            store_le64(dst, load_le64(src));
        return;
    }
    while (dst < end)
        *dst++ = *src++;
}

// The LZ77 match: repeats at dst the len bytes that start distance bytes before it, where the two
// may overlap. The caller has checked that distance (> 0) reaches back no further than the buffer's
// start and that len fits before limit, the end of the writable buffer. Up to 7 bytes between
// dst + len and limit are overwritten with rubbish. Returns dst + len.
static inline uint8_t *lz_copy(uint8_t *dst, size_t distance, size_t len, const uint8_t *limit)
{
    uint8_t *end = dst + len;

    if ((size_t)(limit - end) < 8) {
        for (; dst < end; dst++)
            *dst = *(dst - distance);
        return end;
    }
    // The bytes of one distance are a period of the result, so those of twice that are one too.
    for (; distance < 8 && dst < end; dst += distance, distance *= 2)
        for (size_t i = 0; i < distance; i++)
            dst[i] = *(dst + i - distance);
    for (; dst < end; dst += 8)
        store_le64(dst, load_le64(dst - distance));
    return end;
}
