// Zstandard frames and blocks (RFC 8878, 3.1).
#include "lib/zstd.h"

#include "lib/bits.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "lib/xxhash.h"

#define FRAME_MAGIC 0xFD2FB528u

#define FRAME_SINGLE_SEGMENT 0x20
#define FRAME_RESERVED       0x08
#define FRAME_CHECKSUM       0x04

#define SIZE_UNKNOWN (~0ull)

struct frame_header {
    uint64_t size; // of the content, or SIZE_UNKNOWN
    uint32_t block_max;
    bool checksum;
};

enum block_type { BLOCK_RAW, BLOCK_RLE, BLOCK_COMPRESSED, BLOCK_RESERVED };

struct block {
    bool last;
    enum block_type type;
    uint32_t size;       // of what it gives (RAW, RLE), or of what follows (COMPRESSED)
    const uint8_t *data; // size bytes, or the one of RLE
};

// A little-endian number of 0 to 8 bytes.
static int take_number(struct byte_reader *in, unsigned bytes, uint64_t *value)
{
    const uint8_t *p = bytes_take(in, bytes);

    if (!p)
        return -EINVAL;
    *value = 0;
    for (unsigned i = 0; i < bytes; i++)
        *value |= (uint64_t)p[i] << (8 * i);
    return 0;
}

static uint64_t window_size(uint8_t descriptor)
{
    uint64_t base = 1ull << (10 + (descriptor >> 3));

    return base + base / 8 * (descriptor & 7);
}

// The magic number, the descriptor, and what it says is there: window, dictionary ID, content size.
static int parse_frame_header(struct byte_reader *in, struct frame_header *h)
{
    static const uint8_t id_bytes[4] = {0, 1, 2, 4}, size_bytes[4] = {0, 2, 4, 8};
    const uint8_t *d, *window = NULL;
    uint64_t magic, dictionary, limit;
    unsigned n;

    if (take_number(in, 4, &magic) || magic != FRAME_MAGIC)
        return -EINVAL;
    d = bytes_take(in, 1);
    if (!d || *d & FRAME_RESERVED)
        return -EINVAL;
    if (!(*d & FRAME_SINGLE_SEGMENT)) {
        window = bytes_take(in, 1);
        if (!window)
            return -EINVAL;
    }
    n = size_bytes[*d >> 6];
    if (n == 0 && !window)
        n = 1;
    if (take_number(in, id_bytes[*d & 3], &dictionary) || take_number(in, n, &h->size))
        return -EINVAL;
    if (dictionary)
        return -EOPNOTSUPP;
    if (n == 0)
        h->size = SIZE_UNKNOWN;
    else if (n == 2)
        h->size += 256;
    limit = window ? window_size(*window) : h->size;
    h->block_max = (uint32_t)MIN(limit, ZSTD_BLOCK_MAX);
    h->checksum = *d & FRAME_CHECKSUM;
    return 0;
}

static int take_block(struct byte_reader *in, uint32_t block_max, struct block *b)
{
    uint64_t v;

    if (take_number(in, 3, &v))
        return -EINVAL;
    b->last = v & 1;
    b->type = v >> 1 & 3;
    b->size = (uint32_t)(v >> 3);
    if (b->type == BLOCK_RESERVED || b->size > block_max)
        return -EINVAL;
    b->data = bytes_take(in, b->type == BLOCK_RLE ? 1 : b->size);
    return b->data ? 0 : -EINVAL;
}

static int decode_compressed(const struct block *b, struct byte_writer *out, uint32_t block_max,
                             struct zstd_work *work)
{
    struct byte_reader in = {b->data, b->data + b->size};
    const uint8_t *before = out->at, *literals, *limit;
    size_t size;
    int ret = zstd_decode_literals(&in, work, &literals, &size, &limit);

    if (!ret)
        ret = zstd_execute_sequences(&in, out, work, literals, size, limit);
    if (!ret && (size_t)(out->at - before) > block_max)
        ret = -EINVAL;
    return ret;
}

static int decode_block(const struct block *b, struct byte_writer *out, uint32_t block_max,
                        struct zstd_work *work)
{
    if (b->type == BLOCK_COMPRESSED)
        return decode_compressed(b, out, block_max, work);
    if (b->size > bytes_free(out))
        return -ENOSPC;
    if (b->type == BLOCK_RAW)
        memcpy(out->at, b->data, b->size);
    else
        memset(out->at, *b->data, b->size);
    out->at += b->size;
    return 0;
}

static void reset(struct zstd_work *work)
{
    for (int i = 0; i < ZSTD_CODES; i++)
        work->seq[i].valid = false;
    work->huffman_bits = 0;
    work->rep[0] = 1;
    work->rep[1] = 4;
    work->rep[2] = 8;
}

static int verify_frame(struct byte_reader *in, const struct frame_header *header,
                        const uint8_t *data, size_t size)
{
    uint64_t sum;

    if (header->size != SIZE_UNKNOWN && header->size != size)
        return -EINVAL;
    if (!header->checksum)
        return 0;
    return take_number(in, 4, &sum) || sum != (uint32_t)xxhash64(data, size) ? -EINVAL : 0;
}

int zstd_decode_frame(struct byte_reader *in, struct byte_writer *out, struct zstd_work *work)
{
    struct byte_writer data = {out->at, out->at, out->end};
    struct frame_header header;
    struct block block;
    int ret = parse_frame_header(in, &header);

    if (ret)
        return ret;
    if (header.size != SIZE_UNKNOWN && header.size > bytes_free(out))
        return -ENOSPC;
    reset(work);
    do {
        ret = take_block(in, header.block_max, &block);
        if (!ret)
            ret = decode_block(&block, &data, header.block_max, work);
        if (ret)
            return ret;
    } while (!block.last);
    ret = verify_frame(in, &header, data.start, (size_t)(data.at - data.start));
    if (!ret)
        out->at = data.at;
    return ret;
}
