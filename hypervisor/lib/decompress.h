// Decompression of kernels: gzip, xz and zstd, told apart by their magic numbers. A kernel is one
// gzip member, which ends with the size of the result, or one xz stream or zstd frame behind which
// Linux's build put that size (4 bytes, little endian). The output is one buffer; nothing is
// allocated. Every read and write is checked against the buffers, and the checksums of the content
// are verified.
#pragma once

#include <stddef.h>
#include <stdint.h>

enum decompress_format {
    DECOMPRESS_UNKNOWN,
    DECOMPRESS_GZIP,
    DECOMPRESS_XZ,
    DECOMPRESS_ZSTD,
    // Recognised so that a message can name them, but not decoded:
    DECOMPRESS_LZMA,
    DECOMPRESS_LZO,
    DECOMPRESS_LZ4,
    DECOMPRESS_BZIP2,
};

// Bytes of working memory that decompress() needs, at any alignment.
#define DECOMPRESS_WORK_SIZE (288u << 10)

enum decompress_format decompress_detect(const void *in, size_t in_len);

// "gzip", "xz", ...; "unknown" for DECOMPRESS_UNKNOWN.
const char *decompress_format_name(enum decompress_format format);

// How large the result says it is. Unverified: check it against what you are willing to provide.
// 0, -EINVAL (damaged), -EOPNOTSUPP (another format).
int decompress_size(const void *in, size_t in_len, size_t *size);

// Decodes all of `in`. Sets *out_len and returns 0, or:
//   -EINVAL      the data is damaged, or the result is not as large as it says
//   -ENOSPC      the result does not fit in out_capacity
//   -ENOMEM      work_len is less than DECOMPRESS_WORK_SIZE
//   -EOPNOTSUPP  another format (decompress_detect() tells which), an xz filter other than x86, an
//                xz check other than CRC-32 and none, or a zstd dictionary
// All of [out, out + out_capacity) may have been written to, whatever the outcome.
int decompress(const void *in, size_t in_len, void *out, size_t out_capacity, size_t *out_len,
               void *work, size_t work_len);
