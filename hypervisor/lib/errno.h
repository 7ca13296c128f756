// Error numbers used inside the hypervisor and returned, negated, to guests.
// The values are the ABI's (pv-abi/errno.h), which are Linux's.
#pragma once

#define EPERM      1
#define ENOENT     2
#define ESRCH      3
#define EIO        5
#define ENXIO      6
#define E2BIG      7
#define ENOEXEC    8
#define EAGAIN     11
#define ENOMEM     12
#define EACCES     13
#define EFAULT     14
#define EBUSY      16
#define EEXIST     17
#define ENODEV     19
#define EINVAL     22
#define ENOSPC     28
#define ERANGE     34
#define ENOSYS     38
#define ENODATA    61
#define ERESTART   85
#define EOPNOTSUPP 95
#define ENOBUFS    105
