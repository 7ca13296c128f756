// XXH64 with seed 0: the content checksum of zstd frames is its low 32 bits (RFC 8878, 3.1.1).
#pragma once

#include <stddef.h>
#include <stdint.h>

uint64_t xxhash64(const void *data, size_t len);
