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
    uint8_t variant_bits; // of the first byte, that do not count
} formats[] = {
    [DECOMPRESS_UNKNOWN] = {"unknown", {0}, 0, 0},
    [DECOMPRESS_GZIP] = {"gzip", {0x1f, 0x8b}, 2, 0},
    [DECOMPRESS_XZ] = {"xz", {0xfd, '7', 'z', 'X', 'Z', 0}, 6, 0},
    [DECOMPRESS_ZSTD] = {"zstd", {0x28, 0xb5, 0x2f, 0xfd}, 4, 0},
    [DECOMPRESS_LZMA] = {"lzma", {0x5d, 0, 0}, 3, 0},
    [DECOMPRESS_LZO] = {"lzo", {0x89, 'L', 'Z', 'O'}, 4, 0},
    [DECOMPRESS_LZ4] = {"lz4", {0x02, 0x21, 0x4c, 0x18}, 4, 0},
    [DECOMPRESS_BZIP2] = {"bzip2", {'B', 'Z', 'h'}, 3, 0},
};

static const struct format zstd_skippable = {"zstd", {0x50, 0x2a, 0x4d, 0x18}, 4, 0x0f};
static const struct format lz4_frame = {"lz4", {0x04, 0x22, 0x4d, 0x18}, 4, 0};

static bool has_magic(const struct format *f, const uint8_t *in, size_t len)
{
    return f->magic_len > 0 && len >= f->magic_len && (in[0] & ~f->variant_bits) == f->magic[0] &&
           !memcmp(in + 1, f->magic + 1, f->magic_len - 1u);
}

enum decompress_format decompress_detect(const void *in, size_t in_len)
{
    for (unsigned i = 0; i < ARRAY_SIZE(formats); i++)
        if (has_magic(&formats[i], in, in_len))
            return i;
    if (has_magic(&zstd_skippable, in, in_len))
        return DECOMPRESS_ZSTD;
    return has_magic(&lz4_frame, in, in_len) ? DECOMPRESS_LZ4 : DECOMPRESS_UNKNOWN;
}

const char *decompress_format_name(enum decompress_format format)
{
    return formats[format].name;
}

// Decodes one member, stream or frame.
static int decode_unit(enum decompress_format format, struct byte_reader *in,
                       struct byte_writer *out, union decoder_work *work)
{
    switch (format) {
    case DECOMPRESS_GZIP:
        return gunzip_member(in, out, &work->inflate);
    case DECOMPRESS_XZ:
        return xz_decode_stream(in, out, &work->xz);
    default:
        return zstd_decode_frame(in, out, &work->zstd);
    }
}

static void prepare(enum decompress_format format, union decoder_work *work)
{
    if (format == DECOMPRESS_GZIP)
        crc32_init(&work->inflate.crc);
    if (format == DECOMPRESS_XZ) {
        crc32_init(&work->xz.crc32);
        crc64_init(&work->xz.crc64);
    }
}

static bool is_decoded(enum decompress_format format)
{
    return format == DECOMPRESS_GZIP || format == DECOMPRESS_XZ || format == DECOMPRESS_ZSTD;
}

// Skips zero padding. Tells if nothing follows but that, or the size that Linux's build appends.
static bool at_end(struct byte_reader *in, size_t out_len)
{
    if (bytes_left(in) == 4 && load_le32(in->at) == (uint32_t)out_len)
        return true;
    while (in->at < in->end && *in->at == 0)
        in->at++;
    return in->at == in->end;
}

int decompress(const void *in, size_t in_len, void *out, size_t out_capacity, size_t *out_len,
               void *work, size_t work_len)
{
    enum decompress_format format = decompress_detect(in, in_len);
    uintptr_t aligned = ROUND_UP((uintptr_t)work, _Alignof(union decoder_work));
    union decoder_work *w = (void *)aligned;
    struct byte_reader r = {in, (const uint8_t *)in + in_len};
    struct byte_writer o = {out, out, (uint8_t *)out + out_capacity};
    int ret;

    if (!is_decoded(format))
        return -EOPNOTSUPP;
    if (work_len < DECOMPRESS_WORK_SIZE)
        return -ENOMEM;
    prepare(format, w);
    do {
        if (decompress_detect(r.at, bytes_left(&r)) != format)
            return -EINVAL;
        ret = decode_unit(format, &r, &o, w);
        if (ret)
            return ret;
    } while (!at_end(&r, (size_t)(o.at - o.start)));
    *out_len = (size_t)(o.at - o.start);
    return 0;
}

static int gzip_size(const uint8_t *in, size_t len, uint64_t *size)
{
    if (len < 18)
        return -EINVAL;
    *size = load_le32(in + len - 4);
    return 0;
}

// With or without the appended size, which must then be right.
static int xz_size(const uint8_t *in, size_t len, uint64_t *size)
{
    if (!xz_uncompressed_size(in, len, size))
        return 0;
    if (len < 4 || xz_uncompressed_size(in, len - 4, size) ||
        (uint32_t)*size != load_le32(in + len - 4))
        return -EINVAL;
    return 0;
}

static int zstd_size(const uint8_t *in, size_t len, uint64_t *size)
{
    struct byte_reader r = {in, in + len};
    uint64_t frame;

    *size = 0;
    while (bytes_left(&r) > 4) {
        if (zstd_frame_size(&r, &frame))
            return -EINVAL;
        if (__builtin_add_overflow(*size, frame, size))
            return -EINVAL;
        if (bytes_left(&r) != 4)
            while (r.at < r.end && *r.at == 0)
                r.at++;
    }
    if (bytes_left(&r) == 4 && load_le32(r.at) <= *size)
        *size = load_le32(r.at);
    else if (bytes_left(&r))
        return -EINVAL;
    return 0;
}

int decompress_size(const void *in, size_t in_len, size_t *size)
{
    uint64_t bytes = 0;
    int ret;

    switch (decompress_detect(in, in_len)) {
    case DECOMPRESS_GZIP:
        ret = gzip_size(in, in_len, &bytes);
        break;
    case DECOMPRESS_XZ:
        ret = xz_size(in, in_len, &bytes);
        break;
    case DECOMPRESS_ZSTD:
        ret = zstd_size(in, in_len, &bytes);
        break;
    default:
        return -EOPNOTSUPP;
    }
    *size = (size_t)bytes;
    return ret;
}
