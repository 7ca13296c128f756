// The cyclic redundancy check of gzip and xz. Its table is made at run time in the caller's memory,
// so that it costs the image nothing.
#pragma once

#include <stddef.h>
#include <stdint.h>

// CRC-32 (IEEE 802.3, reflected polynomial 0xEDB88320), eight bytes a step, or a whole block of
// zeros, of which kernels have many.
struct crc32_table {
    uint32_t t[8][256];
    uint32_t zeros[4][256];
};

void crc32_init(struct crc32_table *table);

// Continues from the value of what went before; that of nothing is 0.
uint32_t crc32(const struct crc32_table *table, uint32_t crc, const void *data, size_t len);
