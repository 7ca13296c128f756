// The gzip member (RFC 1952): a header with optional parts, a DEFLATE stream, CRC-32 and size.
#include "lib/inflate.h"

#include "lib/errno.h"

#define METHOD_DEFLATE 8

#define FLAG_HEADER_CRC 0x02
#define FLAG_EXTRA      0x04
#define FLAG_NAME       0x08
#define FLAG_COMMENT    0x10
#define FLAG_RESERVED   0xe0

static int skip_string(struct byte_reader *in)
{
    const uint8_t *p;

    do {
        p = bytes_take(in, 1);
        if (!p)
            return -EINVAL;
    } while (*p);
    return 0;
}

static int skip_extra(struct byte_reader *in)
{
    const uint8_t *len = bytes_take(in, 2);

    return len && bytes_take(in, load_le16(len)) ? 0 : -EINVAL;
}

static int skip_header(struct byte_reader *in, const struct crc32_table *crc)
{
    const uint8_t *start = in->at;
    const uint8_t *header = bytes_take(in, 10);
    uint32_t sum;

    if (!header || header[0] != 0x1f || header[1] != 0x8b || header[3] & FLAG_RESERVED)
        return -EINVAL;
    if (header[2] != METHOD_DEFLATE)
        return -EOPNOTSUPP;
    if ((header[3] & FLAG_EXTRA && skip_extra(in)) || (header[3] & FLAG_NAME && skip_string(in)) ||
        (header[3] & FLAG_COMMENT && skip_string(in)))
        return -EINVAL;
    if (header[3] & FLAG_HEADER_CRC) {
        sum = crc32(crc, 0, start, (size_t)(in->at - start));
        header = bytes_take(in, 2);
        if (!header || load_le16(header) != (sum & 0xffff))
            return -EINVAL;
    }
    return 0;
}

int gunzip_member(struct byte_reader *in, struct byte_writer *out, struct inflate_work *work)
{
    struct byte_writer member = {out->at, out->at, out->end};
    const uint8_t *trailer;
    size_t size;
    int ret = skip_header(in, &work->crc);

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
