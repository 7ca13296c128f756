// The state of an HVM guest that is not its memory: what the hypervisor keeps of vCPUs and devices,
// as it writes it down itself, and parameters.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/hvm.h"
#include "pv-abi/hvm/params.h"
#include "stream/record.h"
#include "stream/save.h"

int save_hvm_static_state(struct saver *saver)
{
    int rc = save_complain(saver, "cannot write", stream_write_headers(saver->s->fd, STREAM_HVM));

    if (!rc)
        rc = save_policies(saver);
    return rc ? rc : save_record(saver, RECORD_STATIC_DATA_END, NULL, 0);
}

static int save_context(struct saver *saver)
{
    uint8_t *records = NULL;
    size_t length;
    int rc = save_complain(
        saver, "cannot read the state of the guest's vCPUs",
        control_hvm_get_context(saver->s->control, saver->s->domain, &records, &length));

    if (!rc)
        rc = save_record(saver, RECORD_HVM_CONTEXT, &(struct iovec){records, length}, 1);
    free(records);
    return rc;
}

// Those that mean the same elsewhere. The others are set anew where the guest goes on: event
// channels by the toolstack, the callback by the guest.
static int save_params(struct saver *saver)
{
    static const uint32_t kept[] = {
        HVM_PARAM_STORE_PFN,
        HVM_PARAM_IOREQ_PFN,
        HVM_PARAM_BUFIOREQ_PFN,
        HVM_PARAM_PAGING_RING_PFN,
        HVM_PARAM_MONITOR_RING_PFN,
        HVM_PARAM_SHARING_RING_PFN,
        HVM_PARAM_VM86_TSS_SIZED,
        HVM_PARAM_CONSOLE_PFN,
        HVM_PARAM_ACPI_IOPORTS_LOCATION,
        HVM_PARAM_VIRIDIAN,
        HVM_PARAM_IDENT_PT,
        HVM_PARAM_VM_GENERATION_ID_ADDR,
        HVM_PARAM_IOREQ_SERVER_PFN,
        HVM_PARAM_NR_IOREQ_SERVER_PAGES,
        HVM_PARAM_X87_FIP_WIDTH,
        HVM_PARAM_MCA_CAP,
    };
    enum { COUNT = sizeof(kept) / sizeof(kept[0]) };
    uint64_t list[COUNT][2], value;
    struct stream_hvm_params head = {0};

    for (size_t i = 0; i < COUNT; i++) {
        // One that this hypervisor does not have is one that is not set.
        if (control_hvm_get_param(saver->s->control, saver->s->domain, kept[i], &value) || !value)
            continue;
        list[head.count][0] = kept[i];
        list[head.count++][1] = value;
    }
    return save_record(
        saver, RECORD_HVM_PARAMS,
        (struct iovec[]){{&head, sizeof(head)}, {list, head.count * sizeof(list[0])}}, 2);
}

int save_hvm_state(struct saver *saver)
{
    int rc = save_tsc(saver);

    if (!rc)
        rc = save_context(saver);
    if (!rc)
        rc = save_params(saver);
    return rc ? rc : save_record(saver, RECORD_END, NULL, 0);
}
