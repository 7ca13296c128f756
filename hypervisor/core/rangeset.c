// Ranges in a sorted array. They neither overlap nor touch, so that a range is contained in the set
// if and only if it lies inside a single one, which a binary search finds.
#include "core/rangeset.h"

#include "cpu/spinlock.h"
#include "lib/bits.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "mm/alloc.h"

struct range {
    uint64_t first, last;
};

struct rangeset {
    spinlock_t lock;
    unsigned n, room;
    struct range *ranges;
};

#define ROOM_MIN 8

struct rangeset *rangeset_new(void)
{
    return xzalloc(struct rangeset);
}

void rangeset_free(struct rangeset *rs)
{
    if (!rs)
        return;
    xfree(rs->ranges);
    xfree(rs);
}

// The first range that ends at or beyond x; rs->n if there is none.
static unsigned find(const struct rangeset *rs, uint64_t x)
{
    unsigned low = 0, high = rs->n;

    while (low < high) {
        unsigned mid = (low + high) / 2;

        if (rs->ranges[mid].last < x)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static int make_room(struct rangeset *rs)
{
    unsigned room = rs->room ? rs->room * 2 : ROOM_MIN;
    struct range *ranges;

    if (rs->n < rs->room)
        return 0;
    ranges = xzalloc_array(struct range, room);
    if (!ranges)
        return -ENOMEM;
    if (rs->n)
        memcpy(ranges, rs->ranges, rs->n * sizeof(*ranges));
    xfree(rs->ranges);
    rs->ranges = ranges;
    rs->room = room;
    return 0;
}

// Replaces ranges i .. end - 1 by n of `with`; there is room.
static void replace(struct rangeset *rs, unsigned i, unsigned end, const struct range *with,
                    unsigned n)
{
    memmove(&rs->ranges[i + n], &rs->ranges[end], (rs->n - end) * sizeof(*with));
    for (unsigned k = 0; k < n; k++)
        rs->ranges[i + k] = with[k];
    rs->n = rs->n - (end - i) + n;
}

static void add(struct rangeset *rs, uint64_t first, uint64_t last)
{
    struct range all = {first, last};
    unsigned i = find(rs, first ? first - 1 : 0), end = i; // neighbours that touch count

    while (end < rs->n && (last == UINT64_MAX || rs->ranges[end].first <= last + 1)) {
        if (rs->ranges[end].first < all.first)
            all.first = rs->ranges[end].first;
        if (rs->ranges[end].last > all.last)
            all.last = rs->ranges[end].last;
        end++;
    }
    replace(rs, i, end, &all, 1);
}

static void remove_range(struct rangeset *rs, uint64_t first, uint64_t last)
{
    unsigned i = find(rs, first), end = i, n = 0;
    struct range left[2];

    while (end < rs->n && rs->ranges[end].first <= last)
        end++;
    if (end == i)
        return;
    if (rs->ranges[i].first < first)
        left[n++] = (struct range){rs->ranges[i].first, first - 1};
    if (rs->ranges[end - 1].last > last)
        left[n++] = (struct range){last + 1, rs->ranges[end - 1].last};
    replace(rs, i, end, left, n);
}

int rangeset_add(struct rangeset *rs, uint64_t first, uint64_t last)
{
    int rc;

    spin_lock(&rs->lock);
    rc = make_room(rs);
    if (!rc)
        add(rs, first, last);
    spin_unlock(&rs->lock);
    return rc;
}

int rangeset_remove(struct rangeset *rs, uint64_t first, uint64_t last)
{
    int rc;

    spin_lock(&rs->lock);
    rc = make_room(rs); // a hole makes two ranges of one
    if (!rc)
        remove_range(rs, first, last);
    spin_unlock(&rs->lock);
    return rc;
}

bool rangeset_contains(struct rangeset *rs, uint64_t first, uint64_t last)
{
    unsigned i;
    bool in;

    spin_lock(&rs->lock);
    i = find(rs, first);
    in = i < rs->n && rs->ranges[i].first <= first && last <= rs->ranges[i].last;
    spin_unlock(&rs->lock);
    return in;
}

bool rangeset_overlaps(struct rangeset *rs, uint64_t first, uint64_t last)
{
    unsigned i;
    bool in;

    spin_lock(&rs->lock);
    i = find(rs, first);
    in = i < rs->n && rs->ranges[i].first <= last;
    spin_unlock(&rs->lock);
    return in;
}

unsigned rangeset_count(const struct rangeset *rs)
{
    return READ_ONCE(rs->n);
}
