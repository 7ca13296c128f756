// The ELF file inside what distributions call a kernel: a bzImage or a compressed file, or the ELF
// file itself. Nothing of the file is trusted.
#pragma once

#include <stddef.h>

// Largest kernel that is unpacked, in bytes.
#define KERNEL_BYTES_MAX (1ul << 30)

struct unpacked {
    const void *data; // in the file itself, or in `memory`
    size_t len;
    const char *packing; // "xz", ...; "none"
    void *memory;        // NULL if nothing had to be unpacked
    size_t memory_len;
};

// Finds the kernel in the `len` bytes at `file`, which must stay while *out is used; to be ended
// with unpacked_free(), after an error too. *problem says in a few words what an error is about.
//   -EINVAL      damaged or cut short
//   -EOPNOTSUPP  compressed in a way that is not read
//   -E2BIG       larger than it says it is, or than KERNEL_BYTES_MAX
//   -ENOMEM
int unpack_kernel(const void *file, size_t len, struct unpacked *out, const char **problem);
void unpacked_free(struct unpacked *unpacked);
