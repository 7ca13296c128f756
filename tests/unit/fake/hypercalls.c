// Handlers for all hypercalls of the table; a test that has its own overrides them.
#include "core/domain.h"
#include "core/hypercall_table.h"
#include "lib/errno.h"

#define STUB(name, kinds, nargs, params)        \
    __attribute__((weak)) long do_##name params \
    {                                           \
        return -EPERM;                          \
    }
HYPERCALL_TABLE(STUB)
