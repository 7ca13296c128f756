// The memory of a guest that is being restored.
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "pv-abi/memory.h"
#include "pv-abi/mmu.h"
#include "stream/restore.h"

#define MAX_COUNT  (1ull << 31) // guest frames
#define NO_FRAME   UINT64_MAX
#define PIN_BATCH  512
#define FRAMES_4GB (1ull << 20)

static int more_frames(struct restorer *restorer, uint64_t count)
{
    uint64_t *mfns = realloc(restorer->mfns, count * sizeof(*mfns));
    uint8_t *types;

    if (mfns)
        restorer->mfns = mfns;
    types = realloc(restorer->types, count);
    if (types)
        restorer->types = types;
    if (!mfns || !types)
        return restore_complain(restorer, -ENOMEM, "no memory for a list of %" PRIu64 " frames",
                                count);
    for (uint64_t i = restorer->count; i < count; i++) {
        mfns[i] = NO_FRAME;
        types[i] = PAGE_INVALID;
    }
    restorer->count = count;
    return 0;
}

int restore_p2m_frames(struct restorer *restorer, const struct stream_record *record)
{
    const struct stream_p2m_frames *body = record->body;
    uint64_t count, frames, first;
    uint64_t *pfns;
    int rc;

    if (record->length < sizeof(*body) || body->last < body->first || body->last >= MAX_COUNT)
        return restore_complain(restorer, -EINVAL, "the record X86_PV_P2M_FRAMES is damaged");
    count = body->last + 1ull;
    first = body->first / PTES;
    frames = (count + PTES - 1) / PTES;
    // What came before, if anything, is the part below.
    if (record->length != sizeof(*body) + (frames - first) * sizeof(uint64_t) ||
        first > restorer->nr_p2m_pfns || frames < restorer->nr_p2m_pfns)
        return restore_complain(restorer, -EINVAL, "the record X86_PV_P2M_FRAMES is damaged");
    pfns = realloc(restorer->p2m_pfns, frames * sizeof(*pfns));
    if (!pfns)
        return -ENOMEM;
    memcpy(pfns + first, body->pfns, (frames - first) * sizeof(*pfns));
    restorer->p2m_pfns = pfns;
    restorer->nr_p2m_pfns = frames;
    rc = count > restorer->count ? more_frames(restorer, count) : 0;
    for (uint64_t i = first; !rc && i < frames; i++)
        if (pfns[i] >= restorer->count)
            rc = restore_complain(restorer, -EINVAL, "the P2M list lies beyond the guest's memory");
    return rc;
}

// An HVM guest's frames are told of by those that come. None of them is beyond what it could have:
// its memory, all of it above 4 GB.
static int hvm_frames(struct restorer *restorer, const struct page_data *data)
{
    uint64_t count = 0;

    for (unsigned i = 0; i < data->count; i++)
        if ((data->pfns[i] & PAGE_PFN_MASK) >= count)
            count = (data->pfns[i] & PAGE_PFN_MASK) + 1;
    if (count <= restorer->count)
        return 0;
    if (!restorer->most_frames) {
        struct xen_domctl op = {.cmd = XEN_DOMCTL_getdomaininfo, .domain = restorer->r->domain};
        int rc = control_domctl(restorer->r->control, &op);

        if (rc)
            return restore_complain(restorer, rc, "cannot ask after the domain: %s", strerror(-rc));
        restorer->most_frames = FRAMES_4GB + op.u.getdomaininfo.max_pages;
    }
    if (count > restorer->most_frames)
        return restore_complain(restorer, -EINVAL,
                                "frame %#" PRIx64 " is beyond what memory the guest may have",
                                count - 1);
    return more_frames(restorer, count);
}

// Gives the guest memory for up to STREAM_BATCH frames that have none.
static int populate(struct restorer *restorer, const uint64_t *pfns, unsigned count)
{
    struct xen_memory_reservation r = {
        .extent_start = restorer->extents, .nr_extents = count, .domid = restorer->r->domain};
    long done;

    if (!count)
        return 0;
    memcpy(restorer->extents, pfns, count * sizeof(*pfns));
    done = control_memory_op(restorer->r->control, XENMEM_populate_physmap, &r, sizeof(r));
    if (done != (long)count)
        return restore_complain(restorer, done < 0 ? (int)done : -ENOMEM,
                                "no memory for the guest: %" PRIu64 " MB of it are there, then %s",
                                (restorer->pages + (done > 0 ? (uint64_t)done : 0)) >> 8,
                                strerror(done < 0 ? (int)-done : ENOMEM));
    for (unsigned i = 0; i < count; i++)
        restorer->mfns[pfns[i]] = restorer->extents[i];
    restorer->pages += count;
    return 0;
}

