// xz streams with the checksums taken for right. The first byte says how large the output buffer
// is.
//
// sources: hypervisor/lib/xz.c hypervisor/lib/lzma.c hypervisor/lib/lzma2.c
// sources: hypervisor/lib/bcj_x86.c
#include <stdlib.h>

#include "lib/xz.h"

#include "no_checksums.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct xz_work work;
    size_t room = size ? (size_t)data[0] << 8 : 0;
    struct byte_reader in = {data + (size > 0), data + size};
    uint8_t *buf = malloc(room);
    struct byte_writer out = {buf, buf, buf + room};

    xz_decode_stream(&in, &out, &work);
    free(buf);
    return 0;
}
