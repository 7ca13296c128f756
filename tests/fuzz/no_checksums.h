// A fuzzer cannot guess checksums. This takes the place of lib/crc.c and lib/xxhash.c: every
// checksum is 0, as it is in the seeds.
#pragma once

#include "lib/crc.h"
#include "lib/xxhash.h"

uint32_t crc32(const struct crc32_table *table, uint32_t crc, const void *data, size_t len)
{
    return 0;
}

uint64_t xxhash64(const void *data, size_t len)
{
    return 0;
}
