// The buddy allocator of frames.
//
// A free block of order n is 2^n frames, aligned to that. Its first frame has kind FRAME_FREE_HEAD,
// its order and a place in the free list of its zone and order; the others have kind FRAME_FREE. A
// block never crosses 4 GB, so it is all in one zone: below, where old devices can reach, or above.
// Requests that do not care are served from above first.
//
// The head's stamp is the TLB clock at the latest moment when a frame of the block was in use: some
// CPU may have stale translations to it that are as young as that, so whoever takes the block
// flushes first. The content of free frames is never looked at and never trusted to be clean:
// scrubbing is done at allocation, by frame_alloc() and pages_alloc(), where it is also preemptible
// with the operation.
//
// Claims are promises of frames to domains. They are a mere number: an allocation that does not
// draw on a claim leaves so many frames free.
#include "mm/buddy.h"

#include "mm/tlb.h"

#define NR_ORDERS (BUDDY_MAX_ORDER + 1)
#define DMA32_END (1ull << (32 - PAGE_SHIFT))

static spinlock_t lock;
static struct zone {
    struct frame_list free[NR_ORDERS];
    uint32_t nonempty; // bit per order
} zones[2];            // [1]: below 4 GB
static uint64_t nr_free, nr_total, nr_claimed;

static struct zone *zone_of(mfn_t mfn)
{
    return &zones[mfn < DMA32_END];
}

static void insert(mfn_t mfn, unsigned order)
{
    struct zone *z = zone_of(mfn);
    struct frame *f = mfn_to_frame(mfn);

    f->kind = FRAME_FREE_HEAD;
    f->order = (uint8_t)order;
    frame_list_add(&z->free[order], f);
    z->nonempty |= 1u << order;
}

static void extract(struct frame *f)
{
    struct zone *z = zone_of(frame_to_mfn(f));

    frame_list_del(&z->free[f->order], f);
    if (!z->free[f->order].count)
        z->nonempty &= ~(1u << f->order);
    f->kind = FRAME_FREE;
}

// Puts a block of free frames (kind FRAME_FREE) on the lists, merged with free neighbours.
static void put_block(mfn_t mfn, unsigned order, uint32_t stamp)
{
    for (; order < BUDDY_MAX_ORDER; order++) {
        mfn_t buddy = mfn ^ (1ull << order);
        struct frame *b;

        if (buddy >= max_mfn || zone_of(buddy) != zone_of(mfn))
            break;
        b = mfn_to_frame(buddy);
        if (b->kind != FRAME_FREE_HEAD || b->order != order)
            break;
        extract(b);
        stamp = tlb_stamp_max(stamp, b->stamp);
        mfn = MIN(mfn, buddy);
    }
    mfn_to_frame(mfn)->stamp = stamp;
    insert(mfn, order);
}

void buddy_add_range(mfn_t first, mfn_t end)
{
    spin_lock(&lock);
    nr_free += end - first;
    nr_total += end - first;
    for (mfn_t mfn = first; mfn < end; mfn++)
        mfn_to_frame(mfn)->kind = FRAME_FREE;
    while (first < end) {
        unsigned order = MIN(bit_last(end - first), BUDDY_MAX_ORDER);

        if (first)
            order = MIN(order, bit_first(first));
        put_block(first, order, tlb_clock_now());
        first += 1ull << order;
    }
    spin_unlock(&lock);
}

static struct frame *take_from(struct zone *z, unsigned order)
{
    uint32_t fit = z->nonempty & ~((1u << order) - 1);
    struct frame *f;
    unsigned have;

    if (!fit)
        return NULL;
    have = bit_first(fit);
    f = frame_list_first(&z->free[have]);
    extract(f);
    // Keep the lower part, give the upper half back, until the size is right.
    while (have > order) {
        struct frame *upper = f + (1ull << --have);

        upper->stamp = f->stamp;
        insert(frame_to_mfn(upper), have);
    }
    return f;
}

struct frame *buddy_alloc(unsigned order, unsigned flags, bool claimed)
{
    uint64_t n = 1ull << order;
    struct frame *f = NULL;
    uint32_t stamp;

    if (order > BUDDY_MAX_ORDER)
        return NULL;
    spin_lock(&lock);
    if (nr_free >= n + (claimed ? 0 : nr_claimed)) {
        if (!(flags & FRAME_DMA32))
            f = take_from(&zones[0], order);
        if (!f)
            f = take_from(&zones[1], order);
    }
    if (f) {
        nr_free -= n;
        for (uint64_t i = 0; i < n; i++) {
            ASSERT(f[i].kind == FRAME_FREE && !f[i].state && !f[i].owner);
            f[i].kind = FRAME_HYPERVISOR;
        }
    }
    spin_unlock(&lock);
    if (!f)
        return NULL;
    stamp = f->stamp;
    tlb_flush_since(cpus_online, stamp);
    return f;
}

void buddy_free(struct frame *f, unsigned order)
{
    uint64_t n = 1ull << order;

    for (uint64_t i = 0; i < n; i++) {
        ASSERT(!f[i].state && !f[i].owner && f[i].kind > FRAME_FREE_HEAD);
        f[i].kind = FRAME_FREE;
        f[i].traits = f[i].phase = 0;
        f[i].linear = 0;
    }
    spin_lock(&lock);
    nr_free += n;
    put_block(frame_to_mfn(f), order, tlb_clock_now());
    spin_unlock(&lock);
}

bool buddy_claim(uint64_t n)
{
    bool ok;

    spin_lock(&lock);
    ok = nr_free >= nr_claimed && nr_free - nr_claimed >= n;
    if (ok)
        nr_claimed += n;
    spin_unlock(&lock);
    return ok;
}

void buddy_unclaim(uint64_t n)
{
    spin_lock(&lock);
    ASSERT(nr_claimed >= n);
    nr_claimed -= n;
    spin_unlock(&lock);
}

uint64_t buddy_claimed(void)
{
    return nr_claimed;
}

uint64_t frames_total(void)
{
    return nr_total;
}

uint64_t frames_free(void)
{
    return nr_free;
}
