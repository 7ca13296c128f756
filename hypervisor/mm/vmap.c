// Addresses in the mapping area (VMAP_START to VMAP_END): device memory and stacks.
//
// Areas are kept in a list sorted by address and found first-fit; there are few, and they come and
// go at boot and with devices only. An unmapped page follows every area.
#include "cpu/spinlock.h"
#include "lib/bits.h"
#include "lib/bug.h"
#include "mm/alloc.h"
#include "mm/paging.h"

struct area {
    struct area *next;
    uint64_t start, end; // without the guard page
};

static spinlock_t lock;
static struct area *areas;

static struct area *reserve(size_t bytes, uint64_t align)
{
    struct area *next = xzalloc(struct area), **at = &areas;
    uint64_t va = VMAP_START;

    if (!next)
        return NULL;
    spin_lock(&lock);
    for (; *at; at = &(*at)->next) {
        if (va + bytes + PAGE_SIZE <= (*at)->start)
            break;
        va = ROUND_UP((*at)->end + PAGE_SIZE, align);
    }
    if (va + bytes + PAGE_SIZE > VMAP_END) {
        spin_unlock(&lock);
        xfree(next);
        return NULL;
    }
    *next = (struct area){.next = *at, .start = va, .end = va + bytes};
    *at = next;
    spin_unlock(&lock);
    return next;
}

static void release(uint64_t va)
{
    struct area **at = &areas, *a;

    spin_lock(&lock);
    while (*at && (*at)->start != va)
        at = &(*at)->next;
    a = *at;
    BUG_ON(!a);
    spin_unlock(&lock);
    // Still reserved, so that nobody maps there meanwhile.
    if (unmap_pages(a->start, a->end - a->start))
        return;
    spin_lock(&lock);
    for (at = &areas; *at != a; at = &(*at)->next)
        ;
    *at = a->next;
    spin_unlock(&lock);
    xfree(a);
}

void *ioremap(maddr_t ma, size_t bytes, uint64_t cache)
{
    uint64_t offset = ma & ~PAGE_MASK;
    size_t size = ROUND_UP(offset + bytes, (size_t)PAGE_SIZE);
    // Large mappings (a segment of PCI configuration space) by large pages.
    uint64_t align = size >= (2u << 20) ? 2u << 20 : PAGE_SIZE;
    struct area *a = bytes ? reserve(size + (ma & PAGE_MASK & (align - 1)), align) : NULL;
    uint64_t va;

    if (!a)
        return NULL;
    va = a->start + (ma & PAGE_MASK & (align - 1));
    if (map_pages(va, ma & PAGE_MASK, size, PTE_HV_RW | MAP_LARGE | cache)) {
        release(a->start);
        return NULL;
    }
    return (void *)(va + offset);
}

void iounmap(void *p)
{
    uint64_t va = (uint64_t)p, start = 0;

    if (!p)
        return;
    spin_lock(&lock);
    for (struct area *a = areas; a; a = a->next)
        if (va >= a->start && va < a->end)
            start = a->start;
    spin_unlock(&lock);
    release(start);
}

void *vmap_stack_block(uint32_t backed)
{
    struct area *a = reserve(STACK_BLOCK_SIZE, STACK_BLOCK_SIZE);

    if (!a)
        return NULL;
    for (unsigned i = 0; i < STACK_BLOCK_PAGES; i++) {
        void *page;

        if (!(backed & (1u << i)))
            continue;
        page = pages_alloc(0);
        if (!page || map_pages(a->start + i * PAGE_SIZE, virt_to_maddr(page), PAGE_SIZE, PTE_HV_RW))
            return NULL; // a CPU that does not start costs a few pages
    }
    return (void *)a->start;
}
