// Where a vCPU's struct vcpu_info lies.
#pragma once

#include "core/domain.h"

// Gives a new vCPU its place in shared_info; one beyond those that have one there gets none that
// the guest could see, and must register its own before it may run.
void vcpu_info_init(struct vcpu *v);
bool vcpu_info_usable(const struct vcpu *v);

// VCPUOP_register_vcpu_info: moves it to a frame of the guest's, which stays writable memory of the
// domain until vcpu_info_destroy. The vCPU is the current one or down; the domain is locked.
// -EINVAL: not such a frame, not in one frame, not aligned to 8, moved before.
int vcpu_info_register(struct vcpu *v, gfn_t gfn, unsigned offset);
// Back to what it was at first.
void vcpu_info_destroy(struct vcpu *v);
