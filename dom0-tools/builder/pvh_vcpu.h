// A PVH guest's vCPUs before its first instruction.
#pragma once

#include "control/control.h"

// Sets the boot vCPU to `entry`, in flat 32-bit protected mode without paging, with EBX the
// physical address of start info; and has every vCPU cache memory (its MTRRs say write-back), as
// there is no firmware that would. 0 or -errno: -EIO if what the hypervisor says of the vCPUs makes
// no sense.
int pvh_set_vcpus(struct control *control, domid_t domain, uint64_t entry, uint64_t start_info);

// Turns a stream of records as the hypervisor gives it (`n` bytes at `from`) into that which
// pvh_set_vcpus() sets, at `to`, which has room for PVH_STREAM_MAX(n). Its length, or -EIO.
long pvh_vcpu_records(const void *from, size_t n, uint64_t entry, uint64_t start_info, void *to);

#define PVH_STREAM_MAX(n) ((n) + 2048)
