// The allocator of frames. See mm/buddy.c.
#pragma once

#include "mm/frame.h"

#define BUDDY_MAX_ORDER 18 // 1 GB

// Gives [first, end) to the allocator. The frames must be RAM, inside the frame table, and unused.
void buddy_add_range(mfn_t first, mfn_t end);

// 2^order frames, aligned to that, the content whatever the last owner left, state all zero;
// flushed from all TLBs. NULL if there are none. flags: FRAME_DMA32. Frames promised to domains
// (claims) are only given out if `claimed`.
struct frame *buddy_alloc(unsigned order, unsigned flags, bool claimed);
// TLBs may still hold the frames of a block with state 0 that comes back.
void buddy_free(struct frame *f, unsigned order);

// Sets n frames aside for a domain (XENMEM_claim_pages): false if there are not so many. Taken back
// by buddy_unclaim().
bool buddy_claim(uint64_t n);
void buddy_unclaim(uint64_t n);
uint64_t buddy_claimed(void);
