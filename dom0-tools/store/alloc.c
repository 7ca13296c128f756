#include "store/alloc.h"

#include <stdlib.h>
#include <string.h>

#include "store/log.h"

static void *checked(void *memory, size_t size)
{
    if (!memory && size) {
        log_error("out of memory for %zu bytes: ending, to be started again from the state file",
                  size);
        abort();
    }
    return memory;
}

void *allocate(size_t size)
{
    return checked(calloc(1, size), size);
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
