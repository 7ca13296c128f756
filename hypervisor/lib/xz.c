// A stream is a header, blocks, an index of the blocks and a footer. What the index says of each
// block (its sizes) is compared with what was decoded by keeping a running CRC over the pairs.
#include "lib/xz.h"

#include "lib/bcj_x86.h"
#include "lib/errno.h"
#include "lib/string.h"

#define STREAM_HEADER_SIZE 12
#define STREAM_FOOTER_SIZE 12

#define CHECK_NONE  0x00
#define CHECK_CRC32 0x01
#define CHECK_CRC64 0x04

#define FILTER_X86   0x04
#define FILTER_LZMA2 0x21

#define BLOCK_FILTERS_MASK   0x03
#define BLOCK_HAS_PACKED     0x40
#define BLOCK_HAS_SIZE       0x80
#define BLOCK_FLAGS_RESERVED 0x3c

static const uint8_t stream_magic[6] = {0xfd, '7', 'z', 'X', 'Z', 0};

struct block_header {
    size_t header_size;
    uint64_t packed_size; // ~0 when not said
    uint64_t size;        // ~0 when not said
    bool x86;
    uint32_t x86_start;
};

// The blocks so far, as decoded or as the index has them.
struct block_list {
    uint64_t count;
    uint32_t digest;
};

static void list_add(struct block_list *list, const struct crc32_table *table, uint64_t unpadded,
                     uint64_t size)
{
    uint64_t record[2] = {unpadded, size};

    list->digest = crc32(table, list->digest, record, sizeof(record));
    list->count++;
}

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

static size_t check_size(uint8_t check)
{
    return check == CHECK_NONE ? 0 : check == CHECK_CRC32 ? 4 : 8;
}

static int parse_stream_header(struct byte_reader *in, const struct crc32_table *table,
                               uint8_t *check)
{
    const uint8_t *h = bytes_take(in, STREAM_HEADER_SIZE);

    if (!h || memcmp(h, stream_magic, sizeof(stream_magic)) ||
        crc32(table, 0, h + 6, 2) != load_le32(h + 8))
        return -EINVAL;
    *check = h[7];
    if (h[6] || (*check != CHECK_NONE && *check != CHECK_CRC32 && *check != CHECK_CRC64))
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

    if (!h || crc32(table, 0, h, size - 4) != load_le32(h + size - 4))
        return -EINVAL;
    *block = (struct block_header){.header_size = size, .packed_size = ~0ull, .size = ~0ull};
    if (h[1] & BLOCK_FLAGS_RESERVED)
        return -EOPNOTSUPP;
    fields = (struct byte_reader){h + 2, h + size - 4};
    if ((h[1] & BLOCK_HAS_PACKED && take_number(&fields, &block->packed_size)) ||
        (h[1] & BLOCK_HAS_SIZE && take_number(&fields, &block->size)))
        return -EINVAL;
    for (unsigned i = 0, last = h[1] & BLOCK_FILTERS_MASK; i <= last; i++) {
        int ret = parse_filter(&fields, block, i == last);

        if (ret)
            return ret;
    }
    return take_zeros(&fields, bytes_left(&fields));
}

static int verify_check(struct byte_reader *in, uint8_t check, const uint8_t *data, size_t size,
                        const struct xz_work *work)
{
    const uint8_t *p = bytes_take(in, check_size(check));

    if (!p)
        return -EINVAL;
    if (check == CHECK_CRC32 && crc32(&work->crc32, 0, data, size) != load_le32(p))
        return -EINVAL;
    if (check == CHECK_CRC64 && crc64(&work->crc64, 0, data, size) != load_le64(p))
        return -EINVAL;
    return 0;
}

static int decode_block(struct byte_reader *in, struct byte_writer *out, uint8_t check,
                        struct xz_work *work, struct block_list *list)
{
    struct byte_writer data = {out->at, out->at, out->end};
    struct block_header block;
    const uint8_t *packed;
    size_t packed_size, size;
    int ret = parse_block_header(in, &work->crc32, &block);

