#include "core/memory.h"
#include "cpu/smp.h"
#include "lib/errno.h"

static void move_to_end(struct domain_memory *m, struct frame *f)
{
    spin_lock(&m->lock);
    frame_list_del(&m->pages, f);
    frame_list_add(&m->pages, f);
    spin_unlock(&m->lock);
}

// The first frame of the list, with a reference; NULL at its end.
static struct frame *first_frame(struct domain *d)
{
    struct domain_memory *m = &d->mem;
    struct frame *f;
    bool got;

    do { // one without references is on its way out on another CPU
        spin_lock(&m->lock);
        f = frame_list_first(&m->pages);
        got = f && frame_get_by_id(f, frame_owner_id(d));
        spin_unlock(&m->lock);
    } while (f && !got);
    return f;
}

int memory_relinquish(struct domain *d, int (*release)(struct frame *f))
{
    if (!d->relinquish.begun) {
        d->relinquish.begun = true;
        d->relinquish.left = d->mem.pages.count;
    }
    while (d->relinquish.left) {
        struct frame *f = first_frame(d);
        int rc;

        if (!f)
            break;
        rc = release(f);
        if (!rc)
            move_to_end(&d->mem, f);
        frame_put(f);
        if (rc)
            return rc;
        d->relinquish.left--;
        if (!(d->relinquish.left & 63) && preempt_check())
            return -ERESTART;
    }
    return 0;
}
