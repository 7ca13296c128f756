// DEFLATE: a bit stream, low bit first, of blocks that are stored or coded with two Huffman codes,
// one for literals and match lengths, one for distances.
//
// A code is looked up by the next bits of the stream. An entry is
//   bits  0-7   bits of the stream that the code takes
//   bits  8-12  extra bits that follow
//   bits 13-15  what it is
//   bits 16-31  literal byte, or base of the length or distance
//
// The bit buffer holds at least 56 bits after a refill, more than the longest match (15 + 5 + 15 +
// 13 = 48) takes. Past the end of the input it is fed zero bytes, which are counted: at the end of
// the stream all of them must still be there, untouched, and more than 8 are never given out.
#include "lib/inflate.h"

#include "lib/bits.h"
#include "lib/errno.h"
#include "lib/string.h"

#define ENTRY_LITERAL 0x2000u
#define ENTRY_SPECIAL 0x8000u // end of block, or (with a value of 1) a code that has no meaning
#define ENTRY_INVALID (ENTRY_SPECIAL | 1u << 16)

#define SYMBOL_END 256

struct bit_reader {
    uint64_t bits;
    unsigned count;   // bits in `bits`; what lies above them is rubbish that agrees with the input
    unsigned overrun; // zero bytes given out past the end
    const uint8_t *at;
    const uint8_t *end;
};

static int refill_slowly(struct bit_reader *b)
{
    b->bits &= b->count ? ~0ull >> (64 - b->count) : 0;
    for (; b->count <= 56; b->count += 8) {
        if (b->at < b->end)
            b->bits |= (uint64_t)*b->at++ << b->count;
        else if (++b->overrun > 8)
            return -EINVAL;
    }
    return 0;
}

static inline int refill(struct bit_reader *b)
{
    if (unlikely(b->end - b->at < 8))
        return refill_slowly(b);
    b->bits |= load_le64(b->at) << b->count;
    b->at += (63 - b->count) >> 3;
    b->count |= 56;
    return 0;
}

static inline void skip_bits(struct bit_reader *b, unsigned n)
{
    b->bits >>= n;
    b->count -= n;
}

static inline uint32_t take_bits(struct bit_reader *b, unsigned n)
{
    uint32_t v = (uint32_t)(b->bits & ((1ull << n) - 1));

    skip_bits(b, n);
    return v;
}

// Bits past the end of the input were used.
static bool used_too_many(const struct bit_reader *b)
{
    return b->count / 8 < b->overrun;
}

// Gives the whole bytes in the bit buffer back to the input.
static int align_to_byte(struct bit_reader *b)
{
    if (used_too_many(b))
        return -EINVAL;
    b->at -= b->count / 8 - b->overrun;
    b->bits = 0;
    b->count = 0;
    b->overrun = 0;
    return 0;
}

enum code_kind { CODE_LITLEN, CODE_DIST, CODE_PRECODE };

static uint32_t length_entry(unsigned symbol)
{
    unsigned s = symbol - SYMBOL_END - 1;
    unsigned extra = s < 8 ? 0 : (s >> 2) - 1;

    if (s > 28)
        return ENTRY_INVALID;
    if (s == 28)
        return 258u << 16;
    return (3 + (s < 8 ? s : (4 + (s & 3)) << extra)) << 16 | extra << 8;
}

static uint32_t distance_entry(unsigned symbol)
{
    unsigned extra = symbol < 4 ? 0 : (symbol >> 1) - 1;

    if (symbol > 29)
        return ENTRY_INVALID;
    return (1 + (symbol < 2 ? symbol : (2 + (symbol & 1)) << extra)) << 16 | extra << 8;
}

static uint32_t symbol_entry(enum code_kind kind, unsigned symbol)
{
    if (kind == CODE_DIST)
        return distance_entry(symbol);
    if (kind == CODE_PRECODE || symbol < SYMBOL_END)
        return ENTRY_LITERAL | symbol << 16;
    return symbol == SYMBOL_END ? ENTRY_SPECIAL : length_entry(symbol);
}

