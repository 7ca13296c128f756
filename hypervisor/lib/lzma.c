// LZMA: a range coder over adaptive bits, and above it literals and matches.
//
// All that the loop touches for each bit lives in a local struct range, which the compiler keeps in
// registers because every function that gets its address is inlined. Bits are decoded with a
// branch: fewer instructions than without, and emulators run by the instruction.
//
// The input is checked once a symbol, not once a byte: see LZMA_READ_AHEAD. The output is checked
// where it is written: a literal needs out < out_end, which the loop asks; a match is checked.
#include "lib/lzma.h"

#include "lib/bits.h"
#include "lib/errno.h"

#define PROB_BITS 11
#define PROB_INIT (1 << (PROB_BITS - 1))
#define MOVE_BITS 5
#define PROB_MAX  ((1 << PROB_BITS) - (1 << MOVE_BITS) + 1) // as much as it comes to by itself
#define RANGE_TOP (1u << 24)

#define FIRST_MATCHED_STATE 7 // from here on the last symbol was a match
#define MIN_MATCH           2

struct range {
    uint32_t range;
    uint32_t code;
    const uint8_t *in;
};

#define always_inline inline __attribute__((always_inline))

static always_inline void normalize(struct range *r)
{
    if (r->range < RANGE_TOP) {
        r->range <<= 8;
        r->code = r->code << 8 | *r->in++;
    }
}

// *prob -= n, as one instruction. The compiler, which knows *prob, would keep a copy for it.
static always_inline void subtract(uint16_t *prob, uint32_t n)
{
    __asm__("subw %w1, %0" : "+m"(*prob) : "r"(n) : "cc");
}

static always_inline bool decode_bit(struct range *r, uint16_t *prob)
{
    uint32_t p = *prob, bound;

    normalize(r);
    bound = (r->range >> PROB_BITS) * p;
    if (r->code < bound) {
        r->range = bound;
        subtract(prob, (uint32_t)((int32_t)(p - PROB_MAX) >> MOVE_BITS)); // += (2048 - p) / 32
        return false;
    }
    r->range -= bound;
    r->code -= bound;
    subtract(prob, p >> MOVE_BITS);
    return true;
}

// Walks down a tree of probabilities from `symbol`, until it is at least limit. Highest bit first.
static always_inline uint32_t walk_tree(struct range *r, uint16_t *probs, uint32_t symbol,
                                        uint32_t limit)
{
    while (symbol < limit)
        symbol = decode_bit(r, &probs[symbol]) ? symbol * 2 + 1 : symbol * 2;
    return symbol;
}

// The same from the root and with the steps written out; the result has a 1 above the bits.
static always_inline uint32_t decode_tree(struct range *r, uint16_t *probs, int bits)
{
    uint32_t symbol = 1;

#pragma GCC unroll 8
    for (int i = 0; i < bits; i++)
        symbol = decode_bit(r, &probs[symbol]) ? symbol * 2 + 1 : symbol * 2;
    return symbol;
}

// Lowest bit first. The tree's nodes are numbered by the bits so far below a 1, which is another
// order than usual, but all nodes are alike in the beginning.
static always_inline uint32_t decode_reverse(struct range *r, uint16_t *probs, unsigned bits)
{
    uint32_t value = 0, limit = 1u << bits;

    for (uint32_t bit = 1; bit < limit; bit <<= 1)
        if (decode_bit(r, &probs[bit + value]))
            value += bit;
    return value;
}

// Bits of even odds, highest first.
static always_inline uint32_t decode_direct(struct range *r, unsigned bits)
{
    uint32_t value = 0;

    for (; bits > 0; bits--) {
        uint32_t negative;

        normalize(r);
        r->range >>= 1;
        r->code -= r->range;
        negative = 0 - (r->code >> 31); // all ones if it was less
        r->code += r->range & negative;
        value = value * 2 + 1 + negative;
    }
    return value;
}

// After a match the byte at the last distance is known not to be the next one, so it helps predict
// it: for as long as the bits agree with its bits, they are decoded with probabilities of their
// own.
static always_inline uint8_t decode_matched_literal(struct range *r, uint16_t *probs,
                                                    uint32_t match_byte)
{
    uint32_t symbol = 1;

    do {
        uint32_t match_bit;

        match_byte <<= 1;
        match_bit = match_byte & 0x100;
        if (decode_bit(r, &probs[0x100 + match_bit + symbol])) {
            symbol = symbol * 2 + 1;
            if (!match_bit)
                break;
        } else {
            symbol *= 2;
            if (match_bit)
                break;
        }
    } while (symbol < 0x100);
    return (uint8_t)walk_tree(r, probs, symbol, 0x100);
}

static always_inline uint32_t decode_length(struct range *r, struct lzma_length *l,
                                            unsigned pos_state)
{
    if (!decode_bit(r, &l->choice[0]))
        return decode_tree(r, l->low[pos_state], 3) - 8 + MIN_MATCH;
    if (!decode_bit(r, &l->choice[1]))
        return decode_tree(r, l->mid[pos_state], 3) - 8 + MIN_MATCH + 8;
    return walk_tree(r, l->high, 1, 256) - 256 + MIN_MATCH + 16;
}

