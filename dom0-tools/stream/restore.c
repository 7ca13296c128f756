// Restoring a guest: memory is filled as it comes; what refers to machine frames (a PV guest's page
// tables' pins, the P2M list, start_info, vCPUs) is put in place at the end, when all of it is
// known.
#include "stream/restore.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

int restore_complain(struct restorer *restorer, int error, const char *format, ...)
{
    va_list args;

    fputs("restore: ", restorer->r->messages);
    va_start(args, format);
    vfprintf(restorer->r->messages, format, args);
    va_end(args);
    fputc('\n', restorer->r->messages);
    return error;
}

static int pv_info(struct restorer *restorer, const struct stream_record *record)
{
    const struct stream_pv_info *info = record->body;

    if (record->length < sizeof(*info))
        return restore_complain(restorer, -EINVAL, "the record X86_PV_INFO is too short");
    if (info->width != 8 || info->levels != 4)
        return restore_complain(restorer, -EOPNOTSUPP,
                                "a guest of %u bits; only 64-bit guests can be restored",
                                info->width * 8);
    return 0;
}

static int shared_info(struct restorer *restorer, const struct stream_record *record)
{
    if (record->length != STREAM_PAGE_SIZE)
        return restore_complain(restorer, -EINVAL, "the record SHARED_INFO is not a page long");
    if (!restorer->shared_info)
        restorer->shared_info = malloc(STREAM_PAGE_SIZE);
    if (!restorer->shared_info)
        return -ENOMEM;
    memcpy(restorer->shared_info, record->body, STREAM_PAGE_SIZE);
    return 0;
}

static int unknown(struct restorer *restorer, const struct stream_record *record)
{
    if (record->type & RECORD_OPTIONAL)
        return 0;
    return restore_complain(restorer, -EOPNOTSUPP,
                            "a record %s (%#x), which cannot be restored in such a guest",
                            stream_record_name(record->type), record->type);
}

static int pv_record(struct restorer *restorer, const struct stream_record *record)
{
    switch (record->type) {
    case RECORD_PV_INFO:
        return pv_info(restorer, record);
    case RECORD_P2M_FRAMES:
        return restore_p2m_frames(restorer, record);
    case RECORD_SHARED_INFO:
        return shared_info(restorer, record);
    case RECORD_VCPU_BASIC:
    case RECORD_VCPU_EXTENDED:
    case RECORD_VCPU_XSAVE:
    case RECORD_VCPU_MSRS:
        return restore_vcpu_record(restorer, record);
    default:
        return unknown(restorer, record);
    }
}

static int hvm_record(struct restorer *restorer, const struct stream_record *record)
{
    switch (record->type) {
    case RECORD_HVM_CONTEXT:
        return restore_hvm_context(restorer, record);
    case RECORD_HVM_PARAMS:
        return restore_hvm_params(restorer, record);
    default:
        return unknown(restorer, record);
    }
}

static int one_record(struct restorer *restorer, const struct stream_record *record)
{
    switch (record->type) {
    case RECORD_PAGE_DATA:
        return restore_pages(restorer, record);
    case RECORD_TSC_INFO:
        return restore_tsc(restorer, record);
    case RECORD_CPUID_POLICY:
    case RECORD_MSR_POLICY:
        return restore_policies(restorer, record);
    case RECORD_STATIC_DATA_END:
    case RECORD_VERIFY: // the pages that follow are sent a second time
        return 0;
    default:
        return restorer->r->hvm ? hvm_record(restorer, record) : pv_record(restorer, record);
    }
}

static int all_records(struct restorer *restorer)
{
    struct stream_record record;
    int rc;

    for (;;) {
        rc = stream_read_record(&restorer->reader, &record);
        if (rc)
            return restore_complain(restorer, rc, "cannot read on: %s",
                                    rc == -EPIPE ? "the stream ends in the middle" : strerror(-rc));
        if (record.type == RECORD_END)
            return 0;
        rc = one_record(restorer, &record);
        if (rc)
            return rc;
    }
}

static int restore(struct restorer *restorer)
{
    const struct stream_restore *r = restorer->r;
    int rc =
        stream_reader_open(&restorer->reader, r->fd, r->hvm ? STREAM_HVM : STREAM_PV, r->messages);

    if (!rc)
        rc = all_records(restorer);
    if (!rc && !restorer->count)
        rc = restore_complain(restorer, -EINVAL, "there is no memory in the stream");
    if (!rc)
        rc = restore_finish_memory(restorer);
    if (!rc)
        rc = r->hvm ? restore_finish_hvm(restorer) : restore_finish_state(restorer);
    return rc;
}

static void clean_up(struct restorer *restorer)
{
    for (unsigned v = 0; restorer->vcpus && v < RESTORE_MAX_VCPUS; v++)
        for (unsigned i = 0; i < 4; i++)
            free(restorer->vcpus[v].state[i]);
    free(restorer->vcpus);
    free(restorer->mfns);
    free(restorer->types);
    free(restorer->p2m_pfns);
    free(restorer->shared_info);
    free(restorer->hvm_context.data);
    free(restorer->hvm_params.data);
    control_buffer_free(restorer->r->control, restorer->extents, STREAM_BATCH * sizeof(uint64_t));
    stream_reader_close(&restorer->reader);
}

int stream_restore_guest(const struct stream_restore *what, struct stream_restored *restored)
{
    struct restorer restorer = {.r = what, .result = restored};
    int rc = -ENOMEM;

    *restored = (struct stream_restored){0};
    restorer.vcpus = calloc(RESTORE_MAX_VCPUS, sizeof(*restorer.vcpus));
    restorer.extents = control_buffer(what->control, STREAM_BATCH * sizeof(uint64_t));
    if (restorer.vcpus && restorer.extents)
        rc = restore(&restorer);
    restored->pages = restorer.pages;
    clean_up(&restorer);
    return rc;
}
