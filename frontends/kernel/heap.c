// Blocks of powers of two from 32 bytes to half a page, cut from pages and kept by size; larger
// ones are whole pages. Each begins with a header that says which.
#include "frontends/kernel/guest.h"
#include "frontends/kernel/pages.h"

#define CLASSES  7 // 32 to 2048 bytes
#define SMALLEST 32u
#define IN_USE   0x68656170u
#define IN_LIST  0x66726565u

struct block {
    uint32_t state; // IN_USE or IN_LIST
    uint32_t bytes; // header included
    struct block *next;
};
_Static_assert(sizeof(struct block) == 16, "what follows is aligned to 16");

static struct block *lists[CLASSES];

static unsigned class_of(size_t bytes)
{
    unsigned class = 0;

    while (class < CLASSES && (SMALLEST << class) < bytes)
        class ++;
    return class;
}

static bool refill(unsigned class)
{
    uint32_t bytes = SMALLEST << class;
    char *page = page_alloc();

    for (uint32_t at = 0; page && at < PAGE_SIZE; at += bytes) {
        struct block *b = (struct block *)(page + at);

        *b = (struct block){IN_LIST, bytes, lists[class]};
        lists[class] = b;
    }
    return page;
}

static struct block *take_pages(size_t bytes)
{
    unsigned n = (unsigned)((bytes + PAGE_SIZE - 1) / PAGE_SIZE);
    struct block *b = pages_alloc(n);

    if (b)
        b->bytes = n * (uint32_t)PAGE_SIZE;
    return b;
}

void *heap_alloc(size_t size)
{
    size_t bytes = size + sizeof(struct block);
    unsigned class = class_of(bytes);
    struct block *b;

    if (bytes > PAGES_MOST * PAGE_SIZE)
        return NULL;
    if (class == CLASSES) {
        b = take_pages(bytes);
    } else {
        if (!lists[class] && !refill(class))
            return NULL;
        b = lists[class];
        lists[class] = b->next;
    }
    if (!b)
        return NULL;
    b->state = IN_USE;
    return memset(b + 1, 0, b->bytes - sizeof(*b));
}

void heap_free(void *memory)
{
    struct block *b;
    unsigned class;

    if (!memory)
        return;
    b = (struct block *)memory - 1;
    if (b->state != IN_USE)
        panic("%p is freed, but is no block in use", memory);
    b->state = IN_LIST;
    class = class_of(b->bytes);
    if (class == CLASSES) {
        pages_free(b, b->bytes / (unsigned)PAGE_SIZE);
        return;
    }
    b->next = lists[class];
    lists[class] = b;
}
