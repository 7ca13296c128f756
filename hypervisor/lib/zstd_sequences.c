// The sequences section of a zstd block (RFC 8878, 3.1.1.3.2): each sequence copies some literals,
// then a match. Lengths and offsets are codes, decoded by three finite state machines over one bit
// stream, plus extra bits from the same stream.
#include "lib/zstd.h"

#include "lib/bits.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "lib/zstd_bits.h"

enum table_mode { MODE_PREDEFINED, MODE_RLE, MODE_FSE, MODE_REPEAT };

#define PREDEFINED_MAX 53

// What is fixed for each of the three kinds of code. Values and extra bits: up to `plain` a code is
// its own value (plus first), above it the values follow from the numbers of extra bits.
struct code_rules {
    uint8_t symbols;
    uint8_t max_accuracy;
    uint8_t predefined_accuracy;
    uint8_t predefined_symbols;
    int8_t predefined[PREDEFINED_MAX];
    uint8_t plain;
    uint8_t first;
    uint8_t extra[21];
};

static const struct code_rules rules[ZSTD_CODES] = {
    [ZSTD_LITERAL_LENGTH] =
        {
            .symbols = 36,
            .max_accuracy = 9,
            .predefined_accuracy = 6,
            .predefined_symbols = 36,
            .predefined = {4, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1,  1,  2,  2,
                           2, 2, 2, 2, 2, 2, 2, 3, 2, 1, 1, 1, 1, 1, -1, -1, -1, -1},
            .plain = 16,
            .first = 0,
            .extra = {1, 1, 1, 1, 2, 2, 3, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16},
        },
    [ZSTD_OFFSET] =
        {
            .symbols = 32,
            .max_accuracy = 8,
            .predefined_accuracy = 5,
            .predefined_symbols = 29,
            .predefined = {1, 1, 1, 1, 1, 1, 2, 2, 2, 1,  1,  1,  1,  1, 1,
                           1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1},
        },
    [ZSTD_MATCH_LENGTH] =
        {
            .symbols = 53,
            .max_accuracy = 9,
            .predefined_accuracy = 6,
            .predefined_symbols = 53,
            .predefined = {1, 4, 3, 2, 2, 2, 2, 2, 2, 1, 1,  1,  1,  1,  1,  1,  1, 1,
                           1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,  1,  1,  1,  1,  1,  1, 1,
                           1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1, -1, -1},
            .plain = 32,
            .first = 3,
            .extra = {1, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16},
        },
};

// Replaces the codes in the states by what they stand for.
static int set_values(struct fse_table *table, enum zstd_code kind)
{
    const struct code_rules *r = &rules[kind];
    uint32_t value[PREDEFINED_MAX], next = r->plain + r->first;

    for (unsigned c = 0; c < r->symbols; c++) {
        value[c] = c < r->plain ? c + r->first : next;
        if (c >= r->plain && kind != ZSTD_OFFSET)
            next += 1u << r->extra[c - r->plain];
    }
    for (unsigned i = 0; i < 1u << table->accuracy; i++) {
        struct fse_state *s = &table->states[i];
        unsigned code = s->value;

        if (code >= r->symbols)
            return -EINVAL;
        if (kind == ZSTD_OFFSET) {
            s->extra = (uint8_t)code;
            s->value = 1u << code;
        } else {
            s->extra = code < r->plain ? 0 : r->extra[code - r->plain];
            s->value = value[code];
        }
    }
    return 0;
}

static int predefined_table(struct fse_table *table, const struct code_rules *r)
{
    int16_t probabilities[PREDEFINED_MAX];

    for (unsigned i = 0; i < r->predefined_symbols; i++)
        probabilities[i] = r->predefined[i];
    return fse_build(table, probabilities, r->predefined_symbols, r->predefined_accuracy);
}

static int rle_table(struct byte_reader *in, struct fse_table *table)
{
    const uint8_t *code = bytes_take(in, 1);

    if (!code)
        return -EINVAL;
    table->states[0] = (struct fse_state){.value = *code};
    table->accuracy = 0;
    table->valid = true;
    return 0;
}

static int read_table(struct byte_reader *in, struct zstd_work *work, enum zstd_code kind,
                      enum table_mode mode)
{
    struct fse_table *table = &work->seq[kind];
    const struct code_rules *r = &rules[kind];
    int ret;

    if (mode == MODE_REPEAT)
        return table->valid ? 0 : -EINVAL;
    if (mode == MODE_PREDEFINED)
        ret = predefined_table(table, r);
    else if (mode == MODE_RLE)
        ret = rle_table(in, table);
    else
        ret = fse_read_table(in, table, r->symbols, r->max_accuracy);
    if (!ret)
        ret = set_values(table, kind);
    if (ret)
        table->valid = false;
    return ret;
}

