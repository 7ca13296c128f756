#include "mm/guest.h"

#include "cpu/percpu.h"
#include "lib/errno.h"

// cpu/entry.S: 0, or not if it faulted on the way.
int guest_copy(void *dst, const void *src, size_t len);
int guest_zero(void *dst, size_t len);

static inline int range_bad(uint64_t addr, size_t len)
{
    return addr + len < addr || (addr < HV_END && addr + len > HV_START);
}

int copy_from_guest(void *dst, uint64_t src, size_t len)
{
    const struct guest_access *access = cpu_info()->guest_access;

    if (unlikely(access))
        return access->copy_from(dst, src, len);
    if (range_bad(src, len) || guest_copy(dst, (const void *)src, len))
        return -EFAULT;
    return 0;
}

int copy_to_guest(uint64_t dst, const void *src, size_t len)
{
    const struct guest_access *access = cpu_info()->guest_access;

    if (unlikely(access))
        return access->copy_to(dst, src, len);
    if (range_bad(dst, len) || guest_copy((void *)dst, src, len))
        return -EFAULT;
    return 0;
}

int clear_guest(uint64_t dst, size_t len)
{
    const struct guest_access *access = cpu_info()->guest_access;

    if (unlikely(access))
        return access->copy_to(dst, NULL, len);
    if (range_bad(dst, len) || guest_zero((void *)dst, len))
        return -EFAULT;
    return 0;
}
