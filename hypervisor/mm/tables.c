// The two large tables with an entry for every frame of the machine, made at boot.
//
// The frame table: struct frame, mm/frame.h. The machine-to-physical table: which frame number of
// its own a domain gives each machine frame; one word a frame, readable by all guests at
// M2P_RO_START. It is advice: the hypervisor never bases a decision about safety on it.
#include "lib/string.h"
#include "mm/frame.h"
#include "mm/internal.h"

#define CHUNK_BYTES  (2ull << 20) // both are mapped by 2 MB pages, where there is RAM
#define CHUNK_FRAMES (CHUNK_BYTES / sizeof(struct frame))

// Chunks of 2 MB where there is RAM; zeros in between, so that any number below max_mfn can be
// looked up.
void frame_table_init(const struct memmap *ram, struct memmap *available)
{
    uint64_t done = 0;

    for_each_mem_range(r, ram)
    {
        uint64_t first = (r->start >> PAGE_SHIFT) / CHUNK_FRAMES;
        uint64_t end = DIV_ROUND_UP(r->end >> PAGE_SHIFT, CHUNK_FRAMES);

        if (first > done)
            paging_back_zero(FRAMETABLE_START + done * CHUNK_BYTES, (first - done) * CHUNK_BYTES,
                             available);
        first = MAX(first, done);
        if (first < end) {
            paging_back_2m(FRAMETABLE_START + first * CHUNK_BYTES, 0, (end - first) * CHUNK_BYTES,
                           available);
            done = end;
        }
        for (mfn_t mfn = r->start >> PAGE_SHIFT; mfn < r->end >> PAGE_SHIFT; mfn++)
            mfn_to_frame(mfn)->kind = FRAME_HYPERVISOR;
    }
}

// Chunks for all frames of `ram`; guests that look at other numbers fault, as the ABI warns them.
void m2p_init(const struct memmap *ram, struct memmap *available)
{
    uint64_t done = 0;

    for_each_mem_range(r, ram)
    {
        uint64_t at = MAX(done, ROUND_DOWN((r->start >> PAGE_SHIFT) * 8, CHUNK_BYTES));
        uint64_t end = ROUND_UP((r->end >> PAGE_SHIFT) * 8, CHUNK_BYTES);

        if (at >= end)
            continue;
        paging_back_2m(M2P_RW_START + at, M2P_RO_START + at, end - at, available);
        memset((void *)(M2P_RW_START + at), 0xff, end - at);
        done = end;
    }
}
