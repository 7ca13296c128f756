// Restoring an HVM guest, but for its memory: parameters and the state of vCPUs and devices are
// kept as they come, and given to the hypervisor when all of it is there.
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "control/grant_seed.h"
#include "control/hvm.h"
#include "pv-abi/hvm/params.h"
#include "stream/restore.h"

#define MAX_CONTEXT (1u << 20)
#define MAX_PARAMS  64

// A copy of a record's body, in place of one that came before.
static int keep(struct restorer *restorer, struct kept_record *kept,
                const struct stream_record *record)
{
    void *copy = malloc(record->length ? record->length : 1);

    if (!copy)
        return restore_complain(restorer, -ENOMEM, "no memory for the guest's state");
    memcpy(copy, record->body, record->length);
    free(kept->data);
    kept->data = copy;
    kept->length = record->length;
    return 0;
}

int restore_hvm_context(struct restorer *restorer, const struct stream_record *record)
{
    if (!record->length || record->length > MAX_CONTEXT)
        return restore_complain(restorer, -EINVAL, "the record HVM_CONTEXT is damaged");
    return keep(restorer, &restorer->hvm_context, record);
}

int restore_hvm_params(struct restorer *restorer, const struct stream_record *record)
{
    const struct stream_hvm_params *body = record->body;

    if (record->length < sizeof(*body) || body->count > MAX_PARAMS ||
        record->length != sizeof(*body) + body->count * sizeof(body->params[0]))
        return restore_complain(restorer, -EINVAL, "the record HVM_PARAMS is damaged");
    return keep(restorer, &restorer->hvm_params, record);
}

static int set_param(struct restorer *restorer, uint64_t index, uint64_t value)
{
    int rc = index > UINT32_MAX ? -EINVAL
                                : control_hvm_set_param(restorer->r->control, restorer->r->domain,
                                                        (uint32_t)index, value);

    if (rc)
        restore_complain(restorer, rc,
                         "the HVM parameter %" PRIu64 " (%#" PRIx64 ") is refused: %s", index,
                         value, strerror(-rc));
    return rc;
}

// A ring begins anew: its other end is another.
static int clear_ring(struct restorer *restorer, uint64_t pfn, const char *what)
{
    void *page = restore_map(restorer, pfn, what);

    if (!page)
        return -EINVAL;
    memset(page, 0, STREAM_PAGE_SIZE);
    control_unmap(page, 1);
    return 0;
}

static int take_param(struct restorer *restorer, uint64_t index, uint64_t value)
{
    int rc = 0;

    if (index == HVM_PARAM_CONSOLE_PFN) {
        restorer->result->console_mfn = value;
        rc = clear_ring(restorer, value, "the console's ring");
    } else if (index == HVM_PARAM_STORE_PFN) {
        restorer->result->xenstore_mfn = value;
        rc = clear_ring(restorer, value, "xenstore's ring");
    }
    return rc ? rc : set_param(restorer, index, value);
}

static int set_params(struct restorer *restorer)
{
    const struct stream_hvm_params *list = restorer->hvm_params.data;
    const struct stream_restore *r = restorer->r;
    int rc = 0;

    for (uint32_t i = 0; i < list->count && !rc; i++)
        rc = take_param(restorer, list->params[i].index, list->params[i].value);
    if (!rc && (!restorer->result->console_mfn || !restorer->result->xenstore_mfn))
        rc = restore_complain(restorer, -EINVAL,
                              "the record HVM_PARAMS does not tell where the "
                              "rings of the console and of xenstore are");
    if (!rc)
        rc = set_param(restorer, HVM_PARAM_STORE_EVTCHN, r->xenstore_port);
    return rc ? rc : set_param(restorer, HVM_PARAM_CONSOLE_EVTCHN, r->console_port);
}

// The guest's grant table is shown for a moment where it has never had memory.
static int seed_grants(struct restorer *restorer)
{
    const struct stream_restore *r = restorer->r;
    struct grant_seed console = {r->console_domain, restorer->result->console_mfn};
    struct grant_seed xenstore = {r->xenstore_domain, restorer->result->xenstore_mfn};
    int rc = control_seed_grants_at(r->control, r->domain, restorer->count, console, xenstore);

    return rc ? restore_complain(restorer, rc, "cannot grant the guest's rings: %s", strerror(-rc))
              : 0;
}

int restore_finish_hvm(struct restorer *restorer)
{
    int rc;

    if (!restorer->hvm_context.data || !restorer->hvm_params.data)
        return restore_complain(restorer, -EINVAL, "the record %s is missing",
                                restorer->hvm_params.data ? "HVM_CONTEXT" : "HVM_PARAMS");
    rc = set_params(restorer);
    if (!rc)
        rc = seed_grants(restorer);
    if (rc)
        return rc;
    rc = control_hvm_set_context(restorer->r->control, restorer->r->domain,
                                 restorer->hvm_context.data, restorer->hvm_context.length);
    return rc ? restore_complain(restorer, rc, "the state of the guest's vCPUs is refused: %s",
                                 strerror(-rc))
              : 0;
}
