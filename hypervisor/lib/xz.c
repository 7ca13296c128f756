// A stream is a header, blocks, an index of the blocks and a footer. Whoever decodes all blocks in
// their order needs neither index nor footer: they are not looked at.
#include "lib/xz.h"

#include "lib/bcj_x86.h"
#include "lib/errno.h"
#include "lib/string.h"

#define STREAM_HEADER_SIZE 12

#define CHECK_NONE  0x00
#define CHECK_CRC32 0x01

#define FILTER_X86   0x04
#define FILTER_LZMA2 0x21

#define BLOCK_FILTERS_MASK   0x03
#define BLOCK_HAS_PACKED     0x40
#define BLOCK_HAS_SIZE       0x80
#define BLOCK_FLAGS_RESERVED 0x3c

static const uint8_t stream_magic[6] = {0xfd, '7', 'z', 'X', 'Z', 0};

struct block_header {
    bool x86;
    uint32_t x86_start;
};

// A multibyte integer: seven bits a byte, lowest first, at most nine bytes, no needless last 0.
static int take_number(struct byte_reader *in, uint64_t *value)
{
    *value = 0;
    for (unsigned shift = 0; shift < 63; shift += 7) {
        const uint8_t *p = bytes_take(in, 1);

        if (!p || (*p == 0 && shift > 0))
            return -EINVAL;
        *value |= (uint64_t)(*p & 0x7f) << shift;
        if (!(*p & 0x80))
            return 0;
    }
    return -EINVAL;
}

static int take_zeros(struct byte_reader *in, size_t n)
{
    const uint8_t *p = bytes_take(in, n);

    if (!p)
        return -EINVAL;
    for (size_t i = 0; i < n; i++)
        if (p[i])
            return -EINVAL;
    return 0;
}

static int parse_stream_header(struct byte_reader *in, const struct crc32_table *table,
                               uint8_t *check)
{
    const uint8_t *h = bytes_take(in, STREAM_HEADER_SIZE);

    if (!h || memcmp(h, stream_magic, sizeof(stream_magic)) ||
        crc32(table, 0, h + 6, 2) != load_le32(h + 8))
        return -EINVAL;
    *check = h[7];
    if (h[6] || (*check != CHECK_NONE && *check != CHECK_CRC32))
        return -EOPNOTSUPP;
    return 0;
}

// One filter: its ID, the size of its properties, these. LZMA2's (a dictionary size) do not matter
// to a decoder whose output is its dictionary.
static int parse_filter(struct byte_reader *in, struct block_header *block, bool last)
{
    uint64_t id, size;
    const uint8_t *properties;

    if (take_number(in, &id) || take_number(in, &size))
        return -EINVAL;
    properties = bytes_take(in, size);
    if (!properties)
        return -EINVAL;
    if (last) {
        if (id != FILTER_LZMA2)
            return -EOPNOTSUPP;
        return size == 1 && *properties <= 40 ? 0 : -EINVAL;
    }
    if (id != FILTER_X86 || block->x86)
        return -EOPNOTSUPP;
    if (size != 0 && size != 4)
        return -EINVAL;
    block->x86 = true;
    block->x86_start = size ? load_le32(properties) : 0;
    return 0;
}

static int parse_block_header(struct byte_reader *in, const struct crc32_table *table,
                              struct block_header *block)
{
    size_t size = ((size_t)*in->at + 1) * 4;
    const uint8_t *h = bytes_take(in, size);
    struct byte_reader fields;
    uint64_t unused;

    if (!h || crc32(table, 0, h, size - 4) != load_le32(h + size - 4))
        return -EINVAL;
    *block = (struct block_header){0};
    if (h[1] & BLOCK_FLAGS_RESERVED)
        return -EOPNOTSUPP;
    fields = (struct byte_reader){h + 2, h + size - 4};
    if ((h[1] & BLOCK_HAS_PACKED && take_number(&fields, &unused)) ||
        (h[1] & BLOCK_HAS_SIZE && take_number(&fields, &unused)))
        return -EINVAL;
    for (unsigned i = 0, last = h[1] & BLOCK_FILTERS_MASK; i <= last; i++) {
        int ret = parse_filter(&fields, block, i == last);

        if (ret)
            return ret;
    }
    return take_zeros(&fields, bytes_left(&fields));
}

static int decode_block(struct byte_reader *in, struct byte_writer *out, uint8_t check,
                        struct xz_work *work)
{
    struct byte_writer data = {out->at, out->at, out->end};
    struct block_header block;
    const uint8_t *packed, *sum;
    size_t size;
    int ret = parse_block_header(in, &work->crc32, &block);

    if (ret)
        return ret;
    packed = in->at;
    ret = lzma2_decode(&work->lzma, in, &data);
    if (ret)
        return ret;
    size = (size_t)(data.at - data.start);
    if (take_zeros(in, (size_t)(packed - in->at) & 3))
        return -EINVAL;
    if (block.x86)
        bcj_x86_decode(data.start, size, block.x86_start);
    if (check == CHECK_CRC32) {
        sum = bytes_take(in, 4);
        if (!sum || crc32(&work->crc32, 0, data.start, size) != load_le32(sum))
            return -EINVAL;
    }
    out->at = data.at;
    return 0;
}

int xz_decode_stream(struct byte_reader *in, struct byte_writer *out, struct xz_work *work)
{
    uint8_t check;
    int ret = parse_stream_header(in, &work->crc32, &check);

    while (!ret) {
        if (!bytes_left(in))
            return -EINVAL;
        if (*in->at == 0) // the index
            break;
        ret = decode_block(in, out, check, work);
    }
    return ret;
}
