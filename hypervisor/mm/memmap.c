#include "mm/memmap.h"

#include "lib/bits.h"
#include "lib/string.h"

// Replaces entries [at, at + old) by `new` ones, which the caller fills in.
static void splice(struct memmap *m, unsigned at, unsigned old, unsigned new)
{
    memmove(&m->r[at + new], &m->r[at + old], (m->count - at - old) * sizeof(m->r[0]));
    m->count = m->count - old + new;
}

// The entries that overlap or (touch: or adjoin) [start, end): first index and number.
static unsigned overlap(const struct memmap *m, maddr_t start, maddr_t end, bool touch,
                        unsigned *nr)
{
    unsigned first = 0, last;

    while (first < m->count && (touch ? m->r[first].end < start : m->r[first].end <= start))
        first++;
    last = first;
    while (last < m->count && (touch ? m->r[last].start <= end : m->r[last].start < end))
        last++;
    *nr = last - first;
    return first;
}

bool memmap_add(struct memmap *m, maddr_t start, maddr_t end)
{
    unsigned nr, at;

    if (start >= end)
        return true;
    at = overlap(m, start, end, true, &nr);
    if (nr) {
        start = MIN(start, m->r[at].start);
        end = MAX(end, m->r[at + nr - 1].end);
    } else if (m->count == MEMMAP_MAX_RANGES) {
        return false;
    }
    splice(m, at, nr, 1);
    m->r[at] = (struct mem_range){start, end};
    return true;
}

bool memmap_remove(struct memmap *m, maddr_t start, maddr_t end)
{
    unsigned nr, at, left = 0;
    struct mem_range parts[2];

    if (start >= end)
        return true;
    at = overlap(m, start, end, false, &nr);
    if (!nr)
        return true;
    if (m->r[at].start < start)
        parts[left++] = (struct mem_range){m->r[at].start, start};
    if (m->r[at + nr - 1].end > end)
        parts[left++] = (struct mem_range){end, m->r[at + nr - 1].end};
    if (m->count - nr + left > MEMMAP_MAX_RANGES)
        return false;
    splice(m, at, nr, left);
    for (unsigned i = 0; i < left; i++)
        m->r[at + i] = parts[i];
    return true;
}

maddr_t memmap_take(struct memmap *m, uint64_t bytes, uint64_t align, maddr_t limit)
{
    for (unsigned i = m->count; i-- > 0;) {
        maddr_t end = MIN(m->r[i].end, limit), start;

        if (end < bytes)
            continue;
        start = ROUND_DOWN(end - bytes, align);
        if (start >= m->r[i].start && start && memmap_remove(m, start, start + bytes))
            return start;
    }
    return 0;
}

uint64_t memmap_bytes(const struct memmap *m)
{
    uint64_t sum = 0;

    for_each_mem_range(r, m) sum += r->end - r->start;
    return sum;
}
