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
#define P2M_ADDR      0x000ffffffffff000ull

// How a processor's nested page tables are written: NPT and EPT differ in bits only. A leaf that
// the log of dirty frames watches (hvm/dirty_log.c) has its bit `watched`, which the processor
// ignores, in place of `writable`.
struct p2m_format {
    uint64_t writable, watched;
    uint64_t (*leaf)(mfn_t mfn, bool large); // writable
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
extern const struct dirty_log_ops hvm_dirty_log_ops;

// A write to gfn was refused. True: the log noticed it, and it may be tried again.
bool hvm_dirty_log_write(struct domain *d, gfn_t gfn);

// For the log of dirty frames, under the lock. The entry of level 2 over gfn; NULL: there is none,
// nor is there below *end.
uint64_t *p2m_entry_2(const struct p2m *p2m, gfn_t gfn, gfn_t *end);
static inline uint64_t *p2m_table(uint64_t entry)
{
    return maddr_to_virt(entry & P2M_ADDR);
}
// A large leaf becomes a table of small ones that say the same; -ENOMEM.
int p2m_split(const struct p2m_format *format, uint64_t *entry);
// Processors' copies of entries that were there are used no more when it returns.
void p2m_flush(struct domain *d);

// domain_ops.gfn_to_frame: with an ordinary reference. -EINVAL: nothing there.
int hvm_gfn_to_frame(struct domain *d, gfn_t gfn, struct frame **f);
