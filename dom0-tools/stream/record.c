#include "stream/record.h"

#include <endian.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "stream/stream.h"

#define OLDEST_VERSION 2
#define IOVS           64 // given to the kernel at once

volatile sig_atomic_t stream_interrupted;

// Passes over `done` bytes at the start of the vector.
static void advance(struct iovec **iov, unsigned *count, size_t done)
{
    while (*count && done >= (*iov)->iov_len) {
        done -= (*iov)->iov_len;
        ++*iov;
        --*count;
    }
    if (*count) {
        (*iov)->iov_base = (char *)(*iov)->iov_base + done;
        (*iov)->iov_len -= done;
    }
}

int stream_write(int fd, struct iovec *iov, unsigned count)
{
    advance(&iov, &count, 0);
    while (count) {
        ssize_t n;

        if (stream_interrupted)
            return -EINTR;
        n = writev(fd, iov, count < IOVS ? (int)count : IOVS);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        advance(&iov, &count, (size_t)n);
    }
    return 0;
}

int stream_write_headers(int fd, uint32_t type)
{
    struct stream_image_header image = {
        .marker = htobe64(STREAM_MARKER),
        .id = htobe32(STREAM_ID),
        .version = htobe32(STREAM_VERSION),
    };
    struct stream_domain_header domain = {
        .type = type, .page_shift = 12, .xen_major = 4, .xen_minor = 17};
    struct iovec iov[] = {{&image, sizeof(image)}, {&domain, sizeof(domain)}};

    return stream_write(fd, iov, 2);
}

int stream_write_record(int fd, uint32_t type, const struct iovec *parts, unsigned count)
{
    static const char zeros[8];
    struct iovec iov[STREAM_MAX_PARTS + 2];
    struct stream_record_header header = {.type = type};

    if (count > STREAM_MAX_PARTS)
        return -E2BIG;
    for (unsigned i = 0; i < count; i++) {
        iov[i + 1] = parts[i];
        header.length += (uint32_t)parts[i].iov_len;
    }
    iov[0] = (struct iovec){&header, sizeof(header)};
    iov[count + 1] = (struct iovec){(void *)zeros, -header.length % 8};
    return stream_write(fd, iov, count + 2);
}

int stream_read(int fd, void *buffer, size_t length)
{
    char *at = buffer;

    while (length) {
        ssize_t n;

        if (stream_interrupted)
            return -EINTR;
        n = read(fd, at, length);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n ? -errno : -EPIPE;
        at += n;
        length -= (size_t)n;
    }
    return 0;
}

static int refuse(struct stream_reader *reader, int error, const char *why)
{
    fprintf(reader->messages, "stream: %s\n", why);
    return error;
}

static int check_image_header(struct stream_reader *reader, const struct stream_image_header *h)
{
    if (h->marker != STREAM_MARKER || be32toh(h->id) != STREAM_ID)
        return refuse(reader, -EINVAL,
                      "this is no saved domain: its first bytes are not a stream's");
    reader->version = be32toh(h->version);
    if (reader->version < OLDEST_VERSION || reader->version > STREAM_VERSION) {
        fprintf(reader->messages, "stream: version %u is not known, only %u to %u are\n",
                reader->version, OLDEST_VERSION, STREAM_VERSION);
        return -EOPNOTSUPP;
    }
    if (be16toh(h->options) & 1)
        return refuse(reader, -EOPNOTSUPP, "saved on a big-endian machine");
    return 0;
}

static int check_domain_header(struct stream_reader *reader, const struct stream_domain_header *h,
                               uint32_t type)
{
    if ((h->type != STREAM_PV && h->type != STREAM_HVM) || h->page_shift != 12)
        return refuse(reader, -EINVAL, "not of an x86 guest with pages of 4 KB");
    if (h->type == type)
        return 0;
    return refuse(reader, -EINVAL,
                  type == STREAM_PV
                      ? "of an HVM or PVH guest, which the configuration calls a PV one"
                      : "of a PV guest, which the configuration calls another");
}

