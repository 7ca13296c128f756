// Memory that is always there. A daemon that cannot have a few bytes more says so and ends; its
// successor goes on from the state file (state.h), and no guest notices. So no caller checks.
#pragma once

#include <stddef.h>

void *allocate(size_t size); // zeroed
void *reallocate(void *memory, size_t size);
void *duplicate(const void *bytes, size_t size);
