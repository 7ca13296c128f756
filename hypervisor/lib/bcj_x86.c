// Which of the bytes E8 and E9 are opcodes, encoder and decoder must guess alike, from bytes that
// look the same before and after the conversion. The rules:
//
// - An operand is converted only if its highest byte is 00 or FF, and stays so (bits 25 to 31 of
// the
//   result repeat bit 24).
// - A byte E8 or E9 that was left alone may have been an opcode nevertheless, whose operand
// overlaps
//   those of its next three neighbours. A neighbour with two such before it is left alone; with
//   one, it is if that one's highest operand byte is 00 or FF; and if converting it would make this
//   byte 00 or FF, the operand is inverted from there down and converted once more, which makes it
//   the complement of what it was.
// - The last four bytes are never looked at as opcodes.
#include "lib/bcj_x86.h"

#include <stdbool.h>

#include "lib/bytes.h"

#define ONES 0x0101010101010101ull

static bool is_sign(uint8_t byte)
{
    return byte == 0x00 || byte == 0xff;
}

// The first place in [i, limit) with a byte E8 or E9, or limit. Eight bytes beyond limit's four
// may not be there, so the last ones are looked at singly.
static size_t find_opcode(const uint8_t *buf, size_t i, size_t limit)
{
    for (; i + 8 <= limit; i += 8) {
        uint64_t word = load_le64(buf + i), x, zero_bytes;

        if (!word) // there are kernels of which half is zeros
            continue;
        x = (word & 0xfe * ONES) ^ 0xe8 * ONES;
        zero_bytes = (x - ONES) & ~x & 0x80 * ONES;
        if (zero_bytes)
            return i + (size_t)__builtin_ctzll(zero_bytes) / 8;
    }
    while (i < limit && (buf[i] & 0xfe) != 0xe8)
        i++;
    return i;
}

// Converts the operand at p if the rules allow. Bit k of `before` is set when the byte k + 1 before
// the opcode was an opcode left alone. `next` is the address of the next instruction.
static bool convert(uint8_t *p, unsigned before, uint32_t next)
{
    uint32_t operand = load_le32(p), result = operand - next;

    if (!is_sign(p[3]))
        return false;
    if (before) {
        unsigned shift = before == 1 ? 16 : before == 2 ? 8 : 0;

        if (before & (before - 1) || is_sign((uint8_t)(operand >> shift)))
            return false;
        if (is_sign((uint8_t)(result >> shift)))
            result = (result ^ ((0x100u << shift) - 1)) - next;
    }
    store_le32(p, (uint32_t)((int32_t)(result << 7) >> 7));
    return true;
}

void bcj_x86_decode(uint8_t *buf, size_t len, uint32_t ip)
{
    size_t limit = len < 4 ? 0 : len - 4;
    size_t base = 0; // `before` is relative to it
    unsigned before = 0;

    for (;;) {
        size_t i = find_opcode(buf, base, limit);

        if (i >= limit)
            return;
        before = i - base < 3 ? before << (i - base) & 7 : 0;
        if (convert(buf + i + 1, before, ip + (uint32_t)i + 5)) {
            before = 0;
            base = i + 5;
        } else {
            before = before << 1 | 1;
            base = i + 1;
        }
    }
}
