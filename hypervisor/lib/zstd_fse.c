// Finite state entropy tables (RFC 8878, 4.1.1): from a distribution of symbols over 1 << accuracy
// states to, for each state, its symbol and which bits lead where.
#include "lib/zstd.h"

#include "lib/bits.h"
#include "lib/errno.h"

// Deals the states out to the symbols: those of probability "less than 1" get one each from the
// top, the others theirs in steps that meet every state once. Returns false if they do not fit.
static bool spread_symbols(struct fse_table *table, const int16_t *probabilities, unsigned symbols)
{
    unsigned size = 1u << table->accuracy, step = (size >> 1) + (size >> 3) + 3;
    unsigned high = size, position = 0, total = 0;

    for (unsigned s = 0; s < symbols; s++) {
        total += probabilities[s] < 0 ? 1 : (unsigned)probabilities[s];
        if (total > size)
            return false;
        if (probabilities[s] < 0)
            table->states[--high].value = s;
    }
    if (total != size)
        return false;
    for (unsigned s = 0; s < symbols; s++) {
        for (int i = 0; i < probabilities[s]; i++) {
            table->states[position].value = s;
            do
                position = (position + step) & (size - 1);
            while (position >= high && high > 0);
        }
    }
    return true;
}

int fse_build(struct fse_table *table, const int16_t *probabilities, unsigned symbols,
              unsigned accuracy)
{
    uint16_t next[ZSTD_FSE_SYMBOLS];
    unsigned size = 1u << accuracy;

    table->accuracy = accuracy;
    table->valid = false;
    if (!spread_symbols(table, probabilities, symbols))
        return -EINVAL;
    for (unsigned s = 0; s < symbols; s++)
        next[s] = probabilities[s] < 0 ? 1 : (uint16_t)probabilities[s];
    for (unsigned i = 0; i < size; i++) {
        struct fse_state *state = &table->states[i];
        unsigned n = next[state->value]++;

        state->bits = (uint8_t)(accuracy - bit_last(n));
        state->next = (uint16_t)((n << state->bits) - size);
        state->extra = 0;
    }
    table->valid = true;
    return 0;
}

// Bits read from the lowest up. Past the end they are 0, which the reader of the whole must check.
struct forward_bits {
    const uint8_t *start;
    size_t size;
    size_t position; // in bits
};

static uint32_t forward_peek(const struct forward_bits *b, unsigned n)
{
    uint32_t v = 0;

    for (size_t i = 0; i < 3 && b->position / 8 + i < b->size; i++)
        v |= (uint32_t)b->start[b->position / 8 + i] << (8 * i);
    return v >> b->position % 8 & ((1u << n) - 1);
}

static uint32_t forward_take(struct forward_bits *b, unsigned n)
{
    uint32_t v = forward_peek(b, n);

    b->position += n;
    return v;
}

// A probability plus 1, which is at most max: coded in as many bits as max needs, or in one less if
// it is among the low values for which the codes that max leaves free suffice.
static unsigned take_probability(struct forward_bits *b, unsigned max)
{
    unsigned width = bit_last(max) + 1;
    unsigned half = 1u << (width - 1);
    unsigned short_codes = 2 * half - 1 - max;
    unsigned v = forward_peek(b, width);

    if ((v & (half - 1)) < short_codes) {
        b->position += width - 1;
        return v & (half - 1);
    }
    b->position += width;
    return v < half ? v : v - short_codes;
}

int fse_read_table(struct byte_reader *in, struct fse_table *table, unsigned max_symbols,
                   unsigned max_accuracy)
{
    struct forward_bits b = {in->at, bytes_left(in), 0};
    int16_t probabilities[ZSTD_FSE_SYMBOLS];
    unsigned accuracy = forward_take(&b, 4) + 5;
    unsigned left = 1u << accuracy, symbols = 0, zeros;

    if (accuracy > max_accuracy)
        return -EINVAL;
    while (left > 0 && symbols < max_symbols) {
        int p = (int)take_probability(&b, left + 1) - 1;

        probabilities[symbols++] = (int16_t)p;
        left -= (unsigned)(p < 0 ? -p : p);
        if (p != 0)
            continue;
        do {
            zeros = forward_take(&b, 2);
            if (zeros > max_symbols - symbols)
                return -EINVAL;
            for (unsigned i = 0; i < zeros; i++)
                probabilities[symbols++] = 0;
        } while (zeros == 3);
    }
    if (left > 0 || !bytes_take(in, (b.position + 7) / 8))
        return -EINVAL;
    return fse_build(table, probabilities, symbols, accuracy);
}
