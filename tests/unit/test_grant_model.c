// Grant tables: long random sequences of operations by three domains in both versions, compared
// after each step with a model: statuses, in-use flags, references and types of every frame, and
// contents.
//
// sources: hypervisor/core/permissions.c
// sources: hypervisor/core/grant.c hypervisor/core/grant_pin.c hypervisor/core/grant_map.c
// sources: hypervisor/core/grant_copy.c hypervisor/core/grant_version.c
// sources: hypervisor/core/grant_op.c hypervisor/core/guest_frame.c
// sources: tests/unit/fake/platform.c tests/unit/fake/frames.c
#include <CUnit/Basic.h>
#include <string.h>
#include <unistd.h>

#include "tests/suite.h"
#include "tests/unit/grant_guest.h"

#define DOMAINS   3
#define FRAMES    3 // of each domain
#define FIRST_REF 8 // those below survive changes of version
#define REFS      10
#define MAPPINGS  64

struct model_frame {
    struct frame *f;
    uint8_t content[PAGE_SIZE];
    bool is_table;
    unsigned refs, writable; // other than its owner's
};

struct model_entry {
    // As the guest wrote it.
    unsigned flags, domid;
    unsigned frame; // domain * FRAMES + index
    unsigned start, length;
    unsigned next_domain, next_ref;
    // Its uses.
    unsigned readers, writers, user;
    bool transitive;
    unsigned held, held_start, held_length;
};

struct model_mapping {
    bool live;
    unsigned domain, owner, ref, flags, frame;
    uint64_t addr;
    grant_handle_t handle;
};

static struct {
    struct domain *d;
    unsigned version;
    struct model_entry entry[REFS];
} world[DOMAINS];
static struct model_frame frames[DOMAINS * FRAMES];
static struct model_mapping mappings[MAPPINGS];
static unsigned steps;
static uint64_t next_address;

