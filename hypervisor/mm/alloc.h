// The hypervisor's own memory: whole frames (buddy) and small objects (heap).
#pragma once

#include <stddef.h>

#include "mm/layout.h"

// 2^order contiguous frames, zeroed, mapped in the direct map, owned by the hypervisor; NULL if
// none.
void *pages_alloc(unsigned order);
void pages_free(void *va, unsigned order);
// The least order that holds so many bytes.
static inline unsigned pages_order(size_t bytes)
{
    unsigned order = 0;

    while (((size_t)PAGE_SIZE << order) < bytes)
        order++;
    return order;
}

// Zeroed small objects, aligned to 16 bytes (or a cache line from 64 bytes up); NULL if none.
void *xzalloc_bytes(size_t size);
void xfree(void *p);
#define xzalloc(type)          ((type *)xzalloc_bytes(sizeof(type)))
#define xzalloc_array(type, n) ((type *)xzalloc_bytes(sizeof(type) * (size_t)(n)))
