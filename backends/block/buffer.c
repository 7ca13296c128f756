#include <stdlib.h>
#include <sys/mman.h>

#include "backends/block/disk.h"

#define IDLE_MOST (4u << 20) // bytes that are kept for the next requests

static size_t bytes_of(unsigned class)
{
    return (size_t)BLK_PAGE << class;
}

// A kernel that cannot change single places is older than 5.19.
void buffers_init(struct disk *disk)
{
    if (io_uring_register_buffers_sparse(&disk->uring, DISK_REGISTERED))
        return;
    while (disk->indexes < DISK_REGISTERED) {
        disk->index[disk->indexes] = (uint16_t)disk->indexes;
        disk->indexes++;
    }
}

// memory.iov_base NULL: the place is free again.
static bool set_place(struct disk *disk, int index, struct iovec memory)
{
    __u64 tag = 0;

    return io_uring_register_buffers_update_tag(&disk->uring, (unsigned)index, &memory, &tag, 1) ==
           1;
}

static void enter(struct disk *disk, struct disk_buffer *buffer)
{
    struct iovec memory = {buffer->data, bytes_of(buffer->class)};

    buffer->index = -1;
    if (!disk->indexes || !set_place(disk, disk->index[disk->indexes - 1], memory))
        return;
    buffer->index = disk->index[--disk->indexes];
}

static void leave(struct disk *disk, const struct disk_buffer *buffer)
{
    if (buffer->index < 0)
        return;
    set_place(disk, buffer->index, (struct iovec){0});
    disk->index[disk->indexes++] = (uint16_t)buffer->index;
}

static struct disk_buffer *make(struct disk *disk, unsigned class)
{
    struct disk_buffer *buffer = calloc(1, sizeof(*buffer));

    if (!buffer)
        return NULL;
    buffer->class = class;
    buffer->data =
        mmap(NULL, bytes_of(class), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (buffer->data == MAP_FAILED) {
        free(buffer);
        return NULL;
    }
    enter(disk, buffer);
    return buffer;
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
        buffer = make(disk, class);
    }
    if (buffer)
        disk->data_bytes += bytes_of(class);
    return buffer;
}

void buffer_put(struct disk *disk, struct disk_buffer *buffer)
{
    size_t bytes = bytes_of(buffer->class);

    disk->data_bytes -= bytes;
    if (disk->idle_bytes + bytes > IDLE_MOST) {
        leave(disk, buffer);
        munmap(buffer->data, bytes);
        free(buffer);
        return;
    }
    buffer->next = disk->idle[buffer->class];
    disk->idle[buffer->class] = buffer;
    disk->idle_bytes += bytes;
}