int stream_reader_open(struct stream_reader *reader, int fd, uint32_t type, FILE *messages)
{
    struct stream_image_header image;
    struct stream_domain_header domain;
    int rc;

    *reader = (struct stream_reader){.fd = fd, .messages = messages};
    rc = stream_read(fd, &image, sizeof(image));
    if (!rc)
        rc = check_image_header(reader, &image);
    else
        fprintf(messages, "stream: cannot read its header: %s\n", strerror(-rc));
    if (rc)
        return rc;
    rc = stream_read(fd, &domain, sizeof(domain));
    return rc ? refuse(reader, rc, "ends within its headers")
              : check_domain_header(reader, &domain, type);
}

void stream_reader_close(struct stream_reader *reader)
{
    free(reader->buffer);
    reader->buffer = NULL;
}

static int make_room(struct stream_reader *reader, size_t length)
{
    void *larger;

    if (length <= reader->size)
        return 0;
    larger = realloc(reader->buffer, length);
    if (!larger)
        return -ENOMEM;
    reader->buffer = larger;
    reader->size = length;
    return 0;
}

int stream_read_header(struct stream_reader *reader, struct stream_record *record)
{
    struct stream_record_header header = {0};
    int rc = stream_read(reader->fd, &header, sizeof(header));

    *record = (struct stream_record){.type = header.type, .length = header.length};
    if (!rc && header.length > STREAM_MAX_BODY) {
        fprintf(reader->messages, "stream: a record of %u bytes is longer than any can be\n",
                header.length);
        return -EINVAL;
    }
    return rc;
}

int stream_read_body(struct stream_reader *reader, struct stream_record *record)
{
    size_t padded = (record->length + 7ul) & ~7ul;
    int rc = make_room(reader, padded);

    if (!rc)
        rc = stream_read(reader->fd, reader->buffer, padded);
    record->body = reader->buffer;
    return rc;
}

int stream_read_record(struct stream_reader *reader, struct stream_record *record)
{
    int rc = stream_read_header(reader, record);

    return rc ? rc : stream_read_body(reader, record);
}

const char *stream_record_name(uint32_t type)
{
    static const char *const names[] = {
        [RECORD_END] = "END",
        [RECORD_PAGE_DATA] = "PAGE_DATA",
        [RECORD_PV_INFO] = "X86_PV_INFO",
        [RECORD_P2M_FRAMES] = "X86_PV_P2M_FRAMES",
        [RECORD_VCPU_BASIC] = "X86_PV_VCPU_BASIC",
        [RECORD_VCPU_EXTENDED] = "X86_PV_VCPU_EXTENDED",
        [RECORD_VCPU_XSAVE] = "X86_PV_VCPU_XSAVE",
        [RECORD_SHARED_INFO] = "SHARED_INFO",
        [RECORD_TSC_INFO] = "X86_TSC_INFO",
        [RECORD_HVM_CONTEXT] = "HVM_CONTEXT",
        [RECORD_HVM_PARAMS] = "HVM_PARAMS",
        [RECORD_TOOLSTACK] = "TOOLSTACK",
        [RECORD_VCPU_MSRS] = "X86_PV_VCPU_MSRS",
        [RECORD_VERIFY] = "VERIFY",
        [RECORD_CHECKPOINT] = "CHECKPOINT",
        [RECORD_DIRTY_PFN_LIST] = "CHECKPOINT_DIRTY_PFN_LIST",
        [RECORD_STATIC_DATA_END] = "STATIC_DATA_END",
        [RECORD_CPUID_POLICY] = "X86_CPUID_POLICY",
        [RECORD_MSR_POLICY] = "X86_MSR_POLICY",
    };

    return type < sizeof(names) / sizeof(*names) ? names[type] : "of unknown type";
}
