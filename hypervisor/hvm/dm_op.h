// Between the parts of HYPERVISOR_dm_op.
#pragma once

#include "core/domain.h"
#include "pv-abi/hvm/dm_op.h"

#define DM_MAX_BUFFERS 3
#define DM_HEADER      offsetof(struct xen_dm_op, u)

struct dm_call {
    struct domain *d;
    struct xen_dm_op op; // a copy; operations that go on later keep their progress here
    unsigned nr_bufs;
    struct xen_dm_op_buf buf[DM_MAX_BUFFERS];
};

// hvm/dm_memory.c: 0, -errno, or -ERESTART: call again.
int dm_track_dirty_vram(struct dm_call *c);
int dm_modified_memory(struct dm_call *c);
int dm_set_mem_type(struct dm_call *c);
int dm_map_mem_type(struct dm_call *c);
int dm_relocate_memory(struct dm_call *c);
int dm_pin_cache_attribute(struct dm_call *c);
