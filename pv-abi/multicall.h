/*
 * Batched hypercalls: HYPERVISOR_multicall(entries, count).
 *
 * Entries run in order; each leaves its return value in `result`. The batch goes on after a
 * call that failed.
 */
#pragma once

#include "types.h"

typedef struct multicall_entry {
    xen_ulong_t op;
    xen_ulong_t result;
    xen_ulong_t args[6];
} multicall_entry_t;
ABI_SIZE(struct multicall_entry, 64);
ABI_OFFSET(struct multicall_entry, result, 8);
ABI_OFFSET(struct multicall_entry, args, 16);
