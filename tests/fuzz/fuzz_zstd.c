// zstd frames with the checksum taken for right, one after the other. The first byte says how large
// the output buffer is.
//
// sources: hypervisor/lib/zstd.c hypervisor/lib/zstd_fse.c hypervisor/lib/zstd_huffman.c
// sources: hypervisor/lib/zstd_sequences.c
#include <stdlib.h>

#include "lib/zstd.h"

#include "no_checksums.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct zstd_work work;
    size_t room = size ? (size_t)data[0] << 8 : 0;
    struct byte_reader in = {data + (size > 0), data + size};
    uint8_t *buf = malloc(room);
    struct byte_writer out = {buf, buf, buf + room};

    while (bytes_left(&in) && !zstd_decode_frame(&in, &out, &work))
        ;
    free(buf);
    return 0;
}
