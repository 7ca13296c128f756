// Linux's x86 boot image (Documentation/arch/x86/boot.rst): finding the kernel inside.
#pragma once

#include <stddef.h>

// Finds the payload of a bzImage of boot protocol 2.08 or later: an ELF file, compressed unless it
// was built without. *payload points into img. 0; -ENOEXEC if it is no such image, -EINVAL if it is
// one but damaged.
int bzimage_payload(const void *img, size_t len, const void **payload, size_t *payload_len);
