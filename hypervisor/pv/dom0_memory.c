// Domain 0's memory: how much, and which frames.
#include "lib/bug.h"
#include "lib/cmdline.h"
#include "lib/log.h"
#include "lib/string.h"
#include "mm/frame.h"
#include "pv/dom0.h"

#define MAX_ORDER     18 // 1 GB
#define KEEP_FRACTION 16 // of free memory the hypervisor keeps one part in this many ...
#define KEEP_MAX \
    (128ul << (20 - PAGE_SHIFT)) // ... but no more than this, for other domains and DMA buffers
#define LEAST (64ul << (20 - PAGE_SHIFT))

static uint64_t opt_size, opt_min, opt_max = ~0ull; // bytes

// dom0_mem=[SIZE][,min:SIZE][,max:SIZE]; a negative size is what to keep from domain 0.
static int parse_dom0_mem(const char *text)
{
    while (*text) {
        uint64_t *var = &opt_size;
        const char *end;

        if (!strncmp(text, "min:", 4))
            var = &opt_min, text += 4;
        else if (!strncmp(text, "max:", 4))
            var = &opt_max, text += 4;
        if (*text == '-') {
            *var = -cmdline_parse_size(text + 1, &end);
        } else {
            *var = cmdline_parse_size(text, &end);
        }
        if (end == text || (*end && *end != ','))
            return -1;
        text = *end ? end + 1 : end;
    }
    return 0;
}
CMDLINE_CUSTOM("dom0_mem", parse_dom0_mem, "domain 0's memory: [SIZE][,min:SIZE][,max:SIZE]");

static uint64_t pages_of(uint64_t bytes, uint64_t available)
{
    if ((int64_t)bytes >= 0)
        return bytes >> PAGE_SHIFT;
    return available - MIN(available, -bytes >> PAGE_SHIFT);
}

uint64_t dom0_memory_wanted(void)
{
    uint64_t available = frames_free();
    uint64_t most = available - MIN(available / KEEP_FRACTION, KEEP_MAX);
    uint64_t pages = opt_size ? pages_of(opt_size, available) : most;

    pages = MAX(pages, pages_of(opt_min, available));
    pages = MIN(pages, pages_of(opt_max, available));
    if (pages > most) {
        log_warn("dom0_mem: only %lu MB can be had\n", most >> (20 - PAGE_SHIFT));
        pages = most;
    }
    if (pages < LEAST)
        panic("domain 0 would have only %lu MB\n", pages >> (20 - PAGE_SHIFT));
    return pages;
}

static void add_extent(struct dom0_memory *m, mfn_t mfn, uint64_t count)
{
    struct dom0_extent *last = m->extents + m->nr_extents - 1;

    for (uint64_t i = 0; i < count; i++)
        m2p_set(mfn + i, m->nr_pages + i);
    if (m->nr_extents && last->mfn + last->count == mfn) {
        last->count += count;
    } else {
        if (m->nr_extents == DOM0_MAX_EXTENTS)
            panic("memory is too fragmented for domain 0\n");
        m->extents[m->nr_extents++] = (struct dom0_extent){m->nr_pages, mfn, count};
    }
    m->nr_pages += count;
}

void dom0_memory_alloc(struct domain *d, struct dom0_memory *m, uint64_t low)
{
    uint64_t wanted = d->mem.max_pages;
    unsigned order = MAX_ORDER;

    while (m->nr_pages < wanted) {
        struct frame *f = NULL;

        while ((1ull << order) > wanted - m->nr_pages && order)
            order--;
        f = frame_alloc(d, order, FRAME_NO_SCRUB);
        if (f)
            add_extent(m, frame_to_mfn(f), 1ull << order);
        else if (order == 0)
            panic("no memory for domain 0\n");
        else
            order--;
    }
    if (m->extents[0].count < low)
        panic("no %lu MB of contiguous memory for domain 0's kernel\n", low >> (20 - PAGE_SHIFT));
}

mfn_t dom0_mfn(const struct dom0_memory *m, gfn_t gfn)
{
    unsigned low = 0, high = m->nr_extents;

    BUG_ON(gfn >= m->nr_pages);
    while (high - low > 1) {
        unsigned mid = (low + high) / 2;

        if (m->extents[mid].gfn <= gfn)
            low = mid;
        else
            high = mid;
    }
    return m->extents[low].mfn + (gfn - m->extents[low].gfn);
}