// A list of frames to populate, each once.
struct wanted {
    struct restorer *restorer;
    unsigned count;
    uint64_t pfns[STREAM_BATCH];
};

static int want(struct wanted *w, uint64_t pfn)
{
    int rc = 0;

    if (w->restorer->mfns[pfn] != NO_FRAME)
        return 0;
    if (w->count == STREAM_BATCH) {
        rc = populate(w->restorer, w->pfns, w->count);
        w->count = 0;
    }
    w->restorer->mfns[pfn] = NO_FRAME - 1; // on the list
    w->pfns[w->count++] = pfn;
    return rc;
}

// What the present entries of a table name needs memory, too.
static int want_entries(struct wanted *w, const uint64_t *table)
{
    int rc = 0;

    for (unsigned i = 0; i < PTES && !rc; i++) {
        uint64_t pfn = (table[i] & PAGE_PFN_MASK) >> 12;

        if (!(table[i] & 1))
            continue;
        if (pfn >= w->restorer->count)
            return restore_complain(w->restorer, -EINVAL,
                                    "a page table maps frame %#" PRIx64 ", which the guest has not",
                                    pfn);
        rc = want(w, pfn);
    }
    return rc;
}

static int populate_for(struct restorer *restorer, const struct page_data *data)
{
    struct wanted w = {.restorer = restorer};
    const uint8_t *page = data->pages;
    int rc = 0;

    for (unsigned i = 0; i < data->count && !rc; i++) {
        unsigned type = (unsigned)(data->pfns[i] >> PAGE_TYPE_SHIFT);
        uint64_t pfn = data->pfns[i] & PAGE_PFN_MASK;

        if (pfn >= restorer->count)
            return restore_complain(restorer, -EINVAL,
                                    "frame %#" PRIx64 " is beyond the guest's "
                                    "memory of %#" PRIx64 " frames",
                                    pfn, restorer->count);
        restorer->types[pfn] = (uint8_t)type;
        if (type >= PAGE_BROKEN && type != PAGE_EMPTY)
            continue;
        rc = want(&w, pfn);
        if (!page_has_content(type))
            continue;
        if (!rc && PAGE_LEVEL(type) && !restorer->r->hvm)
            rc = want_entries(&w, (const uint64_t *)page);
        page += STREAM_PAGE_SIZE;
    }
    return rc ? rc : populate(restorer, w.pfns, w.count);
}

uint64_t restore_mfn(void *arg, uint64_t pfn)
{
    struct restorer *restorer = arg;

    return pfn < restorer->count ? restorer->mfns[pfn] : NO_FRAME;
}

static int fill_page(struct restorer *restorer, uint8_t *to, unsigned type, const uint8_t *from)
{
    if (!PAGE_LEVEL(type) || restorer->r->hvm) {
        memcpy(to, from, STREAM_PAGE_SIZE);
        return 0;
    }
    if (page_table_translate((uint64_t *)to, (const uint64_t *)from, PAGE_LEVEL(type), restore_mfn,
                             restorer))
        return restore_complain(restorer, -EINVAL, "a page table maps a frame which is not there");
    return 0;
}

// The frames that have content, mapped side by side and filled.
static int fill(struct restorer *restorer, const struct page_data *data)
{
    uint64_t *mfns = restorer->extents; // free again
    unsigned types[STREAM_BATCH], n = 0;
    uint8_t *pages;
    int rc = 0;

    for (unsigned i = 0; i < data->count; i++) {
        unsigned type = (unsigned)(data->pfns[i] >> PAGE_TYPE_SHIFT);

        if (!page_has_content(type))
            continue;
        mfns[n] = restorer->mfns[data->pfns[i] & PAGE_PFN_MASK];
        types[n++] = type;
    }
    if (!n)
        return 0;
    pages = control_map(restorer->r->control, restorer->r->domain, PROT_READ | PROT_WRITE, mfns, n,
                        NULL);
    if (!pages)
        return restore_complain(restorer, -errno, "cannot map the guest's memory: %s",
                                strerror(errno));
    for (unsigned i = 0; i < n && !rc; i++)
        rc = fill_page(restorer, pages + (size_t)i * STREAM_PAGE_SIZE, types[i],
                       data->pages + (size_t)i * STREAM_PAGE_SIZE);
    control_unmap(pages, n);
    return rc;
}

