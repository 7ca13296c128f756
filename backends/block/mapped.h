// Pages that the front end keeps granted ("feature-persistent"): mapped when they are first met,
// and used from then on without a call. The mappings live as long as the worker.
#pragma once

#include <stdint.h>

#include "backends/block/request.h"
#include "pv-abi/xen.h"

#define MAPPED_MOST 2112 // pages of a device: two of Linux's rings full of them

struct mapped;

// NULL: no memory.
struct mapped *mapped_new(int grants, domid_t domain);

// Makes all segments' pages mapped. False: they cannot be, or are too many; then they are copied.
bool mapped_want(struct mapped *mapped, const struct blk_segment *segment, uint32_t count);

// Where such a page is.
uint8_t *mapped_page(const struct mapped *mapped, uint32_t reference);