// Codewords come with their first bit highest, the stream has it lowest.
static uint32_t reverse(uint32_t code, unsigned len)
{
    uint32_t reversed = 0;

    for (; len > 0; len--, code >>= 1)
        reversed = reversed << 1 | (code & 1);
    return reversed;
}

// Counts the codewords of each length, finds the first of each and the longest length. Returns how
// many of the longest kind are left over, negative when there are more than can be.
static int count_codes(const uint8_t *lengths, unsigned symbols, unsigned *count, uint32_t *first,
                       unsigned *longest)
{
    uint32_t code = 0;
    int left = 1;

    memset(count, 0, (INFLATE_CODE_BITS + 1) * sizeof(*count));
    for (unsigned s = 0; s < symbols; s++)
        count[lengths[s]]++;
    *longest = 1;
    for (unsigned len = 1; len <= INFLATE_CODE_BITS && left >= 0; len++) {
        first[len] = code;
        code = (code + count[len]) << 1;
        left = left * 2 - (int)count[len];
        if (count[len])
            *longest = len;
    }
    return left;
}

// Makes the lookup table of the canonical Huffman code with these lengths. As zlib does, an
// incomplete code is taken only if it has a single codeword of one bit, or (distances) none.
static int build_table(struct inflate_table *t, enum code_kind kind, const uint8_t *lengths,
                       unsigned symbols)
{
    unsigned count[INFLATE_CODE_BITS + 1];
    uint32_t next[INFLATE_CODE_BITS + 1];
    int left = count_codes(lengths, symbols, count, next, &t->bits);
    unsigned used = symbols - count[0];

    if (left < 0)
        return -EINVAL;
    if (left > 0) {
        if (used > 1 || (used == 1 && count[1] != 1) || kind == CODE_PRECODE ||
            (used == 0 && kind != CODE_DIST))
            return -EINVAL;
        t->entries[0] = t->entries[1] = ENTRY_INVALID;
    }
    for (unsigned s = 0; s < symbols; s++) {
        unsigned len = lengths[s];
        uint32_t entry = symbol_entry(kind, s) | len;

        if (len == 0)
            continue;
        for (uint32_t i = reverse(next[len]++, len); i < 1u << t->bits; i += 1u << len)
            t->entries[i] = entry;
    }
    return 0;
}

static int build_tables(struct inflate_work *work, unsigned litlen_symbols, unsigned dist_symbols)
{
    int ret = build_table(&work->litlen, CODE_LITLEN, work->lengths, litlen_symbols);

    if (ret)
        return ret;
    return build_table(&work->dist, CODE_DIST, work->lengths + litlen_symbols, dist_symbols);
}

static inline uint32_t look_up(struct bit_reader *b, const struct inflate_table *t)
{
    uint32_t e = t->entries[b->bits & ((1u << t->bits) - 1)];

    skip_bits(b, e & 0xff);
    return e;
}

static int fixed_tables(struct inflate_work *work)
{
    uint8_t *l = work->lengths;

    memset(l, 8, 144);
    memset(l + 144, 9, 112);
    memset(l + 256, 7, 24);
    memset(l + 280, 8, 8);
    memset(l + INFLATE_LITLEN_SYMBOLS, 5, INFLATE_DIST_SYMBOLS);
    return build_tables(work, INFLATE_LITLEN_SYMBOLS, INFLATE_DIST_SYMBOLS);
}

// The code lengths of a dynamic block are themselves run-length and Huffman coded (3.2.7).
static int read_lengths(struct bit_reader *b, struct inflate_work *work, unsigned total)
{
    unsigned n = 0;

    while (n < total) {
        unsigned run = 1, value;
        uint32_t e;

        if (refill(b))
            return -EINVAL;
        e = look_up(b, &work->dist);
        value = e >> 16;
        if (value == 16) {
            if (n == 0)
                return -EINVAL;
            value = work->lengths[n - 1];
            run = 3 + take_bits(b, 2);
        } else if (value > 16) {
            run = value == 17 ? 3 + take_bits(b, 3) : 11 + take_bits(b, 7);
            value = 0;
        }
        if (run > total - n)
            return -EINVAL;
        memset(work->lengths + n, (int)value, run);
        n += run;
    }
    return 0;
}

