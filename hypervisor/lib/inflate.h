// DEFLATE (RFC 1951) and its gzip wrapper (RFC 1952), into one buffer.
#pragma once

#include <stdint.h>

#include "lib/bytes.h"
#include "lib/crc.h"

// Bits looked up at once; longer codes go through a second table. A complete code of 288 symbols
// of at most 15 bits needs no more than 2342 entries with 11 bits in the first table, one of 32
// symbols no more than 402 with 8. The table builder checks all the same.
#define INFLATE_LITLEN_BITS    11
#define INFLATE_LITLEN_ENTRIES 2342
#define INFLATE_DIST_BITS      8
#define INFLATE_DIST_ENTRIES   402
#define INFLATE_PRECODE_BITS   7

#define INFLATE_LITLEN_SYMBOLS 288
#define INFLATE_DIST_SYMBOLS   32

struct inflate_work {
    struct crc32_table crc;
    uint32_t litlen[INFLATE_LITLEN_ENTRIES];
    uint32_t dist[INFLATE_DIST_ENTRIES];
    uint32_t precode[1 << INFLATE_PRECODE_BITS];
    uint16_t sorted[INFLATE_LITLEN_SYMBOLS];
    uint8_t lengths[INFLATE_LITLEN_SYMBOLS + INFLATE_DIST_SYMBOLS];
};

// Decodes one DEFLATE stream. `in` is left behind its last byte, `out` behind what was written;
// matches reach back no further than out->start. 0, -EINVAL (damaged), -ENOSPC.
int inflate(struct byte_reader *in, struct byte_writer *out, struct inflate_work *work);

// Decodes one gzip member, its CRC and size checked. work->crc must be initialised.
// 0, -EINVAL, -ENOSPC; -EOPNOTSUPP for a compression method other than DEFLATE.
int gunzip_member(struct byte_reader *in, struct byte_writer *out, struct inflate_work *work);
