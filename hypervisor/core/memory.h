// HYPERVISOR_memory_op, and what the domains' life cycle needs of it. core/memory.c dispatches.
#pragma once

#include "core/domain.h"

// An entry of a memory map as the ABI passes it (XENMEM_memory_map and kin), packed.
struct e820_entry {
    uint64_t start, bytes;
    uint32_t type;
} __attribute__((packed));
_Static_assert(sizeof(struct e820_entry) == 20, "XENMEM_memory_map");

#define E820_MAX_ENTRIES 1024

// Once, after domains_init() and before the first domain.
void memory_op_init(void);
// Boot: the machine's memory map as domain 0 is to see it, in ascending order. Ranges beyond the
// room for them are left out.
void memory_add_machine_range(uint64_t start, uint64_t bytes, uint32_t type);
void memory_domain_destroy(struct domain *d);
// XENMAPSPACE_gmfn: the domain's memory at one guest frame number goes to another; what was there
// is lost to it. -EINVAL: there is none, -EACCES: it numbers its memory itself, -ENOMEM.
long memory_move(struct domain *d, gfn_t from, gfn_t to);
// Goes once through the frames of a dying domain: `release` takes from each what the domain holds
// of it, 0 or -ERESTART. 0; -ERESTART: call again. What others still use stays, at the end of the
// domain's list.
int memory_relinquish(struct domain *d, int (*release)(struct frame *f));
static inline bool memory_relinquishing(const struct domain *d)
{
    return d->relinquish.begun;
}