#define CHECK(cond)                                                  \
    do {                                                             \
        if (!(cond))                                                 \
            panic("step %u: line %d: %s\n", steps, __LINE__, #cond); \
    } while (0)

static domid_t id_of(unsigned i)
{
    return (domid_t)(i * 3);
}

// The model ---------------------------------------------------------------------------------------

static bool in_use(const struct model_entry *e)
{
    return e->readers || e->writers;
}

struct model_pin {
    unsigned owner, ref;
    bool writable, transitive;
    unsigned frame, start, length, next_domain, next_ref;
};

static bool permits(unsigned owner, const struct model_entry *e, unsigned user, bool writable,
                    bool copying)
{
    unsigned type = e->flags & GTF_type_mask;
    bool v2 = world[owner].version == 2;

    if (e->domid != id_of(user) || (writable && e->flags & GTF_readonly))
        return false;
    if (type == GTF_transitive)
        return v2 && copying;
    return type == GTF_permit_access && !(v2 && e->flags & GTF_sub_page && !copying);
}

static int model_pin(unsigned owner, unsigned ref, unsigned user, bool writable, bool copying,
                     struct model_pin *pin)
{
    struct model_entry *e = &world[owner].entry[ref];
    bool v2 = world[owner].version == 2;

    if (in_use(e) && e->user != user)
        return GNTST_general_error;
    if (in_use(e) && !copying && (e->transitive || e->held_start || e->held_length != PAGE_SIZE))
        return GNTST_general_error;
    if (!permits(owner, e, user, writable, copying))
        return GNTST_general_error;
    if (!in_use(e)) {
        e->transitive = v2 && (e->flags & GTF_type_mask) == GTF_transitive;
        e->held = e->frame;
        e->held_start = v2 && !e->transitive && e->flags & GTF_sub_page ? e->start : 0;
        e->held_length = v2 && !e->transitive && e->flags & GTF_sub_page ? e->length : PAGE_SIZE;
        if (!e->transitive) {
            if (e->held_start + e->held_length > PAGE_SIZE)
                return GNTST_general_error;
            if (e->held / FRAMES != owner)
                return GNTST_bad_page;
        }
    } else if (e->transitive && (e->flags & GTF_type_mask) != GTF_transitive) {
        return GNTST_general_error;
    }
    if (!e->transitive && writable && frames[e->held].is_table)
        return GNTST_general_error;
    *pin = (struct model_pin){owner,      ref,           writable,       e->transitive,
                              e->held,    e->held_start, e->held_length, e->next_domain,
                              e->next_ref};
    if (!e->transitive) {
        frames[e->held].refs += !in_use(e);
        frames[e->held].writable += writable && !e->writers;
    }
    e->user = user;
    e->readers += !writable;
    e->writers += writable;
    return GNTST_okay;
}

static void model_unpin(const struct model_pin *pin)
{
    struct model_entry *e = &world[pin->owner].entry[pin->ref];

    e->readers -= !pin->writable;
    e->writers -= pin->writable;
    if (e->transitive)
        return;
    frames[e->held].writable -= pin->writable && !e->writers;
    frames[e->held].refs -= !in_use(e);
}

// Operations --------------------------------------------------------------------------------------

// The guest writes an entry; the in-use flags of version 1 stay, as a well-behaved one leaves them.
static void write_entry(unsigned i, unsigned ref)
{
    struct model_entry *e = &world[i].entry[ref];
    unsigned kept = (in_use(e) ? GTF_reading : 0) | (e->writers ? GTF_writing : 0);
    union grant_entry_v2 *v2;

    if (world[i].version == 1) {
        offer(world[i].d, FIRST_REF + ref, (domid_t)e->domid, frames[e->frame].f, e->flags | kept);
        return;
    }
    v2 = entry_v2(world[i].d, FIRST_REF + ref);
    v2->hdr.flags = 0;
    if ((e->flags & GTF_type_mask) == GTF_transitive) {
        v2->transitive.trans_domid = id_of(e->next_domain);
        v2->transitive.gref = FIRST_REF + e->next_ref;
    } else {
        v2->sub_page.page_off = (uint16_t)e->start;
        v2->sub_page.length = (uint16_t)e->length;
        v2->sub_page.frame = frame_to_mfn(frames[e->frame].f);
    }
    v2->hdr.domid = (domid_t)e->domid;
    v2->hdr.flags = (uint16_t)e->flags;
}

static void op_write(unsigned i)
{
    unsigned ref = fake_below(REFS);
    struct model_entry *e = &world[i].entry[ref];

    e->flags = fake_below(4) ? GTF_permit_access : fake_below(4);
    if (!fake_below(4))
        e->flags |= GTF_readonly;
    // Sub-page means nothing in version 1.
    if (!fake_below(4) && e->flags == GTF_permit_access)
        e->flags |= GTF_sub_page;
    e->domid = id_of(fake_below(DOMAINS));
    e->frame = fake_below(8) ? i * FRAMES + fake_below(FRAMES) : fake_below(DOMAINS * FRAMES);
    e->start = fake_below(3000);
    e->length = fake_below(2000);
    e->next_domain = fake_below(DOMAINS);
    e->next_ref = fake_below(REFS);
    write_entry(i, ref);
}

static void op_map(unsigned i)
{
    unsigned owner = fake_below(DOMAINS), ref = fake_below(REFS), m = 0;
    unsigned flags = 1 + fake_below(3) + (fake_below(2) ? GNTMAP_readonly : 0);
    uint64_t addr = fake_below(10) ? (next_address += PAGE_SIZE) : BAD_VA;
    bool writable = !(flags & GNTMAP_readonly);
    struct model_pin pin;
    grant_handle_t handle;
    int expected;

    while (m < MAPPINGS && mappings[m].live)
        m++;
    if (m == MAPPINGS)
        return;
    expected = model_pin(owner, ref, i, writable, false, &pin);
    if (!expected && flags & GNTMAP_host_map && addr == BAD_VA) {
        model_unpin(&pin);
        expected = GNTST_bad_virt_addr;
    }
    CHECK(map(world[i].d, id_of(owner), FIRST_REF + ref, addr, flags, &handle) == expected);
    if (expected)
        return;
    mappings[m] = (struct model_mapping){true, i, owner, ref, flags, pin.frame, addr, handle};
    if (flags & GNTMAP_host_map) {
        frames[pin.frame].refs++;
        frames[pin.frame].writable += writable;
    }
}

static void model_unmap_host(struct model_mapping *m)
{
    m->flags &= ~GNTMAP_host_map;
    frames[m->frame].refs--;
    frames[m->frame].writable -= !(m->flags & GNTMAP_readonly);
}

static void model_end_mapping(struct model_mapping *m)
{
    struct model_pin pin = {
        .owner = m->owner, .ref = m->ref, .writable = !(m->flags & GNTMAP_readonly)};

    if (m->flags & (GNTMAP_host_map | GNTMAP_device_map))
        return;
    model_unpin(&pin);
    m->live = false;
}

static void op_unmap(unsigned i)
{
    struct model_mapping *m = &mappings[fake_below(MAPPINGS)];
    bool host = fake_below(2), device = !host || fake_below(2);
    uint64_t bus;

    if (!m->live)
        return;
    bus = frame_to_mfn(frames[m->frame].f) << PAGE_SHIFT;
    if (i != m->domain) { // the handle means nothing, or something else, to others
        CHECK(unmap(world[i].d, 0, 0, m->handle + 1000) == GNTST_bad_handle);
        return;
    }
    CHECK(unmap(world[i].d, host ? m->addr : 0, device ? bus : 0, m->handle) == GNTST_okay);
    if (host && m->flags & GNTMAP_host_map)
        model_unmap_host(m);
    if (device)
        m->flags &= ~GNTMAP_device_map;
    model_end_mapping(m);
}

// A place of a copy, and what the model says of it.
struct place {
    bool is_ref;
    unsigned owner, ref, frame, offset;
    unsigned nr_pins, start, length;
    struct model_pin pins[2];
};

static int model_hold(unsigned i, struct place *p, bool writable)
{
    struct model_pin *pin = &p->pins[0];
    int rc;

    p->nr_pins = 0;
    if (!p->is_ref) {
        p->start = 0;
        p->length = PAGE_SIZE;
        if (p->frame / FRAMES != i)
            return GNTST_bad_page;
        return writable && frames[p->frame].is_table ? GNTST_general_error : GNTST_okay;
    }
    rc = model_pin(p->owner, p->ref, i, writable, true, pin);
    if (rc)
        return rc;
    p->nr_pins = 1;
    if (pin->transitive) {
        if (pin->next_domain == p->owner)
            return GNTST_general_error;
        rc = model_pin(pin->next_domain, pin->next_ref, p->owner, writable, true, pin + 1);
        if (rc)
            return rc;
        p->nr_pins = 2;
        pin++;
        if (pin->transitive)
            return GNTST_general_error;
    }
    p->frame = pin->frame;
    p->start = pin->start;
    p->length = pin->length;
    return GNTST_okay;
}

static void model_let_go(struct place *p)
{
    while (p->nr_pins)
        model_unpin(&p->pins[--p->nr_pins]);
}

static bool outside(const struct place *p, unsigned len)
{
    return p->offset < p->start || p->offset + len > p->start + p->length;
}

static int model_copy(unsigned i, struct place *from, struct place *to, unsigned len)
{
    int rc;

    if (from->offset + len > PAGE_SIZE || to->offset + len > PAGE_SIZE)
        return GNTST_bad_copy_arg;
    rc = model_hold(i, from, false);
    if (!rc)
        rc = model_hold(i, to, true);
    if (!rc && (outside(from, len) || outside(to, len)))
        rc = GNTST_general_error;
    if (!rc)
        memmove(frames[to->frame].content + to->offset, frames[from->frame].content + from->offset,
                len);
    return rc;
}

static struct place random_place(void)
{
    return (struct place){.is_ref = fake_below(4),
                          .owner = fake_below(DOMAINS),
                          .ref = fake_below(REFS),
                          .frame = fake_below(DOMAINS * FRAMES),
                          .offset = fake_below(fake_below(2) ? 1500 : 4200)};
}

static struct gnttab_copy_ptr pointer_to(const struct place *p)
{
    struct gnttab_copy_ptr ptr = {.offset = (uint16_t)p->offset};

    ptr.domid = p->is_ref ? id_of(p->owner) : DOMID_SELF;
    if (p->is_ref)
        ptr.u.ref = FIRST_REF + p->ref;
    else
        ptr.u.gmfn = frame_to_mfn(frames[p->frame].f);
    return ptr;
}

static void op_copy(unsigned i)
{
    struct place from = random_place(), to = random_place();
    unsigned len = fake_below(fake_below(2) ? 64 : 5000);
    struct gnttab_copy op = {.source = pointer_to(&from),
                             .dest = pointer_to(&to),
                             .len = (uint16_t)len,
                             .flags = (uint16_t)((from.is_ref ? GNTCOPY_source_gref : 0) |
                                                 (to.is_ref ? GNTCOPY_dest_gref : 0)),
                             .status = 99};
    int expected = model_copy(i, &from, &to, len);

    model_let_go(&from);
    model_let_go(&to);
    CHECK(gnttab(world[i].d, GNTTABOP_copy, &op, 1) == 0);
    CHECK(op.status == expected);
}

// A frame becomes a page table, if nobody can write to it, or ceases to be one.
static void op_table(unsigned i)
{
    struct model_frame *f = &frames[i * FRAMES + fake_below(FRAMES)];

    if (f->is_table) {
        CHECK(frame_put_type(f->f, false) == 0);
        f->is_table = false;
    } else {
        CHECK(frame_get_type(f->f, FT_L1, false) == (f->writable ? -EINVAL : 0));
        f->is_table = !f->writable;
    }
}

static void op_swap(unsigned i)
{
    unsigned a = fake_below(REFS), b = fake_below(REFS);
    struct model_entry *ea = &world[i].entry[a], *eb = &world[i].entry[b], t = *ea;
    struct gnttab_swap_grant_ref op = {FIRST_REF + a, FIRST_REF + b, 99};

    CHECK(gnttab(world[i].d, GNTTABOP_swap_grant_ref, &op, 1) == 0);
    if (a != b && (in_use(ea) || in_use(eb))) {
        CHECK(op.status == GNTST_eagain);
        return;
    }
    CHECK(op.status == GNTST_okay);
    *ea = *eb;
    *eb = t;
}

static void op_version(unsigned i)
{
    struct gnttab_set_version op = {.version = 1 + fake_below(2)};
    bool busy = false;
    long rc;

    if (fake_below(8))
        return;
    for (unsigned ref = 0; ref < REFS; ref++)
        busy |= in_use(&world[i].entry[ref]);
    rc = gnttab(world[i].d, GNTTABOP_set_version, &op, 1);
    if (op.version == world[i].version && rc == 0)
        return;
    CHECK(rc == (busy ? -EBUSY : 0));
    if (rc)
        return;
    world[i].version = op.version;
    memset(world[i].entry, 0, sizeof(world[i].entry));
}

// Comparison --------------------------------------------------------------------------------------

static void check_entry(unsigned i, unsigned ref)
{
    const struct model_entry *e = &world[i].entry[ref];
    unsigned expected = (in_use(e) ? GTF_reading : 0) | (e->writers ? GTF_writing : 0), found;

    found = world[i].version == 1 ? entry_v1(world[i].d, FIRST_REF + ref)->flags
                                  : *status_of(world[i].d, FIRST_REF + ref);
    CHECK((found & (GTF_reading | GTF_writing)) == expected);
}

static void check(void)
{
    for (unsigned i = 0; i < DOMAINS; i++)
        for (unsigned ref = 0; ref < REFS; ref++)
            check_entry(i, ref);
    for (unsigned n = 0; n < DOMAINS * FRAMES; n++) {
        const struct model_frame *f = &frames[n];

        CHECK(fake_frame_refs(f->f) == 1 + f->refs);
        CHECK(fake_frame_types(f->f) == (f->is_table ? 1 : f->writable));
        if (steps % 64 == n)
            CHECK(memcmp(fake_frame_va(f->f), f->content, PAGE_SIZE) == 0);
    }
}

static void step(void)
{
    static void (*const ops[])(unsigned i) = {
        op_write, op_write, op_map,  op_map,  op_map,   op_unmap, op_unmap,   op_unmap,
        op_unmap, op_copy,  op_copy, op_copy, op_table, op_swap,  op_version,
    };

    ops[fake_below(ARRAY_SIZE(ops))](fake_below(DOMAINS));
    check();
}

static void start(void)
{
    memset(mappings, 0, sizeof(mappings));
    memset(frames, 0, sizeof(frames));
    next_address = 0x10000000;
    for (unsigned i = 0; i < DOMAINS; i++) {
        memset(&world[i], 0, sizeof(world[i]));
        world[i].d = make_domain(id_of(i), i == 0);
        world[i].version = 1;
        for (unsigned n = i * FRAMES; n < (i + 1) * FRAMES; n++) {
            frames[n].f = fake_guest_frame(world[i].d);
            memset(fake_frame_va(frames[n].f), (int)n + 1, PAGE_SIZE);
            memset(frames[n].content, (int)n + 1, PAGE_SIZE);
        }
    }
}

// A domain dies: what it has mapped is let go, what others have of it stays.
static void die(unsigned i)
{
    relinquish(world[i].d);
    for (unsigned n = 0; n < MAPPINGS; n++) {
        struct model_mapping *m = &mappings[n];

        if (!m->live || m->domain != i)
            continue;
        if (m->flags & GNTMAP_host_map)
            model_unmap_host(m);
        m->flags &= ~GNTMAP_device_map;
        model_end_mapping(m);
    }
    check();
}

static void run(uint64_t seed)
{
    fake_seed(seed);
    start();
    for (steps = 0; steps < 20000; steps++)
        step();
    for (unsigned i = 0; i < DOMAINS; i++)
        die(i);
    for (unsigned n = 0; n < DOMAINS * FRAMES; n++) {
        CHECK(frames[n].refs == 0 && frames[n].writable == 0);
        if (frames[n].is_table)
            frame_put_type(frames[n].f, false);
        frame_put(frames[n].f);
    }
    for (unsigned i = 0; i < DOMAINS; i++)
        CHECK(world[i].d->refs == 1);
    for (unsigned i = 0; i < DOMAINS; i++)
        finish(world[i].d);
    CU_ASSERT_EQUAL(fake_reset(), 0);
}

static void test_random(void)
{
    for (unsigned seed = 1; seed <= 12; seed++)
        run(seed);
}

int main(void)
{
    static CU_TestInfo tests[] = {
        {"random sequences", test_random},
        CU_TEST_INFO_NULL,
    };

    alarm(300);
    return run_suite("grants against a model", tests);
}
