#include "mm/init.h"

#include "lib/log.h"
#include "mm/buddy.h"
#include "mm/internal.h"
#include "mm/paging.h"

#define LOW_END (1ull << 20)

mfn_t max_mfn;

// Whole frames of `in`, above the first MB and within reach of the direct map.
static void clip(const struct memmap *in, struct memmap *out)
{
    out->count = 0;
    for_each_mem_range(r, in) memmap_add(out, ROUND_UP(r->start, (uint64_t)PAGE_SIZE),
                                         ROUND_DOWN(r->end, (uint64_t)PAGE_SIZE));
    memmap_remove(out, 0, LOW_END);
    memmap_remove(out, DIRECTMAP_END - DIRECTMAP_START, ~0ull);
}

void mm_init(const struct memmap *all_ram, const struct memmap *available_ram)
{
    static struct memmap ram, available;

    clip(all_ram, &ram);
    clip(available_ram, &available);
    if (!ram.count || !available.count)
        panic("no usable memory\n");
    max_mfn = ram.r[ram.count - 1].end >> PAGE_SHIFT;
    paging_init(&ram, &available);
    frame_table_init(&ram, &available);
    m2p_init(&ram, &available);
    for_each_mem_range(r, &available) buddy_add_range(r->start >> PAGE_SHIFT, r->end >> PAGE_SHIFT);
    log_info("memory: %lu MB, %lu MB free\n", memmap_bytes(&ram) >> 20,
             frames_free() >> (20 - PAGE_SHIFT));
}
