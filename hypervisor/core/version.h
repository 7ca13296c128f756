// Who the hypervisor is, as guests are told.
#pragma once

#include "pv-abi/version.h"

// The command line that the hypervisor was booted with; boot fills it in.
extern xen_commandline_t version_command_line;
// Kinds of guest that can be made, blank after each; what finds hardware virtualization adds to it.

// What XENVER_get_features tells a guest of the PV kind; for its struct domain_ops.
#define PV_FEATURES                                                                \
    (1u << XENFEAT_pae_pgdir_above_4gb | 1u << XENFEAT_mmu_pt_update_preserve_ad | \
     1u << XENFEAT_highmem_assist | 1u << XENFEAT_gnttab_map_avail_bits |          \
     1u << XENFEAT_memory_op_vnode_supported | 1u << XENFEAT_direct_mapped)
