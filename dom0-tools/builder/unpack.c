#include "builder/unpack.h"

#include <endian.h>
#include <errno.h>
#include <lzma.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

// Of Linux's x86 boot protocol: where the setup header has what.
#define SETUP_SECTORS     0x1f1
#define HEADER_MAGIC      0x202
#define HEADER_VERSION    0x206
#define PAYLOAD_OFFSET    0x248
#define PAYLOAD_LENGTH    0x24c
#define HEADER_END        0x250
#define PAYLOAD_VERSION   0x208 // first protocol that says where the payload is
#define DEFAULT_SECTORS   4
#define SECTOR            512
#define LZMA_MEMORY_LIMIT (256ul << 20)

struct span {
    const uint8_t *at;
    size_t len;
};

struct output {
    uint8_t *at;
    size_t room;
    size_t len; // out
};

// Each fills out->at: 0; -EINVAL: damaged; -E2BIG: no room; -ENOMEM.
typedef int unpack_fn(struct span in, struct output *out);

static int unpack_gzip(struct span in, struct output *out)
{
    z_stream z = {.next_in = (uint8_t *)(uintptr_t)in.at,
                  .avail_in = (uInt)in.len,
                  .next_out = out->at,
                  .avail_out = (uInt)out->room};
    int rc;

    if (inflateInit2(&z, MAX_WBITS + 16) != Z_OK)
        return -ENOMEM;
    rc = inflate(&z, Z_FINISH);
    out->len = z.total_out;
    inflateEnd(&z);
    if (rc == Z_STREAM_END)
        return 0;
    if (rc == Z_MEM_ERROR)
        return -ENOMEM;
    return rc == Z_BUF_ERROR && !z.avail_out ? -E2BIG : -EINVAL;
}

static int run_lzma(lzma_stream *s, lzma_ret rc, struct span in, struct output *out)
{
    uint8_t extra;

    s->next_in = in.at;
    s->avail_in = in.len;
    s->next_out = out->at;
    s->avail_out = out->room;
    while (rc == LZMA_OK && s->total_out <= out->room) {
        if (!s->avail_out) { // the end may still come without further output
            s->next_out = &extra;
            s->avail_out = 1;
        }
        rc = lzma_code(s, LZMA_FINISH);
    }
    out->len = s->total_out;
    lzma_end(s);
    if (out->len > out->room)
        return -E2BIG;
    if (rc == LZMA_MEM_ERROR || rc == LZMA_MEMLIMIT_ERROR)
        return -ENOMEM;
    return rc == LZMA_STREAM_END ? 0 : -EINVAL;
}

static int unpack_xz(struct span in, struct output *out)
{
    lzma_stream s = LZMA_STREAM_INIT;

    return run_lzma(&s, lzma_stream_decoder(&s, LZMA_MEMORY_LIMIT, 0), in, out);
}

static int unpack_lzma(struct span in, struct output *out)
{
    lzma_stream s = LZMA_STREAM_INIT;

    return run_lzma(&s, lzma_alone_decoder(&s, LZMA_MEMORY_LIMIT), in, out);
}

static int unpack_zstd(struct span in, struct output *out)
{
    size_t len = ZSTD_findFrameCompressedSize(in.at, in.len); // other bytes may follow the frame
    size_t rc;

    if (ZSTD_isError(len))
        return -EINVAL;
    rc = ZSTD_decompress(out->at, out->room, in.at, len);
    if (!ZSTD_isError(rc)) {
        out->len = rc;
        return 0;
    }
    switch (ZSTD_getErrorCode(rc)) {
    case ZSTD_error_memory_allocation:
        return -ENOMEM;
    case ZSTD_error_dstSize_tooSmall:
        return -E2BIG;
    default:
        return -EINVAL;
    }
}