static int read_header(struct byte_reader *in, struct zstd_work *work, unsigned *sequences)
{
    const uint8_t *p = bytes_take(in, 1);
    unsigned n;

    if (!p)
        return -EINVAL;
    n = *p;
    if (n >= 128) {
        const uint8_t *more = bytes_take(in, n == 255 ? 2 : 1);

        if (!more)
            return -EINVAL;
        n = n == 255 ? 0x7f00u + load_le16(more) : (n - 128) << 8 | *more;
    }
    *sequences = n;
    if (n == 0)
        return 0;
    p = bytes_take(in, 1);
    if (!p || *p & 3 || read_table(in, work, ZSTD_LITERAL_LENGTH, *p >> 6) ||
        read_table(in, work, ZSTD_OFFSET, *p >> 4 & 3) ||
        read_table(in, work, ZSTD_MATCH_LENGTH, *p >> 2 & 3))
        return -EINVAL;
    return 0;
}

// Offset values 1 to 3 mean one of the last three offsets, counted from the second if there are no
// literals, where the third is the first less 1. The one used moves to the front (3.1.1.5).
static inline uint32_t resolve_offset(uint32_t value, bool no_literals, uint32_t rep[3])
{
    uint32_t offset = value - 3;
    unsigned which;

    if (value <= 3) {
        which = value - 1 + no_literals;
        if (which == 0)
            return rep[0];
        offset = which < 3 ? rep[which] : rep[0] - 1;
        if (which == 1) {
            rep[1] = rep[0];
            rep[0] = offset;
            return offset;
        }
    }
    rep[2] = rep[1];
    rep[1] = rep[0];
    rep[0] = offset;
    return offset;
}

struct sequence {
    size_t literals;
    size_t match;
    uint32_t offset;
};

struct decoder {
    struct reverse_bits bits;
    const struct fse_state *tables[ZSTD_CODES];
    const struct fse_state *state[ZSTD_CODES];
    uint32_t rep[3];
};

static int open_decoder(struct decoder *d, struct byte_reader *in, const struct zstd_work *work)
{
    int ret = bits_open(&d->bits, in->at, bytes_left(in));

    if (ret)
        return ret;
    for (int i = 0; i < ZSTD_CODES; i++) {
        d->tables[i] = work->seq[i].states;
        d->state[i] = d->tables[i] + bits_take(&d->bits, work->seq[i].accuracy);
    }
    for (int i = 0; i < 3; i++)
        d->rep[i] = work->rep[i];
    return 0;
}

static inline void next_state(struct decoder *d, enum zstd_code kind)
{
    const struct fse_state *s = d->state[kind];

    d->state[kind] = d->tables[kind] + s->next + bits_take(&d->bits, s->bits);
}

// The extra bits may be 31 + 16 + 16, the bits for the next states 9 + 9 + 8; a refill gives 57.
static inline struct sequence next_sequence(struct decoder *d, bool last)
{
    const struct fse_state *literals = d->state[ZSTD_LITERAL_LENGTH];
    const struct fse_state *match = d->state[ZSTD_MATCH_LENGTH];
    const struct fse_state *offset = d->state[ZSTD_OFFSET];
    struct sequence s;
    uint32_t value;

    bits_refill(&d->bits);
    value = offset->value + (uint32_t)bits_take(&d->bits, offset->extra);
    s.match = match->value + bits_take(&d->bits, match->extra);
    if (unlikely(offset->extra > 24))
        bits_refill(&d->bits);
    s.literals = literals->value + bits_take(&d->bits, literals->extra);
    s.offset = resolve_offset(value, s.literals == 0, d->rep);
    if (last)
        return s;
    bits_refill(&d->bits);
    next_state(d, ZSTD_LITERAL_LENGTH);
    next_state(d, ZSTD_MATCH_LENGTH);
    next_state(d, ZSTD_OFFSET);
    return s;
}

static int execute(struct decoder *d, unsigned sequences, struct byte_writer *out,
                   struct byte_reader *literals, const uint8_t *limit)
{
    uint8_t *at = out->at;

    for (; sequences > 0; sequences--) {
        struct sequence s = next_sequence(d, sequences == 1);

        if (unlikely(s.literals > bytes_left(literals)))
            return -EINVAL;
        if (unlikely(s.literals + s.match > (size_t)(out->end - at)))
            return -ENOSPC;
        copy_with_slack(at, out->end, literals->at, limit, s.literals);
        at += s.literals;
        literals->at += s.literals;
        if (unlikely(s.offset == 0 || s.offset > (size_t)(at - out->start)))
            return -EINVAL;
        at = lz_copy(at, s.offset, s.match, out->end);
    }
    out->at = at;
    bits_refill(&d->bits);
    return bits_at_end(&d->bits) ? 0 : -EINVAL;
}

int zstd_execute_sequences(struct byte_reader *in, struct byte_writer *out, struct zstd_work *work,
                           const uint8_t *literals, size_t size, const uint8_t *limit)
{
    struct byte_reader rest = {literals, literals + size};
    struct decoder d;
    unsigned sequences;
    int ret;

    if (read_header(in, work, &sequences))
        return -EINVAL;
    if (sequences == 0 && bytes_left(in))
        return -EINVAL;
    if (sequences > 0) {
        ret = open_decoder(&d, in, work);
        if (!ret)
            ret = execute(&d, sequences, out, &rest, limit);
        if (ret)
            return ret;
        for (int i = 0; i < 3; i++)
            work->rep[i] = d.rep[i];
    }
    size = bytes_left(&rest);
    if (size > bytes_free(out))
        return -ENOSPC;
    memcpy(out->at, rest.at, size);
    out->at += size;
    return 0;
}
