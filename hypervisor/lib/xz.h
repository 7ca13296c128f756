// The .xz container (The .xz File Format 1.0.4 and later): LZMA2, alone or behind the x86 branch
// filter, with CRC-32, CRC-64 or no check.
#pragma once

#include "lib/bytes.h"
#include "lib/crc.h"
#include "lib/lzma.h"

struct xz_work {
    struct crc32_table crc32;
    struct crc64_table crc64;
    struct lzma lzma;
};

// Decodes one stream, header to footer. The tables in work must be initialised. `in` is left behind
// the footer, `out` behind what was written. 0; -EINVAL (damaged); -ENOSPC; -EOPNOTSUPP for another
// check (SHA-256) or filter.
int xz_decode_stream(struct byte_reader *in, struct byte_writer *out, struct xz_work *work);

// Adds up the sizes that the index of each stream gives, from the last stream back to the first.
// Trusts no more than what it needs to stay inside: the decoder verifies the index. 0 or -EINVAL.
int xz_uncompressed_size(const uint8_t *in, size_t len, uint64_t *size);
