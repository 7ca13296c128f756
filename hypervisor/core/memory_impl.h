// Between the parts of memory_op.
#pragma once

#include "core/memory.h"
#include "pv-abi/memory.h"

#define M2P_EXTENT (2ull << 20) // of the M2P, contiguous: XENMEM_machphys_mfn_list

// Bits of the command that tell the operation; the index at which to go on is above.
#define MEMOP_EXTENT_SHIFT 6
#define MEMOP_CMD_MASK     ((1u << MEMOP_EXTENT_SHIFT) - 1)
#define MEMOP_MAX_EXTENTS \
    (UINT32_MAX >> MEMOP_EXTENT_SHIFT) // so that a continuation can be encoded

// Each takes the guest address of its argument. Reservation operations go on at extent `start` and
// return the number of extents done, -errno, or -ERESTART with *start advanced.
long memory_reservation_op(unsigned op, uint64_t arg, uint64_t *start);
long memory_exchange(uint64_t arg); // progress is in the argument
long memory_claim(uint64_t arg);
long memory_map_op(unsigned op, uint64_t arg);
long memory_physmap_op(unsigned op, uint64_t arg, uint64_t *start);
long memory_acquire_resource(uint64_t arg, uint64_t *start); // 0, -errno, or -ERESTART as above
