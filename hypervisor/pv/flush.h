// TLB flushes that a guest asks for.
#pragma once

#include "cpu/percpu.h"

// The CPUs whose TLBs may hold entries of the current domain's vCPUs in a bitmap in guest memory. 0
// or -EFAULT.
int pv_flush_mask(uint64_t vcpu_bitmap, cpumask_t *mask);
