// The .xz container (The .xz File Format 1.0.4 and later), as far as kernels use it: LZMA2, alone
// or behind the x86 branch filter, with CRC-32 or no check.
#pragma once

#include "lib/bytes.h"
#include "lib/crc.h"
#include "lib/lzma.h"

struct xz_work {
    struct crc32_table crc32;
    struct lzma lzma;
};

// Decodes the blocks of a stream; the table in work must be initialised. `out` is left behind what
// was written. 0; -EINVAL (damaged); -ENOSPC; -EOPNOTSUPP for another check or filter.
int xz_decode_stream(struct byte_reader *in, struct byte_writer *out, struct xz_work *work);
