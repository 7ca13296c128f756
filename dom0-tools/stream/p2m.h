// A PV guest's P2M list as the guest keeps it: the machine frame of each guest frame, found through
// the address that its kernel has left in shared_info (SIF_VIRT_P2M_4TOOLS). An HVM guest's map is
// the hypervisor's matter: to the tools its frames have the numbers that they have to the guest.
#pragma once

#include <stdint.h>
#include <stdio.h>

#include "control/control.h"
#include "pv-abi/shared_info.h"

struct p2m {
    struct control *control;
    domid_t domain;
    uint64_t count;                // of guest frames
    const volatile uint64_t *list; // the guest's own, mapped; NULL: HVM
    uint64_t nr_frames;
    uint64_t *frames; // of the list itself: machine frames
    uint64_t generation;
    // Guest frame of each machine frame below `machine_frames`, plus one; may be out of date.
    uint32_t *reverse;
    uint64_t machine_frames;
};

// 0; -EOPNOTSUPP, -EINVAL with words; -ENOMEM; what the hypervisor says.
int p2m_open(struct p2m *p2m, struct control *control, domid_t domain,
             const struct shared_info *shared, FILE *messages);
// An HVM guest's: up to the highest frame that it has had.
int p2m_open_hvm(struct p2m *p2m, struct control *control, domid_t domain, FILE *messages);
void p2m_close(struct p2m *p2m);

// The guest has rearranged the list since it was opened.
int p2m_moved(const struct p2m *p2m, const struct shared_info *shared);

// The machine frame behind a guest frame; UINT64_MAX: none of the guest's own.
uint64_t p2m_mfn(const struct p2m *p2m, uint64_t pfn);
// The guest frame in front of a machine frame of the guest's; UINT64_MAX: none.
uint64_t p2m_pfn(const struct p2m *p2m, uint64_t mfn);
// Looks through the list again, so that p2m_pfn() knows what has been added.
void p2m_refresh(struct p2m *p2m);
