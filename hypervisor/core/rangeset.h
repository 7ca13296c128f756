// Sets of numbers, kept as sorted ranges: I/O ports, MMIO frames, interrupts that a domain may use.
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct rangeset;

// Empty; NULL if memory is short.
struct rangeset *rangeset_new(void);
// rs may be NULL.
void rangeset_free(struct rangeset *rs);

// first .. last, both included, first <= last. -ENOMEM: nothing has changed.
int rangeset_add(struct rangeset *rs, uint64_t first, uint64_t last);
int rangeset_remove(struct rangeset *rs, uint64_t first, uint64_t last);

// All of first .. last, or any of it?
bool rangeset_contains(struct rangeset *rs, uint64_t first, uint64_t last);
bool rangeset_overlaps(struct rangeset *rs, uint64_t first, uint64_t last);
// Of how many ranges, which do not touch, it consists.
unsigned rangeset_count(const struct rangeset *rs);
