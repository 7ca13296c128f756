#include "lib/decompress.h"

#include "lib/bits.h"
#include "lib/bytes.h"
#include "lib/errno.h"
#include "lib/inflate.h"
#include "lib/string.h"
#include "lib/xz.h"
#include "lib/zstd.h"

union decoder_work {
    struct inflate_work inflate;
    struct xz_work xz;
    struct zstd_work zstd;
};

_Static_assert(sizeof(union decoder_work) + _Alignof(union decoder_work) <= DECOMPRESS_WORK_SIZE,
               "DECOMPRESS_WORK_SIZE is too small");

static const struct format {
    const char *name;
    uint8_t magic[6];
    uint8_t magic_len;
} formats[] = {
    [DECOMPRESS_UNKNOWN] = {"unknown", {0}, 0},
    [DECOMPRESS_GZIP] = {"gzip", {0x1f, 0x8b}, 2},
    [DECOMPRESS_XZ] = {"xz", {0xfd, '7', 'z', 'X', 'Z', 0}, 6},
    [DECOMPRESS_ZSTD] = {"zstd", {0x28, 0xb5, 0x2f, 0xfd}, 4},
    [DECOMPRESS_LZMA] = {"lzma", {0x5d, 0, 0}, 3},
    [DECOMPRESS_LZO] = {"lzo", {0x89, 'L', 'Z', 'O'}, 4},
    [DECOMPRESS_LZ4] = {"lz4", {0x02, 0x21, 0x4c, 0x18}, 4},
    [DECOMPRESS_BZIP2] = {"bzip2", {'B', 'Z', 'h'}, 3},
};

enum decompress_format decompress_detect(const void *in, size_t in_len)
{
    for (unsigned i = DECOMPRESS_UNKNOWN + 1; i < ARRAY_SIZE(formats); i++)
        if (in_len >= formats[i].magic_len && !memcmp(in, formats[i].magic, formats[i].magic_len))
            return i;
    return DECOMPRESS_UNKNOWN;
}

const char *decompress_format_name(enum decompress_format format)
{
    return formats[format].name;
}

int decompress_size(const void *in, size_t in_len, size_t *size)
{
    enum decompress_format format = decompress_detect(in, in_len);

    if (format != DECOMPRESS_GZIP && format != DECOMPRESS_XZ && format != DECOMPRESS_ZSTD)
        return -EOPNOTSUPP;
    if (in_len < formats[format].magic_len + sizeof(uint32_t))
        return -EINVAL;
    *size = load_le32((const uint8_t *)in + in_len - sizeof(uint32_t));
    return 0;
}

static int decode(enum decompress_format format, struct byte_reader *in, struct byte_writer *out,
                  union decoder_work *work)
{
    switch (format) {
    case DECOMPRESS_GZIP:
        crc32_init(&work->inflate.crc);
        return gunzip_member(in, out, &work->inflate);
    case DECOMPRESS_XZ:
        crc32_init(&work->xz.crc32);
        return xz_decode_stream(in, out, &work->xz);
    default:
        return zstd_decode_frame(in, out, &work->zstd);
    }
}

int decompress(const void *in, size_t in_len, void *out, size_t out_capacity, size_t *out_len,
               void *work, size_t work_len)
{
    uintptr_t aligned = ROUND_UP((uintptr_t)work, _Alignof(union decoder_work));
    struct byte_reader r = {in, (const uint8_t *)in + in_len};
    struct byte_writer o = {out, out, (uint8_t *)out + out_capacity};
    size_t size;
    int ret = decompress_size(in, in_len, &size);

    if (ret)
        return ret;
    if (work_len < DECOMPRESS_WORK_SIZE)
        return -ENOMEM;
    ret = decode(decompress_detect(in, in_len), &r, &o, (union decoder_work *)aligned);
    if (ret)
        return ret;
    *out_len = (size_t)(o.at - o.start);
    return *out_len == size ? 0 : -EINVAL;
}
