// Memory that is always there. A daemon that cannot have a few bytes more says so and ends; its
// successor goes on from the state file (state.h), and no guest notices. So no caller checks.
#pragma once

#include <stddef.h>

void *allocate(size_t size); // zeroed
void *reallocate(void *memory, size_t size);
void *duplicate(const void *bytes, size_t size);

// The same for small things of which many come and go at once, as when a transaction has its own
// version of the tree: what recycle() took is given out again. Only for each other's memory.
void *allocate_small(size_t size);
void recycle(void *memory, size_t size); // the size that was asked for