static int dynamic_tables(struct bit_reader *b, struct inflate_work *work)
{
    static const uint8_t order[19] = {16, 17, 18, 0, 8,  7, 9,  6, 10, 5,
                                      11, 4,  12, 3, 13, 2, 14, 1, 15};
    unsigned litlen = 257 + take_bits(b, 5);
    unsigned dist = 1 + take_bits(b, 5);
    unsigned lengths = 4 + take_bits(b, 4);
    int ret;

    if (litlen > 286 || dist > 30)
        return -EINVAL;
    memset(work->lengths, 0, sizeof(order));
    for (unsigned i = 0; i < lengths; i++) {
        if (refill(b))
            return -EINVAL;
        work->lengths[order[i]] = (uint8_t)take_bits(b, 3);
    }
    ret = build_table(&work->dist, CODE_PRECODE, work->lengths, sizeof(order));
    if (ret)
        return ret;
    ret = read_lengths(b, work, litlen + dist);
    if (ret)
        return ret;
    if (!work->lengths[SYMBOL_END])
        return -EINVAL;
    return build_tables(work, litlen, dist);
}

// The value of a length or distance entry with its extra bits.
static inline uint32_t value_of(struct bit_reader *b, uint32_t e)
{
    return (e >> 16) + take_bits(b, e >> 8 & 31);
}

static int inflate_coded(struct bit_reader *stream, struct byte_writer *out,
                         const struct inflate_work *work)
{
    struct bit_reader b = *stream;
    uint8_t *at = out->at;
    uint8_t *const end = out->end;
    int ret = 0;

    for (;;) {
        uint32_t e, d, len;

        if (b.count < 48 && refill(&b)) {
            ret = -EINVAL;
            break;
        }
        e = look_up(&b, &work->litlen);
        if (e & ENTRY_LITERAL) {
            if (unlikely(at == end)) {
                ret = -ENOSPC;
                break;
            }
            *at++ = (uint8_t)(e >> 16);
            continue;
        }
        if (e & ENTRY_SPECIAL) {
            ret = e >> 16 ? -EINVAL : 0;
            break;
        }
        len = value_of(&b, e);
        e = look_up(&b, &work->dist);
        d = value_of(&b, e & ~ENTRY_SPECIAL);
        if (unlikely(e & ENTRY_SPECIAL || d > (size_t)(at - out->start))) {
            ret = -EINVAL;
            break;
        }
        if (unlikely(len > (size_t)(end - at))) {
            ret = -ENOSPC;
            break;
        }
        at = lz_copy(at, d, len, end);
    }
    *stream = b;
    out->at = at;
    return used_too_many(&b) ? -EINVAL : ret;
}

static int inflate_stored(struct bit_reader *b, struct byte_writer *out)
{
    unsigned len;

    if (align_to_byte(b) || b->end - b->at < 4)
        return -EINVAL;
    len = load_le16(b->at);
    if (len != (load_le16(b->at + 2) ^ 0xffffu) || len > (size_t)(b->end - b->at) - 4)
        return -EINVAL;
    if (len > bytes_free(out))
        return -ENOSPC;
    memcpy(out->at, b->at + 4, len);
    out->at += len;
    b->at += 4 + len;
    return 0;
}

static int inflate_block(struct bit_reader *b, struct byte_writer *out, struct inflate_work *work)
{
    int ret;

    switch (take_bits(b, 2)) {
    case 0:
        return inflate_stored(b, out);
    case 1:
        ret = fixed_tables(work);
        break;
    case 2:
        ret = dynamic_tables(b, work);
        break;
    default:
        return -EINVAL;
    }
    return ret ? ret : inflate_coded(b, out, work);
}

int inflate(struct byte_reader *in, struct byte_writer *out, struct inflate_work *work)
{
    struct bit_reader b = {.at = in->at, .end = in->end};
    bool last;
    int ret;

    do {
        if (refill(&b))
            return -EINVAL;
        last = take_bits(&b, 1);
        ret = inflate_block(&b, out, work);
        if (ret)
            return ret;
    } while (!last);
    ret = align_to_byte(&b);
    in->at = b.at;
    return ret;
}
