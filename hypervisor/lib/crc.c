// t[0][b] is the CRC register after the byte b; t[k][b] that after b and k zero bytes. A CRC is
// linear, so a step over several bytes is the exclusive or of what each contributes from its place.
// zeros[k][b] is what byte k of the register, being b, contributes to it after a block of zeros.
#include "lib/crc.h"

#include "lib/bytes.h"

#define CRC32_POLY 0xEDB88320u

#define ZERO_BLOCK 256

static uint32_t step_by_8(const uint32_t t[8][256], uint64_t w)
{
    return t[7][w & 0xff] ^ t[6][w >> 8 & 0xff] ^ t[5][w >> 16 & 0xff] ^ t[4][w >> 24 & 0xff] ^
           t[3][w >> 32 & 0xff] ^ t[2][w >> 40 & 0xff] ^ t[1][w >> 48 & 0xff] ^ t[0][w >> 56];
}

void crc32_init(struct crc32_table *table)
{
    for (uint32_t b = 0; b < 256; b++) {
        uint32_t r = b;

        for (int i = 0; i < 8; i++)
            r = (r >> 1) ^ (r & 1 ? CRC32_POLY : 0);
        table->t[0][b] = r;
    }
    for (int k = 1; k < 8; k++)
        for (int b = 0; b < 256; b++) {
            uint32_t r = table->t[k - 1][b];

            table->t[k][b] = (r >> 8) ^ table->t[0][r & 0xff];
        }
    for (unsigned bit = 0; bit < 32; bit++) {
        uint32_t *row = table->zeros[bit / 8], first = 1u << bit % 8, r = 1u << bit;

        for (int i = 0; i < ZERO_BLOCK / 8; i++)
            r = step_by_8(table->t, r);
        row[0] = 0;
        for (uint32_t b = 0; b < first; b++)
            row[first + b] = row[b] ^ r;
    }
}

static bool is_zero_block(const uint8_t *p)
{
    for (int i = 0; i < ZERO_BLOCK; i += 32)
        if (load_le64(p + i) | load_le64(p + i + 8) | load_le64(p + i + 16) | load_le64(p + i + 24))
            return false;
    return true;
}

uint32_t crc32(const struct crc32_table *table, uint32_t crc, const void *data, size_t len)
{
    const uint32_t(*z)[256] = table->zeros;
    const uint8_t *p = data;

    crc = ~crc;
    while (len >= ZERO_BLOCK) {
        len -= ZERO_BLOCK;
        if (is_zero_block(p)) {
            crc =
                z[0][crc & 0xff] ^ z[1][crc >> 8 & 0xff] ^ z[2][crc >> 16 & 0xff] ^ z[3][crc >> 24];
            p += ZERO_BLOCK;
            continue;
        }
        for (int i = 0; i < ZERO_BLOCK / 8; i++, p += 8)
            crc = step_by_8(table->t, load_le64(p) ^ crc);
    }
    for (; len >= 8; len -= 8, p += 8)
        crc = step_by_8(table->t, load_le64(p) ^ crc);
    for (; len > 0; len--, p++)
        crc = (crc >> 8) ^ table->t[0][(crc ^ *p) & 0xff];
    return ~crc;
}
