// The literals section of a zstd block (RFC 8878, 3.1.1.3.1): plain, one byte repeated, or Huffman
// coded in one stream or four, with a tree that is given (4.2.1) or that of the block before.
#include "lib/zstd.h"

#include "lib/bits.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "lib/zstd_bits.h"

#define MAX_WEIGHT_ACCURACY 6
#define MAX_WEIGHT          ZSTD_HUFFMAN_BITS

// Weights coded by two states that take turns, until the bits are used up (4.2.1.2).
static int decode_weights(const uint8_t *data, size_t size, struct zstd_work *work, unsigned *count)
{
    struct byte_reader in = {data, data + size};
    const struct fse_table *t = &work->weights;
    struct reverse_bits b;
    unsigned state[2], n = 0;

    if (fse_read_table(&in, &work->weights, MAX_WEIGHT + 1, MAX_WEIGHT_ACCURACY) ||
        bits_open(&b, in.at, bytes_left(&in)))
        return -EINVAL;
    state[0] = (unsigned)bits_take(&b, t->accuracy);
    state[1] = (unsigned)bits_take(&b, t->accuracy);
    if (bits_overrun(&b))
        return -EINVAL;
    while (n < ZSTD_WEIGHT_SYMBOLS - 2) {
        const struct fse_state *s = &t->states[state[n % 2]];

        bits_refill(&b);
        work->weight[n] = (uint8_t)s->value;
        state[n % 2] = s->next + (unsigned)bits_take(&b, s->bits);
        n++;
        if (bits_overrun(&b)) {
            work->weight[n] = (uint8_t)t->states[state[n % 2]].value;
            *count = n + 1;
            return 0;
        }
    }
    return -EINVAL;
}

// Half a byte for each weight (4.2.1.1).
static int read_plain_weights(struct byte_reader *in, struct zstd_work *work, unsigned count)
{
    const uint8_t *p = bytes_take(in, (count + 1) / 2);

    if (!p)
        return -EINVAL;
    for (unsigned i = 0; i < count; i++)
        work->weight[i] = i % 2 ? p[i / 2] & 15 : p[i / 2] >> 4;
    return 0;
}

// The last symbol's weight is not said: it is what makes the sum of 2^(weight - 1) a power of 2.
// Returns that power's logarithm, the longest code's length, which two symbols at least must have,
// or -EINVAL.
static int complete_weights(struct zstd_work *work, unsigned count)
{
    unsigned sum = 0, longest = 0, rest;
    int bits;

    for (unsigned i = 0; i < count; i++) {
        if (work->weight[i] > MAX_WEIGHT)
            return -EINVAL;
        sum += (1u << work->weight[i]) >> 1;
        longest += work->weight[i] == 1;
    }
    if (sum == 0)
        return -EINVAL;
    bits = (int)bit_last(sum) + 1;
    rest = (1u << bits) - sum;
    if (bits > ZSTD_HUFFMAN_BITS || rest & (rest - 1) || longest + (rest == 1) < 2)
        return -EINVAL;
    work->weight[count] = (uint8_t)(bit_last(rest) + 1);
    return bits;
}

// Codes are dealt out by increasing weight, then symbol: each takes 2^(weight - 1) table entries.
static void fill_huffman(struct zstd_work *work, unsigned symbols, unsigned bits)
{
    uint16_t *entry = work->huffman;

    for (unsigned w = 1; w <= bits; w++)
        for (unsigned s = 0; s < symbols; s++)
            if (work->weight[s] == w)
                for (unsigned i = 0; i < 1u << (w - 1); i++)
                    *entry++ = (uint16_t)(s | (bits + 1 - w) << 8);
    work->huffman_bits = bits;
}

static int read_tree(struct byte_reader *in, struct zstd_work *work)
{
    const uint8_t *header = bytes_take(in, 1);
    const uint8_t *data;
    unsigned count;
    int ret;

    if (!header)
        return -EINVAL;
    if (*header >= 128) {
        count = *header - 127u;
        ret = read_plain_weights(in, work, count);
    } else {
        data = bytes_take(in, *header);
        ret = data ? decode_weights(data, *header, work, &count) : -EINVAL;
    }
    if (ret)
        return ret;
    ret = complete_weights(work, count);
    if (ret < 0)
        return ret;
    fill_huffman(work, count + 1, (unsigned)ret);
    return 0;
}

