// gzip members with the checksum taken for right, and bare DEFLATE streams. The first byte says how
// large the output buffer is.
//
// sources: hypervisor/lib/inflate.c hypervisor/lib/gunzip.c
#include <stdlib.h>

#include "lib/inflate.h"

#include "no_checksums.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct inflate_work work;
    size_t room = size ? (size_t)data[0] << 8 : 0;
    struct byte_reader in = {data + (size > 0), data + size};
    uint8_t *buf = malloc(room);
    struct byte_writer out = {buf, buf, buf + room};

    if (bytes_left(&in) > 1 && in.at[0] == 0x1f)
        gunzip_member(&in, &out, &work);
    else
        inflate(&in, &out, &work);
    free(buf);
    return 0;
}
