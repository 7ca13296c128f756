#include "store/alloc.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "store/log.h"

#define LARGE 4096

static void *checked(void *memory, size_t size)
{
    if (!memory && size) {
        log_error("out of memory for %zu bytes: ending, to be started again from the state file",
                  size);
        abort();
    }
    return memory;
}

// Not calloc(): the C library keeps what was freed last at hand for malloc() alone. The compiler
// would make one of the two again if it knew where the memory came from.
void *allocate(size_t size)
{
    void *memory = checked(size < LARGE ? malloc(size) : calloc(1, size), size);

    __asm__("" : "+r"(memory));
    return size && size < LARGE ? memset(memory, 0, size) : memory;
}

void *reallocate(void *memory, size_t size)
{
    return checked(realloc(memory, size), size);
}

void *duplicate(const void *bytes, size_t size)
{
    void *copy = checked(malloc(size ? size : 1), size);

    if (size)
        memcpy(copy, bytes, size);
    return copy;
}

#define STEP    32 // sizes are rounded up to a multiple of it
#define CLASSES 16 // beyond, it is the C library's
#define KEPT    1024

// Sanitizers want to see each piece come and go.
#ifdef __SANITIZE_ADDRESS__
#define RECYCLING false
#else
#define RECYCLING true
#endif

static struct pool {
    void *first; // each begins with the address of the next
    unsigned count;
} pools[CLASSES];

static size_t class_of(size_t size)
{
    return RECYCLING && size ? (size - 1) / STEP : CLASSES;
}

void *allocate_small(size_t size)
{
    size_t class = class_of(size);
    struct pool *pool;
    void *memory;

    if (class >= CLASSES)
        return allocate(size);
    pool = &pools[class];
    if (!pool->count)
        return allocate((class + 1) * STEP);
    memory = pool->first;
    memcpy(&pool->first, memory, sizeof(pool->first));
    pool->count--;
    return memset(memory, 0, size);
}

void recycle(void *memory, size_t size)
{
    size_t class = class_of(size);
    struct pool *pool = class < CLASSES ? &pools[class] : NULL;

    if (!pool || pool->count == KEPT) {
        free(memory);
        return;
    }
    memcpy(memory, &pool->first, sizeof(pool->first));
    pool->first = memory;
    pool->count++;
}