    if (ret)
        return ret;
    packed = in->at;
    ret = lzma2_decode(&work->lzma, in, &data);
    if (ret)
        return ret;
    packed_size = (size_t)(in->at - packed);
    size = (size_t)(data.at - data.start);
    if ((block.packed_size != ~0ull && block.packed_size != packed_size) ||
        (block.size != ~0ull && block.size != size) || take_zeros(in, -packed_size & 3))
        return -EINVAL;
    if (block.x86)
        bcj_x86_decode(data.start, size, block.x86_start);
    ret = verify_check(in, check, data.start, size, work);
    if (ret)
        return ret;
    list_add(list, &work->crc32, block.header_size + packed_size + check_size(check), size);
    out->at = data.at;
    return 0;
}

static int verify_index(struct byte_reader *in, const struct crc32_table *table,
                        const struct block_list *blocks)
{
    const uint8_t *start = in->at, *sum;
    struct block_list list = {0, 0};
    uint64_t records, unpadded, size;
    size_t index_size;

    if (take_zeros(in, 1) || take_number(in, &records) || records != blocks->count)
        return -EINVAL;
    while (list.count < records) {
        if (take_number(in, &unpadded) || take_number(in, &size))
            return -EINVAL;
        list_add(&list, table, unpadded, size);
    }
    if (list.digest != blocks->digest || take_zeros(in, (size_t)(start - in->at) & 3))
        return -EINVAL;
    index_size = (size_t)(in->at - start);
    sum = bytes_take(in, 4);
    return sum && crc32(table, 0, start, index_size) == load_le32(sum) ? 0 : -EINVAL;
}

static int verify_footer(struct byte_reader *in, const struct crc32_table *table, uint8_t check,
                         size_t index_size)
{
    const uint8_t *f = bytes_take(in, STREAM_FOOTER_SIZE);

    if (!f || f[10] != 'Y' || f[11] != 'Z' || f[8] != 0 || f[9] != check ||
        ((uint64_t)load_le32(f + 4) + 1) * 4 != index_size ||
        crc32(table, 0, f + 4, 6) != load_le32(f))
        return -EINVAL;
    return 0;
}

int xz_decode_stream(struct byte_reader *in, struct byte_writer *out, struct xz_work *work)
{
    struct block_list blocks = {0, 0};
    const uint8_t *index;
    uint8_t check;
    int ret = parse_stream_header(in, &work->crc32, &check);

    while (!ret) {
        if (!bytes_left(in))
            return -EINVAL;
        if (*in->at == 0)
            break;
        ret = decode_block(in, out, check, work, &blocks);
    }
    if (ret)
        return ret;
    index = in->at;
    ret = verify_index(in, &work->crc32, &blocks);
    return ret ? ret : verify_footer(in, &work->crc32, check, (size_t)(in->at - index));
}

// Adds what the index of the stream that ends at in + *len gives to *size, and cuts the stream off.
static int last_stream_size(const uint8_t *in, size_t *len, uint64_t *size)
{
    uint64_t index_size, records, unpadded, block, packed = 0;
    struct byte_reader index;

    if (*len < STREAM_HEADER_SIZE + STREAM_FOOTER_SIZE || in[*len - 2] != 'Y' ||
        in[*len - 1] != 'Z')
        return -EINVAL;
    index_size = ((uint64_t)load_le32(in + *len - 8) + 1) * 4;
    if (index_size > *len - STREAM_HEADER_SIZE - STREAM_FOOTER_SIZE)
        return -EINVAL;
    index.end = in + *len - STREAM_FOOTER_SIZE;
    index.at = index.end - index_size;
    if (take_zeros(&index, 1) || take_number(&index, &records))
        return -EINVAL;
    for (; records > 0; records--) {
        if (take_number(&index, &unpadded) || take_number(&index, &block) || unpadded > *len ||
            __builtin_add_overflow(*size, block, size))
            return -EINVAL;
        packed += (unpadded + 3) & ~3ull;
        if (packed > *len)
            return -EINVAL;
    }
    packed += STREAM_HEADER_SIZE + index_size + STREAM_FOOTER_SIZE;
    if (packed > *len)
        return -EINVAL;
    *len -= packed;
    return 0;
}

int xz_uncompressed_size(const uint8_t *in, size_t len, uint64_t *size)
{
    *size = 0;
    while (len > 0) {
        int ret;

        if (len >= 4 && load_le32(in + len - 4) == 0) {
            len -= 4;
            continue;
        }
        ret = last_stream_size(in, &len, size);
        if (ret)
            return ret;
    }
    return 0;
}
