#include <stdlib.h>
#include <sys/mman.h>

#include "backends/block/disk.h"

#define IDLE_MOST (4u << 20) // bytes that are kept for the next requests

static size_t bytes_of(unsigned class)
{
    return (size_t)BLK_PAGE << class;
}

struct disk_buffer *buffer_get(struct disk *disk, size_t bytes)
{
    unsigned class = 0;
    struct disk_buffer *buffer;

    while (bytes_of(class) < bytes)
        class ++;
    buffer = disk->idle[class];
    if (buffer) {
        disk->idle[class] = buffer->next;
        disk->idle_bytes -= bytes_of(class);
    } else {
        buffer = calloc(1, sizeof(*buffer));
        if (!buffer)
            return NULL;
        buffer->class = class;
        buffer->data =
            mmap(NULL, bytes_of(class), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (buffer->data == MAP_FAILED) {
            free(buffer);
            return NULL;
        }
    }
    disk->data_bytes += bytes_of(class);
    return buffer;
}

void buffer_put(struct disk *disk, struct disk_buffer *buffer)
{
    size_t bytes = bytes_of(buffer->class);

    disk->data_bytes -= bytes;
    if (disk->idle_bytes + bytes > IDLE_MOST) {
        munmap(buffer->data, bytes);
        free(buffer);
        return;
    }
    buffer->next = disk->idle[buffer->class];
    disk->idle[buffer->class] = buffer;
    disk->idle_bytes += bytes;
}