// Decodes exactly `size` literals from a stream that must hold exactly them.
static int decode_stream(const uint8_t *data, size_t data_size, const struct zstd_work *work,
                         uint8_t *out, size_t size)
{
    const unsigned bits = work->huffman_bits;
    const uint16_t *table = work->huffman;
    uint8_t *end = out + size;
    struct reverse_bits b;

    if (bits_open(&b, data, data_size))
        return -EINVAL;
    while (out < end) {
        unsigned n = end - out < 5 ? (unsigned)(end - out) : 5;

        bits_refill(&b);
        do {
            uint16_t e = table[bits_peek(&b, bits)];

            b.used += e >> 8;
            *out++ = (uint8_t)e;
        } while (--n > 0);
    }
    bits_refill(&b);
    return bits_at_end(&b) ? 0 : -EINVAL;
}

static int decode_four_streams(struct byte_reader *in, const struct zstd_work *work, uint8_t *out,
                               size_t size)
{
    const uint8_t *jump = bytes_take(in, 6);
    size_t part = (size + 3) / 4;

    if (!jump || 3 * part > size)
        return -EINVAL;
    for (int i = 0; i < 4; i++) {
        size_t packed = i < 3 ? load_le16(jump + 2 * i) : bytes_left(in);
        size_t n = i < 3 ? part : size - 3 * part;
        const uint8_t *data = bytes_take(in, packed);

        if (!data || decode_stream(data, packed, work, out, n))
            return -EINVAL;
        out += n;
    }
    return 0;
}

struct literals_header {
    enum { LITERALS_RAW, LITERALS_RLE, LITERALS_COMPRESSED, LITERALS_TREELESS } type;
    bool four_streams;
    size_t size;
    size_t packed;
};

static int read_header(struct byte_reader *in, struct literals_header *h)
{
    static const uint8_t plain_bytes[4] = {1, 2, 1, 3}, plain_shift[4] = {3, 4, 3, 4};
    static const uint8_t coded_bytes[4] = {3, 3, 4, 5}, coded_bits[4] = {10, 10, 14, 18};
    unsigned format, bytes;
    const uint8_t *p;
    uint64_t v = 0;

    if (!bytes_left(in))
        return -EINVAL;
    h->type = *in->at & 3;
    format = *in->at >> 2 & 3;
    bytes = h->type < LITERALS_COMPRESSED ? plain_bytes[format] : coded_bytes[format];
    p = bytes_take(in, bytes);
    if (!p)
        return -EINVAL;
    for (unsigned i = 0; i < bytes; i++)
        v |= (uint64_t)p[i] << (8 * i);
    if (h->type < LITERALS_COMPRESSED) {
        h->size = v >> plain_shift[format];
        h->packed = h->type == LITERALS_RLE ? 1 : h->size;
    } else {
        h->size = v >> 4 & ((1u << coded_bits[format]) - 1);
        h->packed = v >> (4 + coded_bits[format]);
        h->four_streams = format > 0;
    }
    return h->size <= ZSTD_BLOCK_MAX ? 0 : -EINVAL;
}

static int decode_huffman(struct byte_reader *in, struct zstd_work *work,
                          const struct literals_header *h)
{
    if (h->type == LITERALS_COMPRESSED && read_tree(in, work))
        return -EINVAL;
    if (!work->huffman_bits)
        return -EINVAL;
    if (h->four_streams)
        return decode_four_streams(in, work, work->literals, h->size);
    return decode_stream(in->at, bytes_left(in), work, work->literals, h->size);
}

int zstd_decode_literals(struct byte_reader *in, struct zstd_work *work, const uint8_t **literals,
                         size_t *size, const uint8_t **limit)
{
    struct literals_header h = {0};
    struct byte_reader section;

    if (read_header(in, &h))
        return -EINVAL;
    section.at = bytes_take(in, h.packed);
    if (!section.at)
        return -EINVAL;
    section.end = in->at;
    *size = h.size;
    *literals = work->literals;
    *limit = work->literals + sizeof(work->literals);
    if (h.type == LITERALS_RAW) {
        *literals = section.at;
        *limit = in->end;
        return 0;
    }
    if (h.type == LITERALS_RLE) {
        memset(work->literals, *section.at, h.size);
        return 0;
    }
    return decode_huffman(&section, work, &h);
}
