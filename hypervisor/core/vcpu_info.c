#include "core/vcpu_info.h"

#include "core/event.h"
#include "core/guest_frame.h"
#include "lib/errno.h"
#include "lib/string.h"

// Of vCPUs that can not run yet: nobody reads it.
static struct vcpu_info no_info = {.evtchn_upcall_mask = 1};

static struct vcpu_info *first_place(struct vcpu *v)
{
    if (v->id >= XEN_LEGACY_MAX_VCPUS)
        return &no_info;
    return &v->domain->shared_info->vcpu_info[v->id];
}

void vcpu_info_init(struct vcpu *v)
{
    v->info_mfn = INVALID_MFN;
    v->info = first_place(v);
    v->info->evtchn_upcall_mask = v->domain->ops->masks_upcalls;
}

bool vcpu_info_usable(const struct vcpu *v)
{
    return v->info != &no_info;
}

int vcpu_info_register(struct vcpu *v, gfn_t gfn, unsigned offset)
{
    struct vcpu_info *info;
    struct frame *frame;
    void *page;
    int rc;

    if (offset % 8 || offset > PAGE_SIZE - sizeof(*info))
        return -ENXIO;
    if (v->info_mfn != INVALID_MFN)
        return -EINVAL;
    rc = guest_area_get(v->domain, gfn, &frame, &page);
    if (rc)
        return rc;
    info = (struct vcpu_info *)((char *)page + offset);
    if (vcpu_info_usable(v)) {
        *info = *v->info;
    } else {
        memset(info, 0, sizeof(*info));
        info->evtchn_upcall_mask = v->domain->ops->masks_upcalls;
    }
    v->info_mfn = frame_to_mfn(frame);
    v->time_generation = 0;
    __atomic_store_n(&v->info, info, __ATOMIC_SEQ_CST);
    event_info_moved(v);
    return 0;
}

void vcpu_info_destroy(struct vcpu *v)
{
    if (v->info_mfn == INVALID_MFN)
        return;
    __atomic_store_n(&v->info, first_place(v), __ATOMIC_SEQ_CST);
    guest_area_put(mfn_to_frame(v->info_mfn));
    v->info_mfn = INVALID_MFN;
}
