// The hypervisor's own memory: whole frames, and small objects in slabs of one frame each.
//
// A slab's frame has kind FRAME_HEAP, its size class in `order`, the number of its objects in use
// in `progress`, and is on its class's list while it has free ones, which are linked through their
// first word from slab_free[]... kept in the frame's `state` (no heap frame is ever referenced by
// guests, so the word is free for use; it is zeroed before the frame goes back). Larger objects are
// frames of their own.
#include "lib/string.h"
#include "mm/alloc.h"
#include "mm/buddy.h"

static const uint16_t class_size[] = {16, 32, 48, 64, 128, 192, 256, 384, 512, 768, 1024, 2048};
#define NR_CLASSES ARRAY_SIZE(class_size)

static spinlock_t lock;
static struct frame_list partial[NR_CLASSES]; // slabs with free objects

void *pages_alloc(unsigned order)
{
    struct frame *f = buddy_alloc(order, 0, false);
    void *va;

    if (!f)
        return NULL;
    va = mfn_to_virt(frame_to_mfn(f));
    memset(va, 0, (size_t)PAGE_SIZE << order);
    return va;
}

void pages_free(void *va, unsigned order)
{
    struct frame *f = mfn_to_frame(virt_to_mfn(va));

    if (!va)
        return;
    for (unsigned i = 0; i < 1u << order; i++) {
        if (f[i].kind == FRAME_SHARED) { // its owner is gone, or has never come to life
            frame_unshare(mfn_to_virt(frame_to_mfn(&f[i])));
            ASSERT(!(f[i].state & FS_REFS));
        }
        f[i].kind = FRAME_HYPERVISOR;
        f[i].state = 0;
        f[i].owner = 0;
    }
    buddy_free(f, order);
}

// A frame of free objects, all of it on the class's list.
static struct frame *slab_new(unsigned class)
{
    struct frame *f = buddy_alloc(0, 0, false);
    unsigned size = class_size[class];
    char *page;

    if (!f)
        return NULL;
    page = mfn_to_virt(frame_to_mfn(f));
    f->kind = FRAME_HEAP;
    f->order = (uint8_t) class;
    f->progress = 0;
    f->state = (uint64_t)page;
    for (unsigned at = 0; at + size <= PAGE_SIZE; at += size)
        *(uint64_t *)(page + at) = at + 2 * size <= PAGE_SIZE ? (uint64_t)(page + at + size) : 0;
    return f;
}

static void *slab_take(unsigned class)
{
    struct frame *f = frame_list_first(&partial[class]);
    uint64_t *object = (uint64_t *)f->state;

    f->state = *object;
    f->progress++;
    if (!f->state)
        frame_list_del(&partial[class], f);
    return object;
}

static void *alloc_small(unsigned class)
{
    struct frame *fresh;
    void *object = NULL;

    spin_lock(&lock);
    if (partial[class].count) {
        object = slab_take(class);
        spin_unlock(&lock);
        return object;
    }
    spin_unlock(&lock); // a new frame may need a TLB flush, and another CPU the lock
    fresh = slab_new(class);
    if (!fresh)
        return NULL;
    spin_lock(&lock);
    frame_list_add(&partial[class], fresh);
    object = slab_take(class);
    spin_unlock(&lock);
    return object;
}

void *xzalloc_bytes(size_t size)
{
    unsigned class = 0, order;
    void *p;

    while (class < NR_CLASSES && class_size[class] < size)
        class ++;
    if (class < NR_CLASSES) {
        p = alloc_small(class);
        if (p)
            memset(p, 0, class_size[class]);
        return p;
    }
    if (size > (size_t)PAGE_SIZE << BUDDY_MAX_ORDER)
        return NULL;
    order = pages_order(size);
    p = pages_alloc(order);
    if (p)
        mfn_to_frame(virt_to_mfn(p))->order = (uint8_t)order;
    return p;
}

void xfree(void *p)
{
    struct frame *f;

    if (!p)
        return;
    f = mfn_to_frame(virt_to_mfn(p));
    if (f->kind != FRAME_HEAP) {
        ASSERT(((uint64_t)p & ~PAGE_MASK) == 0);
        pages_free(p, f->order);
        return;
    }
    spin_lock(&lock);
    ASSERT(f->progress);
    if (!f->state)
        frame_list_add(&partial[f->order], f);
    *(uint64_t *)p = f->state;
    f->state = (uint64_t)p;
    if (--f->progress) {
        spin_unlock(&lock);
        return;
    }
    frame_list_del(&partial[f->order], f);
    spin_unlock(&lock);
    f->state = 0;
    buddy_free(f, 0);
}
