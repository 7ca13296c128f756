// Between the files of the domctl hypercall (pv-abi/domctl.h): control of single domains.
#pragma once

#include "core/domain.h"
#include "pv-abi/domctl.h"

// Fills in getdomaininfo of a domain.
void domctl_describe(struct domain *d, struct xen_domctl_getdomaininfo *info);
// The first domain whose number is not below id, with a reference; NULL if there is none.
struct domain *domctl_next_domain(uint32_t id);

// Bitmaps of the caller's, which may be longer or shorter than the nr_bits that count here. What is
// missing reads as 0; what is beyond is written as 0. 0 or -EFAULT.
int domctl_get_bitmap(const struct xenctl_bitmap *from, uint64_t *bits, unsigned nr_bits);
int domctl_put_bitmap(const struct xenctl_bitmap *to, uint64_t bits, unsigned nr_bits);
