// What Linux's /dev/xen/privcmd understands. The kernel's own <xen/privcmd.h> cannot be included by
// programs: it names a header that is not installed.
#pragma once

#include <stdint.h>
#include <sys/ioctl.h>

#include "pv-abi/layout.h"
#include "pv-abi/types.h"

struct privcmd_hypercall {
    uint64_t op;
    uint64_t arg[5];
};
ABI_SIZE(struct privcmd_hypercall, 48);

// Maps frames at `addr`, which mmap(2) of the device has reserved; err[] receives 0 or -errno.
struct privcmd_mmapbatch_v2 {
    unsigned int num;
    domid_t dom;
    uint64_t addr;
    const uint64_t *arr;
    int *err;
};
ABI_SIZE(struct privcmd_mmapbatch_v2, 32);
ABI_OFFSET(struct privcmd_mmapbatch_v2, addr, 8);

// _IOC_NONE although data move: so the kernel numbered them.
#define IOCTL_PRIVCMD_HYPERCALL    _IOC(_IOC_NONE, 'P', 0, sizeof(struct privcmd_hypercall))
#define IOCTL_PRIVCMD_MMAPBATCH_V2 _IOC(_IOC_NONE, 'P', 4, sizeof(struct privcmd_mmapbatch_v2))
