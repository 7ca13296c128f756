// The machine-to-physical table: which frame number of its own a domain gives each machine frame.
// One word a frame, readable by all guests at M2P_RO_START. It is advice: the hypervisor never
// bases a decision about safety on it.
#include "lib/string.h"
#include "mm/frame.h"
#include "mm/internal.h"

#define M2P_CHUNK (2ull << 20) // bytes, of 2 MB pages

// Chunks for all frames of `ram`; guests that look at other numbers fault, as the ABI warns them.
void m2p_init(const struct memmap *ram, struct memmap *available)
{
    uint64_t done = 0;

    for_each_mem_range(r, ram)
    {
        uint64_t at = MAX(done, ROUND_DOWN((r->start >> PAGE_SHIFT) * 8, M2P_CHUNK));
        uint64_t end = ROUND_UP((r->end >> PAGE_SHIFT) * 8, M2P_CHUNK);

        if (at >= end)
            continue;
        paging_back_2m(M2P_RW_START + at, M2P_RO_START + at, end - at, available);
        memset((void *)(M2P_RW_START + at), 0xff, end - at);
        done = end;
    }
}