static always_inline uint32_t decode_distance(struct range *r, struct lzma_probs *p, uint32_t len)
{
    uint16_t *slots = p->slot[len < MIN_MATCH + 4 ? len - MIN_MATCH : 3];
    uint32_t slot = decode_tree(r, slots, 6) - 64;
    unsigned bits = (slot >> 1) - 1;
    uint32_t distance = 2 | (slot & 1);

    if (slot < 4)
        return slot;
    if (slot < 14) {
        distance <<= bits;
        return distance + decode_reverse(r, p->middle + distance - slot, bits);
    }
    distance = (distance << (bits - 4)) + decode_direct(r, bits - 4);
    return (distance << 4) + decode_reverse(r, p->align, 4);
}

// Chooses one of the last four distances and moves it to the front.
static always_inline void decode_rep(struct range *r, struct lzma_probs *p, unsigned state,
                                     uint32_t rep[4])
{
    uint32_t distance = rep[1];

    if (decode_bit(r, &p->is_rep1[state])) {
        distance = rep[2];
        if (decode_bit(r, &p->is_rep2[state])) {
            distance = rep[3];
            rep[3] = rep[2];
        }
        rep[2] = rep[1];
    }
    rep[1] = rep[0];
    rep[0] = distance;
}

static always_inline unsigned state_after_literal(unsigned state)
{
    return state < 4 ? 0 : state < 10 ? state - 3 : state - 6;
}

// What follows the bit that says it is no literal: sets rep[0] and the state, returns the length.
static always_inline uint32_t decode_match(struct range *r, struct lzma_probs *p, unsigned *state,
                                           unsigned pos_state, uint32_t rep[4])
{
    unsigned s = *state;
    bool after_literal = s < FIRST_MATCHED_STATE;
    uint32_t len;

    if (!decode_bit(r, &p->is_rep[s])) {
        len = decode_length(r, &p->match_len, pos_state);
        rep[3] = rep[2];
        rep[2] = rep[1];
        rep[1] = rep[0];
        rep[0] = decode_distance(r, p, len);
        *state = after_literal ? 7 : 10;
        return len;
    }
    if (decode_bit(r, &p->is_rep0[s])) {
        decode_rep(r, p, s, rep);
    } else if (!decode_bit(r, &p->is_rep0_long[s][pos_state])) {
        *state = after_literal ? 9 : 11;
        return 1;
    }
    *state = after_literal ? 8 : 11;
    return decode_length(r, &p->rep_len, pos_state);
}

// Decodes until the output is full. Returns it, or NULL when the data is damaged.
static uint8_t *decode_symbols(struct lzma *l, struct range *range, const uint8_t *in_end,
                               const struct byte_writer *out, uint8_t *out_end)
{
    struct lzma_probs *const p = &l->probs;
    struct range r = *range;
    uint8_t *at = out->at;
    uint32_t rep[4] = {l->rep[0], l->rep[1], l->rep[2], l->rep[3]};
    unsigned state = l->state;
    unsigned last = at > out->start ? at[-1] : 0;

    while (at < out_end) {
        size_t pos = (size_t)(at - out->start);
        unsigned pos_state = pos & l->pos_mask;
        uint32_t len;

        if (unlikely(r.in > in_end))
            return NULL;
        if (!decode_bit(&r, &p->is_match[state][pos_state])) {
            unsigned lc = l->literal_context_bits;
            uint16_t *literal =
                p->literal[((pos & l->literal_pos_mask) << lc) + (last >> (8 - lc))];

            last = state < FIRST_MATCHED_STATE
                       ? (uint8_t)decode_tree(&r, literal, 8)
                       : decode_matched_literal(&r, literal, at[-(ptrdiff_t)rep[0] - 1]);
            *at++ = (uint8_t)last;
            state = state_after_literal(state);
            continue;
        }
        len = decode_match(&r, p, &state, pos_state, rep);
        if (unlikely(rep[0] >= pos || len > (size_t)(out_end - at)))
            return NULL;
        at = lz_copy(at, (size_t)rep[0] + 1, len, out->end);
        last = at[-1];
    }
    normalize(&r);
    *range = r;
    for (int i = 0; i < 4; i++)
        l->rep[i] = rep[i];
    l->state = state;
    return at;
}

int lzma_decode_chunk(struct lzma *l, const uint8_t *in, const uint8_t *in_end,
                      struct byte_writer *out, size_t size)
{
    struct range r = {.range = ~0u};
    uint8_t *at;

    if (in_end - in < 5 || in[0] != 0 || size > bytes_free(out))
        return -EINVAL;
    for (int i = 1; i < 5; i++)
        r.code = r.code << 8 | in[i];
    r.in = in + 5;
    at = decode_symbols(l, &r, in_end, out, out->at + size);
    if (!at || r.in != in_end || r.code != 0)
        return -EINVAL;
    out->at = at;
    return 0;
}

int lzma_set_properties(struct lzma *l, uint8_t byte)
{
    unsigned lc = byte % 9, lp = byte / 9 % 5, pb = byte / 45;

    if (pb > 4 || lc + lp > LZMA_LITERAL_LOG)
        return -EINVAL;
    l->literal_context_bits = lc;
    l->literal_pos_mask = (1u << lp) - 1;
    l->pos_mask = (1u << pb) - 1;
    return 0;
}

void lzma_reset(struct lzma *l)
{
    uint16_t *probs = (uint16_t *)&l->probs;

    for (int i = 0; i < 4; i++)
        l->rep[i] = 0;
    l->state = 0;
    for (size_t i = 0; i < sizeof(l->probs) / sizeof(*probs); i++)
        probs[i] = PROB_INIT;
}
