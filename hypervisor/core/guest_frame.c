#include "core/guest_frame.h"

#include "lib/errno.h"

int domain_gfn_to_frame(struct domain *d, gfn_t gfn, struct frame **frame)
{
    if (d->ops->gfn_to_frame)
        return d->ops->gfn_to_frame(d, gfn, frame);
    if (!mfn_valid(gfn) || !frame_get(mfn_to_frame(gfn), d))
        return -EINVAL;
    *frame = mfn_to_frame(gfn);
    return 0;
}

int guest_area_get(struct domain *d, gfn_t gfn, struct frame **frame, void **va)
{
    int rc = domain_gfn_to_frame(d, gfn, frame);

    if (rc)
        return rc;
    if (frame_get_type(*frame, FT_WRITABLE, false)) {
        frame_put(*frame);
        return -EINVAL;
    }
    frame_add_trait(*frame, FRAME_HELD);
    *va = mfn_to_virt(frame_to_mfn(*frame));
    return 0;
}

void guest_area_put(struct frame *frame)
{
    frame_put_and_type(frame);
}
