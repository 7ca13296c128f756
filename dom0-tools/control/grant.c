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
