// The LZMA decoder inside LZMA2 chunks, and LZMA2 itself.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "lib/bytes.h"

#define LZMA_STATES      12
#define LZMA_POS_STATES  16
#define LZMA_LITERAL_LOG 4 // LZMA2 has lc + lp <= 4

// A decoder of one symbol may read so far past the end of a damaged chunk before the damage is
// seen. Each of the up to 22 modelled bits of a symbol narrows the range by at most 2048/31 (6.05
// bits), each of the up to 26 direct bits by one: 20 bytes, and one to begin with.
#define LZMA_READ_AHEAD 21

// Adaptive probabilities that the next bit is 0, in 1/2048. Trees are heaps that begin at index 1.
struct lzma_length {
    uint16_t choice[2];
    uint16_t low[LZMA_POS_STATES][8];
    uint16_t mid[LZMA_POS_STATES][8];
    uint16_t high[256];
};

struct lzma_probs {
    uint16_t is_match[LZMA_STATES][LZMA_POS_STATES];
    uint16_t is_rep[LZMA_STATES];
    uint16_t is_rep0[LZMA_STATES];
    uint16_t is_rep1[LZMA_STATES];
    uint16_t is_rep2[LZMA_STATES];
    uint16_t is_rep0_long[LZMA_STATES][LZMA_POS_STATES];
    uint16_t slot[4][64];
    uint16_t middle[128]; // lower bits of the distances of slots 4 to 13
    uint16_t align[16];
    struct lzma_length match_len;
    struct lzma_length rep_len;
    uint16_t literal[1 << LZMA_LITERAL_LOG][0x300];
};

struct lzma {
    uint32_t rep[4]; // the last four distances, less 1
    unsigned state;
    unsigned literal_context_bits; // lc
    unsigned literal_pos_mask;     // (1 << lp) - 1
    unsigned pos_mask;             // (1 << pb) - 1
    struct lzma_probs probs;
};

// Takes the properties byte, (pb * 5 + lp) * 9 + lc. -EINVAL if it is out of range.
int lzma_set_properties(struct lzma *l, uint8_t byte);
void lzma_reset(struct lzma *l);

// Decodes one chunk, [in, in_end), that must give exactly the size bytes at out->at. The dictionary
// begins at out->start. The input buffer must go on for LZMA_READ_AHEAD bytes after in_end.
// 0 or -EINVAL.
int lzma_decode_chunk(struct lzma *l, const uint8_t *in, const uint8_t *in_end,
                      struct byte_writer *out, size_t size);

// Decodes LZMA2 data up to and with its end marker. in and out are left where it ended. At least
// LZMA_READ_AHEAD bytes of input must follow, or the data is taken for damaged: in an .xz file they
// do. 0, -EINVAL, -ENOSPC.
int lzma2_decode(struct lzma *l, struct byte_reader *in, struct byte_writer *out);
