#include "control/grant.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "pv-abi/grant_table.h"

#include <xen/gntdev.h>

#define PAGE_SIZE 4096UL

int grant_open(void)
{
    int fd = open("/dev/xen/gntdev", O_RDWR | O_CLOEXEC);

    return fd < 0 ? -errno : fd;
}

static void forget(int fd, uint64_t index, size_t count)
{
    struct ioctl_gntdev_unmap_grant_ref unmap = {.index = index, .count = (uint32_t)count};

    ioctl(fd, IOCTL_GNTDEV_UNMAP_GRANT_REF, &unmap);
}

void *grant_map(int fd, domid_t domain, const uint32_t *references, size_t count, int protection)
{
    struct ioctl_gntdev_map_grant_ref *map;
    void *address = MAP_FAILED;
    int error;

    if (!count || count > UINT32_MAX / PAGE_SIZE) {
        errno = EINVAL;
        return NULL;
    }
    map = calloc(1, sizeof(*map) + count * sizeof(map->refs[0]));
    if (!map)
        return NULL;
    map->count = (uint32_t)count;
    for (size_t i = 0; i < count; i++)
        map->refs[i] = (struct ioctl_gntdev_grant_ref){domain, references[i]};
    if (!ioctl(fd, IOCTL_GNTDEV_MAP_GRANT_REF, map)) {
        address = mmap(NULL, count * PAGE_SIZE, protection, MAP_SHARED, fd, (off_t)map->index);
        if (address == MAP_FAILED) {
            error = errno;
            forget(fd, map->index, count);
            errno = error;
        }
    }
    error = errno;
    free(map);
    errno = error;
    return address == MAP_FAILED ? NULL : address;
}

void grant_unmap(int fd, void *address, size_t count)
{
    struct ioctl_gntdev_get_offset_for_vaddr where = {.vaddr = (uintptr_t)address};
    int rc;

    if (!address)
        return;
    rc = ioctl(fd, IOCTL_GNTDEV_GET_OFFSET_FOR_VADDR, &where);
    munmap(address, count * PAGE_SIZE);
    if (!rc)
        forget(fd, where.offset, count);
}

static struct gntdev_grant_copy_segment segment_of(const struct grant_copy *copy, domid_t domain)
{
    struct gntdev_grant_copy_segment segment = {.len = copy->length};

    if (copy->to_guest) {
        segment.source.virt = copy->local;
        segment.dest.foreign.ref = copy->reference;
        segment.dest.foreign.offset = copy->offset;
        segment.dest.foreign.domid = domain;
        segment.flags = GNTCOPY_dest_gref;
    } else {
        segment.source.foreign.ref = copy->reference;
        segment.source.foreign.offset = copy->offset;
        segment.source.foreign.domid = domain;
        segment.dest.virt = copy->local;
        segment.flags = GNTCOPY_source_gref;
    }
    return segment;
}

int grant_copy(int fd, domid_t domain, struct grant_copy *copies, size_t count)
{
    struct gntdev_grant_copy_segment segments[GRANT_COPY_MOST];
    struct ioctl_gntdev_grant_copy call = {.count = (unsigned)count, .segments = segments};

    if (count > GRANT_COPY_MOST)
        return -EINVAL;
    for (size_t i = 0; i < count; i++)
        segments[i] = segment_of(&copies[i], domain);
    if (count && ioctl(fd, IOCTL_GNTDEV_GRANT_COPY, &call))
        return -errno;
    for (size_t i = 0; i < count; i++)
        copies[i].status = segments[i].status;
    return 0;
}
