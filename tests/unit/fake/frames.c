// Frames with references and types, in a few lines: what core's modules need of mm/frame.c.
#include "lib/errno.h"
#include "mm/alloc.h"
#include "mm/tlb.h"
#include "tests/unit/fake/platform.h"

struct frame *fake_guest_frame(struct domain *d)
{
    struct frame *f = mfn_to_frame(virt_to_mfn(pages_alloc(0)));

    f->kind = FRAME_DOMAIN;
    f->owner = frame_owner_id(d);
    f->state = FS_ALLOCATED | FS_REF;
    return f;
}

uint64_t fake_frame_refs(const struct frame *f)
{
    return frame_state(f) & FS_REFS;
}

uint64_t fake_frame_types(const struct frame *f)
{
    return (frame_state(f) & FS_COUNT) / FS_COUNT_ONE;
}

void frame_last_put(struct frame *f)
{
    if (f->state & FS_COUNT)
        panic("mfn %lx freed with typed references\n", frame_to_mfn(f));
    if (f->kind == FRAME_SHARED)
        return;
    f->owner = 0;
    f->state = 0;
    pages_free(fake_frame_va(f), 0);
}

int frame_put_last_type(struct frame *f, bool preemptible)
{
    if (!(f->state & FS_COUNT))
        panic("mfn %lx: typed reference too many given back\n", frame_to_mfn(f));
    f->state -= FS_COUNT_ONE;
    if (!(f->state & FS_COUNT))
        f->state &= ~(FS_TYPE | FS_VALIDATED);
    return 0;
}

int frame_get_type(struct frame *f, enum frame_type type, bool preemptible)
{
    uint64_t s = frame_state(f);

    if (s & FS_COUNT && frame_type_of(s) != type)
        return -EINVAL;
    f->state = ((s & ~FS_TYPE) | FS_OF_TYPE(type) | FS_VALIDATED) + FS_COUNT_ONE;
    return 0;
}

bool frame_get_and_type(struct frame *f, const struct domain *d, enum frame_type type)
{
    if (!frame_get(f, d))
        return false;
    if (frame_get_type(f, type, false)) {
        frame_put(f);
        return false;
    }
    return true;
}

bool frame_get_writable_slow(struct frame *f, uint32_t id)
{
    if (!frame_get_by_id(f, id))
        return false;
    if (frame_get_type(f, FT_WRITABLE, false)) {
        frame_put(f);
        return false;
    }
    return true;
}

void frame_share(void *va, struct domain *d, bool writable)
{
    struct frame *f = mfn_to_frame(virt_to_mfn(va));

    f->kind = FRAME_SHARED;
    f->owner = frame_owner_id(d);
    f->state = FS_ALLOCATED | FS_REF;
}

void frame_unshare(void *va)
{
    struct frame *f = mfn_to_frame(virt_to_mfn(va));

    f->state &= ~FS_ALLOCATED;
    frame_put(f);
}

unsigned fake_tlb_flushes;
void (*fake_on_tlb_flush)(void);

void tlb_flush_mask(cpumask_t mask)
{
    fake_tlb_flushes++;
    if (fake_on_tlb_flush)
        fake_on_tlb_flush();
}

void tlb_flush_mask_one(cpumask_t mask, uint64_t va)
{
    tlb_flush_mask(mask);
}