static const struct packing {
    const char *name;
    const char *magic;
    size_t magic_len;
    unpack_fn *unpack; // NULL: not read
} packings[] = {
    {"gzip", "\x1f\x8b", 2, unpack_gzip},
    {"xz",
     "\xfd"
     "7zXZ\0",
     6, unpack_xz},
    {"zstd", "\x28\xb5\x2f\xfd", 4, unpack_zstd},
    {"lzma", "\x5d\0\0", 3, unpack_lzma},
    {"lz4", "\x02\x21\x4c\x18", 4, NULL},
    {"bzip2", "BZh", 3, NULL},
    {"lzo", "\x89LZO", 4, NULL},
};

static const struct packing *packing_of(struct span in)
{
    for (size_t i = 0; i < sizeof(packings) / sizeof(packings[0]); i++)
        if (in.len >= packings[i].magic_len &&
            !memcmp(in.at, packings[i].magic, packings[i].magic_len))
            return packings + i;
    return NULL;
}

static uint32_t load_le32(const uint8_t *at)
{
    uint32_t value;

    memcpy(&value, at, sizeof(value));
    return le32toh(value);
}

// Of a bzImage, its payload; anything else is left as it is. *size: bytes that the payload says it
// unpacks to.
static int find_payload(struct span *file, size_t *size, const char **problem)
{
    const uint8_t *h = file->at;
    size_t setup, offset, len;

    if (file->len < HEADER_END || memcmp(h + HEADER_MAGIC, "HdrS", 4))
        return 0;
    *problem = "a bzImage of a boot protocol older than 2.08";
    if ((h[HEADER_VERSION] | h[HEADER_VERSION + 1] << 8) < PAYLOAD_VERSION)
        return -EOPNOTSUPP;
    setup = ((h[SETUP_SECTORS] ? h[SETUP_SECTORS] : DEFAULT_SECTORS) + 1) * SECTOR;
    offset = setup + load_le32(h + PAYLOAD_OFFSET);
    len = load_le32(h + PAYLOAD_LENGTH);
    *problem = "a bzImage that was cut short: its payload ends behind the file";
    if (len < 8 || offset > file->len || len > file->len - offset)
        return -EINVAL;
    *file = (struct span){h + offset, len};
    *size = load_le32(file->at + len - 4);
    return 0;
}

static int unpack(const struct packing *p, struct span in, size_t room, struct unpacked *out)
{
    struct output to = {.room = room};
    int rc;

    // Pages that stay unused cost nothing.
    to.at = mmap(NULL, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                 -1, 0);
    if (to.at == MAP_FAILED)
        return -ENOMEM;
    out->memory = to.at;
    out->memory_len = room;
    rc = p->unpack(in, &to);
    out->data = to.at;
    out->len = to.len;
    return rc;
}

int unpack_kernel(const void *file, size_t len, struct unpacked *out, const char **problem)
{
    size_t room = KERNEL_BYTES_MAX;
    struct span in = {file, len};
    const struct packing *p;
    int rc;

    *out = (struct unpacked){.packing = "none"};
    rc = find_payload(&in, &room, problem);
    if (rc)
        return rc;
    p = packing_of(in);
    if (!p) {
        out->data = in.at;
        out->len = in.len;
        return 0;
    }
    out->packing = p->name;
    *problem = "compressed in a way that is not read here (gzip, xz, lzma and zstd are)";
    if (!p->unpack)
        return -EOPNOTSUPP;
    *problem = "its compressed payload is larger than it may be";
    if (in.len > KERNEL_BYTES_MAX || !room || room > KERNEL_BYTES_MAX)
        return -E2BIG;
    rc = unpack(p, in, room, out);
    if (rc == -EINVAL)
        *problem = "its compressed payload is damaged or cut short";
    if (rc == -ENOMEM)
        *problem = "there is no memory to unpack it";
    return rc;
}

void unpacked_free(struct unpacked *unpacked)
{
    if (unpacked->memory)
        munmap(unpacked->memory, unpacked->memory_len);
    unpacked->memory = NULL;
}
