// The frame table: for every machine frame its owner, its references and its type. See mm/frame.c
// for the invariants.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "lib/bits.h"
#include "mm/layout.h"

struct domain;

struct frame {
    uint64_t refs;     // FRAME_ALLOCATED, ... and the number of references
    uint64_t type;     // FT_* in the top bits, flags, and the number of typed references
    uint32_t owner;    // frame number of the owner's struct domain; 0: nobody
    uint32_t next, prev; // links of frame lists (frame numbers; 0 ends)
    uint32_t extra;    // free: order; page tables: progress of a preempted (in)validation; else TLB stamp
};
_Static_assert(sizeof(struct frame) == 32, "eight of them in four cache lines");

// A list of frames, linked through the frame table.
struct frame_list {
    uint32_t head, tail, count;
};

// Types of use. A frame has one type at a time while its type count is not 0.
enum frame_type {
    FT_NONE,
    FT_L1, FT_L2, FT_L3, FT_L4, // page tables
    FT_DESC,                    // GDT or LDT frame
    FT_WRITABLE,                // mapped writable by a guest
    FT_SHARED,                  // HVM memory sharing never uses it; kept apart for p2m
};

extern struct frame *const frame_table;

static inline struct frame *mfn_to_frame(mfn_t mfn)
{
    return &frame_table[mfn];
}

static inline mfn_t frame_to_mfn(const struct frame *f)
{
    return (mfn_t)(f - frame_table);
}

// Is there a struct frame behind this number (RAM, or hypervisor's)? False for MMIO and holes.
bool mfn_valid(mfn_t mfn);

// The owner; the result is stable only while the caller holds a reference to the frame.
struct domain *frame_owner(const struct frame *f);

// References: a frame with references stays allocated to its owner. frame_get fails if d does not
// own the frame or it is being freed. The last frame_put of a frame frees it.
bool frame_get(struct frame *f, const struct domain *d);
void frame_put(struct frame *f);

// Typed references, on top of an ordinary one which the caller holds. 0; -EINVAL: the frame is in use
// as another type or its content is not valid for this one; -ERESTART/-EINTR: preempted, call again.
int frame_get_type(struct frame *f, enum frame_type type, bool preemptible);
int frame_put_type(struct frame *f, bool preemptible);

// Both at once, not preemptible (types that need no validation of content, or L1).
bool frame_get_and_type(struct frame *f, const struct domain *d, enum frame_type type);
void frame_put_and_type(struct frame *f);

// Allocates 2^order frames to a domain (charged against max_pages and claims; -1ull on failure),
// on its page list with the allocation's reference. NULL domain: to nobody yet.
struct frame *frame_alloc(struct domain *d, unsigned order, unsigned flags);
#define FRAME_DMA32   (1u << 0) // below 4 GB
#define FRAME_NO_SCRUB (1u << 1) // the caller overwrites all of it

// Gives a hypervisor frame (pages_alloc) to a domain to share: read-only or writable for the guest.
void frame_share(void *va, struct domain *d, bool writable);

// Machine-to-physical table (guests read it at MACH2PHYS_VIRT_START).
void m2p_set(mfn_t mfn, gfn_t gfn);
gfn_t m2p_get(mfn_t mfn);
#define M2P_INVALID (~0ull)
#define M2P_SHARED  0x5555555555555555ull

uint64_t frames_total(void), frames_free(void);
