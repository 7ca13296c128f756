// From the frame numbers that a guest hands over to frames that the hypervisor may keep.
#pragma once

#include "core/domain.h"

// The frame behind gfn of d, with an ordinary reference (frame_put). 0 or -EINVAL: d does not own
// such a frame. A PV guest's numbers in hypercalls and grant entries are machine frame numbers.
int domain_gfn_to_frame(struct domain *d, gfn_t gfn, struct frame **frame);

// The same with a writable type on top, so that the frame can not become a page table or descriptor
// table while the hypervisor writes to it: for areas that a guest shares with the hypervisor.
// -EINVAL also if it is one now. Undone by guest_area_put. *va is its direct-map address.
int guest_area_get(struct domain *d, gfn_t gfn, struct frame **frame, void **va);
void guest_area_put(struct frame *frame);
