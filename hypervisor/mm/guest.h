// Reaching the memory of the current guest by its own virtual addresses. Every access is checked:
// an address in the hypervisor's part or a fault ends in -EFAULT and nothing else.
#pragma once

#include <stddef.h>
#include <stdint.h>

// Return 0 or -EFAULT; on -EFAULT a part may have been copied.
int copy_from_guest(void *dst, uint64_t src, size_t len);
int copy_to_guest(uint64_t dst, const void *src, size_t len);
int clear_guest(uint64_t dst, size_t len);

// Another way to the current guest's memory, for guests whose page tables the CPU has not loaded:
// cpu_info()->guest_access. The same results; clear: src is NULL.
struct guest_access {
    int (*copy_from)(void *dst, uint64_t src, size_t len);
    int (*copy_to)(uint64_t dst, const void *src, size_t len);
};

// For PV guests only: copy_from_guest of 16 bytes, in a few instructions.
int copy_pair_from_guest(uint64_t dst[2], uint64_t src);
