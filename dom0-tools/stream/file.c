#include "stream/file.h"

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "stream/record.h"

// xl's header.
#define XL_BYTE_ORDER   0x01020304u
#define XL_CONFIG_JSON  (1u << 0) // mandatory flags: the configuration is JSON,
#define XL_LIBXL_STREAM (1u << 1) // and libxl's records follow
#define MAX_OPTIONAL    (1u << 20)

static const char xl_magic[32] = "Xen saved domain, xl format\n \0 \r";

struct xl_header {
    char magic[32];
    uint32_t byte_order;
    uint32_t mandatory_flags; // unknown ones: the file cannot be restored
    uint32_t optional_flags;
    uint32_t optional_length; // what follows: the configuration's length in 32 bits, and that
};
static_assert(sizeof(struct xl_header) == 48, "as xl has it");

// libxl's header, big-endian, and its records, which are framed as the guest's own.
#define LIBXL_IDENT   0x4c6962786c466d74ull // "LibxlFmt"
#define LIBXL_VERSION 2

struct libxl_header {
    uint64_t ident;
    uint32_t version;
    uint32_t options; // bit 0: big-endian records
};

enum {
    LIBXL_END,
    LIBXL_GUEST_STREAM,
    LIBXL_EMULATOR_XENSTORE,
};

static int complain(FILE *messages, int rc, const char *why)
{
    fprintf(messages, "saved domain: %s%s%s\n", why, rc < 0 && rc != -EINVAL ? ": " : "",
            rc < 0 && rc != -EINVAL ? strerror(-rc) : "");
    return rc;
}

int saved_write_begin(int fd, const char *config, FILE *messages)
{
    uint32_t length = (uint32_t)strlen(config) + 1;
    struct xl_header xl = {
        .byte_order = XL_BYTE_ORDER,
        .mandatory_flags = XL_CONFIG_JSON | XL_LIBXL_STREAM,
        .optional_length = length + (uint32_t)sizeof(length),
    };
    struct libxl_header libxl = {.ident = htobe64(LIBXL_IDENT), .version = htobe32(LIBXL_VERSION)};
    struct iovec parts[] = {{&xl, sizeof(xl)},
                            {&length, sizeof(length)},
                            {(char *)config, length},
                            {&libxl, sizeof(libxl)}};
    int rc;

    memcpy(xl.magic, xl_magic, sizeof(xl.magic));
    rc = stream_write(fd, parts, 4);
    if (!rc)
        rc = stream_write_record(fd, LIBXL_GUEST_STREAM, NULL, 0);
    return rc ? complain(messages, rc, "cannot write") : 0;
}

int saved_write_end(int fd, FILE *messages)
{
    int rc = stream_write_record(fd, LIBXL_END, NULL, 0);

    return rc ? complain(messages, rc, "cannot write") : 0;
}

static int read_xl_header(int fd, struct xl_header *h, FILE *messages)
{
    const uint32_t known = XL_CONFIG_JSON | XL_LIBXL_STREAM;
    int rc = stream_read(fd, h, sizeof(*h));

    if (rc)
        return complain(messages, rc, "cannot read its header");
    if (memcmp(h->magic, xl_magic, sizeof(xl_magic)))
        return complain(messages, -EINVAL, "this is no file that xl or vl has saved");
    if (h->byte_order != XL_BYTE_ORDER)
        return complain(messages, -EOPNOTSUPP, "saved on a machine of other byte order");
    if (h->mandatory_flags != known)
        return complain(messages, -EOPNOTSUPP,
                        "saved by a version of xl that is too old or too new");
    if (h->optional_length < sizeof(uint32_t) || h->optional_length > MAX_OPTIONAL)
        return complain(messages, -EINVAL, "its header is damaged");
    return 0;
}

// The configuration, which is all of the optional data that is known.
static int read_config(int fd, uint32_t length, char **config, FILE *messages)
{
    char *data = malloc(length + 1ul);
    uint32_t config_length;
    int rc = data ? stream_read(fd, data, length) : -ENOMEM;

    if (!rc) {
        memcpy(&config_length, data, sizeof(config_length));
        data[length] = 0;
        if (config_length > length - sizeof(config_length))
            rc = -EINVAL;
    }
    if (rc) {
        free(data);
        return complain(messages, rc, "its configuration is damaged");
    }
    memmove(data, data + sizeof(config_length), config_length);
    data[config_length] = 0;
    *config = data;
    return 0;
}

static int read_libxl_header(int fd, FILE *messages)
{
    struct libxl_header h;
    int rc = stream_read(fd, &h, sizeof(h));

    if (rc)
        return complain(messages, rc, "cannot read what follows its configuration");
    if (be64toh(h.ident) != LIBXL_IDENT)
        return complain(messages, -EINVAL, "no domain follows its configuration");
    if (be32toh(h.version) != LIBXL_VERSION || be32toh(h.options))
        return complain(messages, -EOPNOTSUPP, "in a version of libxl's format that is not known");
    return 0;
}

// Passes over what only device emulators need, up to a record of the wanted type.
static int find_record(int fd, uint32_t wanted, FILE *messages)
{
    struct stream_reader reader = {.fd = fd, .messages = messages};
    struct stream_record record;
    bool skip;
    int rc;

    do {
        rc = stream_read_header(&reader, &record);
        skip = record.type == LIBXL_EMULATOR_XENSTORE || record.type & RECORD_OPTIONAL;
        if (!rc && record.type != wanted && !skip) {
            fprintf(messages, "saved domain: libxl's record of type %#x cannot be restored\n",
                    record.type);
            rc = -EOPNOTSUPP;
        } else if (!rc) {
            rc = stream_read_body(&reader, &record);
        }
    } while (!rc && record.type != wanted);
    stream_reader_close(&reader);
    return rc == -EPIPE ? complain(messages, rc, "ends too early") : rc;
}

int saved_read_begin(int fd, char **config, FILE *messages)
{
    struct xl_header xl;
    int rc = read_xl_header(fd, &xl, messages);

    *config = NULL;
    if (!rc)
        rc = read_config(fd, xl.optional_length, config, messages);
    if (!rc)
        rc = read_libxl_header(fd, messages);
    if (!rc)
        rc = find_record(fd, LIBXL_GUEST_STREAM, messages);
    if (rc) {
        free(*config);
        *config = NULL;
    }
    return rc;
}

int saved_read_end(int fd, FILE *messages)
{
    return find_record(fd, LIBXL_END, messages);
}
