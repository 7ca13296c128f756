// Zstandard (RFC 8878) into one buffer, which is the window too. Dictionaries are refused.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "lib/bytes.h"

#define ZSTD_BLOCK_MAX      (128u << 10)
#define ZSTD_HUFFMAN_BITS   11
#define ZSTD_HUFFMAN_SLACK  8 // bytes after the literals that fast copies may read
#define ZSTD_FSE_SEQ_BITS   9
#define ZSTD_FSE_SYMBOLS    53
#define ZSTD_WEIGHT_SYMBOLS 256

// One state of a finite state entropy decoder: what it stands for, and how to get to the next,
// which is next + the next `bits` bits of the stream. For sequences, what it stands for is
// value + the next `extra` bits; for Huffman weights value is the weight.
struct fse_state {
    uint32_t value;
    uint16_t next;
    uint8_t bits;
    uint8_t extra;
};

struct fse_table {
    struct fse_state states[1 << ZSTD_FSE_SEQ_BITS];
    unsigned accuracy; // log2 of the number of states
    bool valid;        // may be repeated by the next block
};

enum zstd_code { ZSTD_LITERAL_LENGTH, ZSTD_OFFSET, ZSTD_MATCH_LENGTH, ZSTD_CODES };

struct zstd_work {
    struct fse_table seq[ZSTD_CODES];
    struct fse_table weights;
    uint16_t huffman[1 << ZSTD_HUFFMAN_BITS]; // by the next bits: symbol | length << 8
    unsigned huffman_bits;                    // 0: there is no table yet
    uint32_t rep[3];                          // the last three offsets
    uint8_t weight[ZSTD_WEIGHT_SYMBOLS];
    uint8_t literals[ZSTD_BLOCK_MAX + ZSTD_HUFFMAN_SLACK];
};

// Decodes one frame. The content checksum, if there is one, is verified.
// 0; -EINVAL (damaged); -ENOSPC; -EOPNOTSUPP if the frame needs a dictionary.
int zstd_decode_frame(struct byte_reader *in, struct byte_writer *out, struct zstd_work *work);

// The parts of the decoder.

// Makes the states of a distribution (4.1.1); probability -1 means "less than 1". Their value is
// the symbol. 0, or -EINVAL if the probabilities do not add up to 1 << accuracy.
int fse_build(struct fse_table *table, const int16_t *probabilities, unsigned symbols,
              unsigned accuracy);

// Reads a distribution over at most max_symbols and makes its table.
int fse_read_table(struct byte_reader *in, struct fse_table *table, unsigned max_symbols,
                   unsigned max_accuracy);

// Decodes the literals section of a block, and points *literals at `*size` bytes, in work or in the
// input, that may be read up to *limit.
int zstd_decode_literals(struct byte_reader *in, struct zstd_work *work, const uint8_t **literals,
                         size_t *size, const uint8_t **limit);

// Decodes the sequences section, which is the rest of the block, and carries it out.
int zstd_execute_sequences(struct byte_reader *in, struct byte_writer *out, struct zstd_work *work,
                           const uint8_t *literals, size_t size, const uint8_t *limit);
