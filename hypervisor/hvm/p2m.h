// The nested page tables of an HVM domain: from guest frame numbers to machine frames.
//
// Invariant: every frame in the map is the domain's, its own memory with the reference of its
// allocation, or one of the hypervisor's that is shown to it. Whoever takes a frame from the domain
// takes it out of the map first; the map holds no references of its own. It is written under its
// lock; the processors read it without, so entries change by single stores and are flushed before
// remove returns.
#pragma once

#include "core/domain.h"

#define P2M_LEVELS    4
#define P2M_GFN_BITS  36 // of a guest frame number: 48 bits of address
#define P2M_MAX_ORDER 9  // the largest leaf: 2 MB

// How a processor's nested page tables are written: NPT and EPT differ in bits only.
struct p2m_format {
    uint64_t (*leaf)(mfn_t mfn, bool large);
    uint64_t (*table)(mfn_t mfn);
    bool (*is_present)(uint64_t entry);
    bool (*is_large)(uint64_t entry); // of level 2 or 3
};

struct p2m {
    spinlock_t lock;
    const struct p2m_format *format;
    uint64_t *root;
    gfn_t last;          // highest ever mapped
    uint32_t generation; // of the map: a CPU flushes before it enters with an older one
};

int p2m_init(struct p2m *p2m, const struct p2m_format *format); // -ENOMEM
void p2m_destroy(struct p2m *p2m);

extern const struct physmap_ops hvm_physmap_ops;

// domain_ops.gfn_to_frame: with an ordinary reference. -EINVAL: nothing there.
int hvm_gfn_to_frame(struct domain *d, gfn_t gfn, struct frame **f);