int restore_pages(struct restorer *restorer, const struct stream_record *record)
{
    struct page_data data;
    int rc;

    if (page_data_parse(record, &data))
        return restore_complain(restorer, -EINVAL, "a record PAGE_DATA is damaged");
    if (!restorer->count && !restorer->r->hvm)
        return restore_complain(restorer, -EINVAL, "memory comes before the list of it");
    rc = restorer->r->hvm ? hvm_frames(restorer, &data) : 0;
    if (rc)
        return rc;
    rc = populate_for(restorer, &data);
    return rc ? rc : fill(restorer, &data);
}

void *restore_map(struct restorer *restorer, uint64_t pfn, const char *what)
{
    uint64_t mfn = restore_mfn(restorer, pfn);
    void *page = NULL;

    // A page table that has been validated cannot be mapped for writing, and none is pinned yet.
    if (mfn != NO_FRAME)
        page = control_map(restorer->r->control, restorer->r->domain, PROT_READ | PROT_WRITE, &mfn,
                           1, NULL);
    if (!page)
        restore_complain(restorer, -EINVAL, "%s (guest frame %#" PRIx64 ") is not there", what,
                         pfn);
    return page;
}

static bool is_there(const struct restorer *restorer, uint64_t pfn)
{
    return pfn < restorer->count && restorer->types[pfn] != PAGE_INVALID;
}

// The guest's P2M list names the new machine frames.
static int write_p2m(struct restorer *restorer)
{
    for (uint64_t i = 0; i < restorer->nr_p2m_pfns; i++) {
        uint64_t *page = restore_map(restorer, restorer->p2m_pfns[i], "a part of the P2M list");
        uint64_t first = i * PTES;

        if (!page)
            return -EINVAL;
        for (unsigned n = 0; n < PTES; n++)
            page[n] = is_there(restorer, first + n) ? restorer->mfns[first + n] : NO_FRAME;
        control_unmap(page, 1);
    }
    return 0;
}

static int pin(struct restorer *restorer, struct mmuext_op *ops, unsigned count)
{
    const uint64_t arguments[5] = {(uintptr_t)ops, count, 0, restorer->r->domain};
    long rc =
        count ? control_hypercall(restorer->r->control, __HYPERVISOR_mmuext_op, arguments) : 0;

    if (rc)
        restore_complain(restorer, (int)rc, "the guest's page tables are refused: %s",
                         strerror((int)-rc));
    return (int)rc;
}

static int pin_all(struct restorer *restorer, struct mmuext_op *ops)
{
    unsigned n = 0;
    int rc = 0;

    for (uint64_t pfn = 0; pfn < restorer->count && !rc; pfn++) {
        unsigned type = restorer->types[pfn];

        if (type <= PAGE_PINNED || type >= PAGE_BROKEN || restorer->mfns[pfn] == NO_FRAME)
            continue;
        ops[n].cmd = MMUEXT_PIN_L1_TABLE + PAGE_LEVEL(type) - PAGE_L1;
        ops[n++].arg1.mfn = restorer->mfns[pfn];
        if (n == PIN_BATCH) {
            rc = pin(restorer, ops, n);
            n = 0;
        }
    }
    return rc ? rc : pin(restorer, ops, n);
}

// What the guest gave back while it was being sent is given back here, too.
static void give_back(struct restorer *restorer)
{
    struct xen_memory_reservation r = {
        .extent_start = restorer->extents, .nr_extents = 1, .domid = restorer->r->domain};

    for (uint64_t pfn = 0; pfn < restorer->count; pfn++) {
        if (is_there(restorer, pfn) || restorer->mfns[pfn] == NO_FRAME)
            continue;
        restorer->extents[0] = restorer->mfns[pfn];
        if (control_memory_op(restorer->r->control, XENMEM_decrease_reservation, &r, sizeof(r)) ==
            1)
            restorer->pages--;
        restorer->mfns[pfn] = NO_FRAME;
    }
}

int restore_finish_memory(struct restorer *restorer)
{
    size_t size = PIN_BATCH * sizeof(struct mmuext_op);
    struct mmuext_op *ops;
    int rc = write_p2m(restorer);

    if (rc)
        return rc;
    give_back(restorer);
    if (restorer->r->hvm)
        return 0;
    ops = control_buffer(restorer->r->control, size);
    rc = ops ? pin_all(restorer, ops) : -ENOMEM;
    control_buffer_free(restorer->r->control, ops, size);
    return rc;
}
