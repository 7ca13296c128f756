/*
 * Compile-time proof of a structure's layout.
 *
 * Every structure of the ABI is followed by its size and by the offsets that padding or
 * unions could disturb, so that a mistake stops the build and not a guest.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define ABI_SIZE(type, size) _Static_assert(sizeof(type) == (size), "size of " #type)

#define ABI_OFFSET(type, member, offset) \
    _Static_assert(offsetof(type, member) == (offset), "offset of " #member " in " #type)
