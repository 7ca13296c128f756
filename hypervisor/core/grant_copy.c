// Grants: GNTTABOP_copy. Each end of a copy is a grant of some domain or a frame of the caller's
// own.
//
// Consecutive operations often have an end in common (a back end that copies a packet in pieces),
// so an end stays held until an operation wants another one there.
#include "core/grant_impl.h"

#include "core/guest_frame.h"
#include "lib/string.h"

struct copy_end {
    bool held, is_ref, writable;
    domid_t id;                 // as the operation named it
    uint64_t what;              // grant reference or frame number
    struct grant_pin pin, next; // the grant, and the one that it passes on (domain NULL: none)
    struct frame *frame;
    unsigned start, length; // what may be touched
};

static void release_pin(struct grant_pin *pin)
{
    if (!pin->domain)
        return;
    grant_unpin(pin->domain, pin->ref, pin->writable);
    domain_put(pin->domain);
    pin->domain = NULL;
}

static void end_release(struct copy_end *e)
{
    if (!e->held)
        return;
    if (e->is_ref) {
        release_pin(&e->next);
        release_pin(&e->pin);
    } else if (e->writable) {
        frame_put_and_type(e->frame);
    } else {
        frame_put(e->frame);
    }
    e->held = false;
}

static int hold_own(struct copy_end *e)
{
    if (e->id != DOMID_SELF)
        return GNTST_permission_denied;
    if (domain_gfn_to_frame(current->domain, e->what, &e->frame))
        return GNTST_bad_page;
    if (e->writable && frame_get_type(e->frame, FT_WRITABLE, false)) {
        frame_put(e->frame);
        return GNTST_general_error;
    }
    e->start = 0;
    e->length = PAGE_SIZE;
    return GNTST_okay;
}

// Pins a grant of the domain with that id for `user`; the pin holds a reference to the domain.
static int pin_of(domid_t id, uint64_t ref, domid_t user, bool writable, struct grant_pin *pin)
{
    struct domain *d = domain_get_by_id(id);
    int rc;

    pin->domain = NULL;
    if (!d)
        return GNTST_bad_domain;
    rc = grant_pin(d, (grant_ref_t)ref, user, writable, true, pin);
    if (rc) {
        pin->domain = NULL;
        domain_put(d);
    }
    return rc;
}

// A transitive grant: its domain uses a grant of a third one, and passes that on. Only once: chains
// would be unbounded.
static int hold_next(struct copy_end *e)
{
    domid_t middle = e->pin.domain->id;
    int rc;

    if (e->pin.next_domain == DOMID_SELF || e->pin.next_domain == middle)
        return GNTST_general_error;
    rc = pin_of(e->pin.next_domain, e->pin.next_ref, middle, e->writable, &e->next);
    if (!rc && e->next.transitive) {
        release_pin(&e->next);
        rc = GNTST_general_error;
    }
    return rc;
}

static int hold_grant(struct copy_end *e)
{
    const struct grant_pin *last = &e->pin;
    int rc;

    e->next.domain = NULL;
    rc = pin_of(e->id, e->what, current->domain->id, e->writable, &e->pin);
    if (!rc && e->pin.transitive) {
        rc = hold_next(e);
        if (rc)
            release_pin(&e->pin);
        last = &e->next;
    }
    if (rc)
        return rc;
    e->frame = last->frame;
    e->start = last->start;
    e->length = last->length;
    return GNTST_okay;
}

static int end_hold(struct copy_end *e, const struct gnttab_copy_ptr *ptr, bool is_ref)
{
    uint64_t what = is_ref ? ptr->u.ref : ptr->u.gmfn;
    int rc;

    if (e->held && e->is_ref == is_ref && e->id == ptr->domid && e->what == what)
        return GNTST_okay;
    end_release(e);
    e->is_ref = is_ref;
    e->id = ptr->domid;
    e->what = what;
    rc = is_ref ? hold_grant(e) : hold_own(e);
    e->held = !rc;
    return rc;
}

static bool inside(const struct copy_end *e, unsigned offset, unsigned len)
{
    return offset >= e->start && offset + len <= e->start + e->length;
}

struct copy_ends {
    struct copy_end source, dest;
};

static int copy(const struct gnttab_copy *op, struct copy_ends *ends)
{
    int rc;

    if (op->source.offset + op->len > PAGE_SIZE || op->dest.offset + op->len > PAGE_SIZE)
        return GNTST_bad_copy_arg;
    rc = end_hold(&ends->source, &op->source, op->flags & GNTCOPY_source_gref);
    if (!rc)
        rc = end_hold(&ends->dest, &op->dest, op->flags & GNTCOPY_dest_gref);
    if (rc)
        return rc;
    if (!inside(&ends->source, op->source.offset, op->len) ||
        !inside(&ends->dest, op->dest.offset, op->len))
        return GNTST_general_error;
    // The two may overlap: they may be one frame.
    memmove((char *)mfn_to_virt(frame_to_mfn(ends->dest.frame)) + op->dest.offset,
            (char *)mfn_to_virt(frame_to_mfn(ends->source.frame)) + op->source.offset, op->len);
    frame_mark_dirty(ends->dest.frame);
    return GNTST_okay;
}

long grant_copy_op(void *arg, void *data)
{
    struct gnttab_copy *op = arg;

    op->status = (int16_t)copy(op, data);
    return 0;
}

long grant_copy_run(const struct grant_op *op, uint64_t uop, unsigned count)
{
    struct copy_ends ends = {.dest.writable = true};
    long done = grant_array(op, uop, count, &ends);

    end_release(&ends.source);
    end_release(&ends.dest);
    return done;
}
