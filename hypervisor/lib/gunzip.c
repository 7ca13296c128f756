// The gzip member (RFC 1952): a header, perhaps with a file's name, a DEFLATE stream, CRC-32 and
// size.
#include "lib/inflate.h"

#include "lib/errno.h"

#define METHOD_DEFLATE 8
#define FLAG_TEXT      0x01
#define FLAG_NAME      0x08

static int skip_header(struct byte_reader *in)
{
    const uint8_t *header = bytes_take(in, 10), *name;

    if (!header || header[0] != 0x1f || header[1] != 0x8b)
        return -EINVAL;
    if (header[2] != METHOD_DEFLATE || header[3] & ~(FLAG_TEXT | FLAG_NAME))
        return -EOPNOTSUPP;
    if (!(header[3] & FLAG_NAME))
        return 0;
    do
        name = bytes_take(in, 1);
    while (name && *name);
    return name ? 0 : -EINVAL;
}

int gunzip_member(struct byte_reader *in, struct byte_writer *out, struct inflate_work *work)
{
    struct byte_writer member = {out->at, out->at, out->end};
    const uint8_t *trailer;
    size_t size;
    int ret = skip_header(in);

    if (ret)
        return ret;
    ret = inflate(in, &member, work);
    if (ret)
        return ret;
    size = (size_t)(member.at - member.start);
    trailer = bytes_take(in, 8);
    if (!trailer || load_le32(trailer + 4) != (uint32_t)size ||
        load_le32(trailer) != crc32(&work->crc, 0, member.start, size))
        return -EINVAL;
    out->at = member.at;
    return 0;
}
