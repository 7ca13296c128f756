// The handlers of PV guests' hypercalls by number, for pv/entry.S, which has the arguments where
// the handlers expect them.
#include "core/domain.h"
#include "core/hypercall.h"
#include "core/hypercall_table.h"
#include "lib/errno.h"
#include "pv-abi/async.h"
#include "pv-abi/hypercalls.h"

typedef void handler_t(void); // of any parameters

extern handler_t *const pv_hypercalls[HYPERCALL_SLOTS];

static long not_there(void)
{
    return -ENOSYS;
}

#define SLOT(name, kinds, nargs, params) \
    [__HYPERVISOR_##name] =              \
        (handler_t *)((kinds)&HC_PV ? (handler_t *)do_##name : (handler_t *)not_there),

#pragma GCC diagnostic ignored \
    "-Woverride-init" // the first entry is for what the table does not name
handler_t *const pv_hypercalls[HYPERCALL_SLOTS] = {
    [0 ... HYPERCALL_SLOTS - 1] = (handler_t *)not_there, HYPERCALL_TABLE(SLOT)};
