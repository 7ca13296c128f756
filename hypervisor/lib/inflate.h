// DEFLATE (RFC 1951) and its gzip wrapper (RFC 1952), into one buffer.
#pragma once

#include <stdint.h>

#include "lib/bytes.h"
#include "lib/crc.h"

#define INFLATE_CODE_BITS 15 // of the longest codes of literals, lengths and distances

#define INFLATE_LITLEN_SYMBOLS 288
#define INFLATE_DIST_SYMBOLS   32

// A code's table: looked up by as many of the next bits as the longest of its codewords has.
struct inflate_table {
    unsigned bits;
    uint32_t entries[1 << INFLATE_CODE_BITS];
};

struct inflate_work {
    struct crc32_table crc;
    struct inflate_table litlen, dist; // the latter for the lengths' own code, too
    uint8_t lengths[INFLATE_LITLEN_SYMBOLS + INFLATE_DIST_SYMBOLS];
};

// Decodes one DEFLATE stream. `in` is left behind its last byte, `out` behind what was written;
// matches reach back no further than out->start. 0, -EINVAL (damaged), -ENOSPC.
int inflate(struct byte_reader *in, struct byte_writer *out, struct inflate_work *work);

// Decodes one gzip member, its CRC and size checked. work->crc must be initialised.
// 0, -EINVAL, -ENOSPC; -EOPNOTSUPP for another method than DEFLATE, or a header with more than a
// name.
int gunzip_member(struct byte_reader *in, struct byte_writer *out, struct inflate_work *work);
