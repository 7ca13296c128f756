// Frames of a guest that is being saved.
//
// A running guest changes its page tables and its list of frames under our hands. A frame that is
// gone when it is looked at is one that will be reported as such later; a table which has an entry
// that is not (yet) a frame of the guest's own is put off until the guest stands still.
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "stream/page.h"
#include "stream/save.h"

struct batch {
    unsigned count;
    uint64_t pfns[STREAM_BATCH];
    uint64_t mfns[STREAM_BATCH];
    uint64_t *types; // hypercall memory
    uint8_t level[STREAM_BATCH];
    int errors[STREAM_BATCH];
    struct iovec parts[STREAM_MAX_PARTS];
    uint64_t described[STREAM_BATCH]; // as the stream has it
    uint64_t tables[STREAM_BATCH][PTES];
};

#define TYPES_SIZE (STREAM_BATCH * sizeof(uint64_t))

int save_pages_begin(struct saver *saver)
{
    saver->batch = calloc(1, sizeof(*saver->batch));
    if (saver->batch)
        saver->batch->types = control_buffer(saver->s->control, TYPES_SIZE);
    return saver->batch && saver->batch->types ? 0 : -ENOMEM;
}

void save_pages_end(struct saver *saver)
{
    if (saver->batch)
        control_buffer_free(saver->s->control, saver->batch->types, TYPES_SIZE);
    free(saver->batch);
}

static uint64_t to_pfn(void *p2m, uint64_t mfn)
{
    return p2m_pfn(p2m, mfn);
}

static int find_types(struct saver *saver)
{
    struct batch *b = saver->batch;
    struct xen_domctl op = {.cmd = XEN_DOMCTL_getpageframeinfo3, .domain = saver->s->domain};
    int rc;

    memcpy(b->types, b->mfns, b->count * sizeof(*b->types));
    op.u.getpageframeinfo3.num = b->count;
    op.u.getpageframeinfo3.array = b->types;
    rc = control_domctl(saver->s->control, &op);
    for (unsigned i = 0; i < b->count; i++)
        b->types[i] = b->types[i] >> XEN_DOMCTL_PFINFO_LTAB_SHIFT & 15;
    return rc;
}

// The content of one frame into the record. False: put off.
static bool add_page(struct saver *saver, unsigned i, const uint8_t *page, struct iovec *part)
{
    struct batch *b = saver->batch;
    unsigned level = PAGE_LEVEL(b->types[i]);

    *part = (struct iovec){(void *)page, STREAM_PAGE_SIZE};
    if (!level)
        return true;
    memcpy(b->tables[i], page, STREAM_PAGE_SIZE); // what is translated must not change meanwhile
    part->iov_base = b->tables[i];
    return !page_table_translate(b->tables[i], b->tables[i], level, to_pfn, &saver->p2m);
}

static int put_off(struct saver *saver, uint64_t pfn)
{
    if (saver->suspended) {
        fprintf(saver->s->messages,
                "save: guest frame %#" PRIx64 " is a page table that maps a frame which is not the "
                "guest's own; its kernel has left it so for suspending\n",
                pfn);
        return -EINVAL;
    }
    bit_set(saver->deferred, pfn);
    return 0;
}

// Describes the batch's frames and lines up their content; *count parts of the record.
static int line_up(struct saver *saver, const uint8_t *pages, struct stream_page_data *head,
                   unsigned *count)
{
    struct batch *b = saver->batch;
    unsigned parts = 2;

    for (unsigned i = 0; i < b->count; i++) {
        uint64_t pfn = b->pfns[i], type = b->errors[i] ? PAGE_INVALID : b->types[i];

        if (page_has_content((unsigned)type)) {
            if (!add_page(saver, i, pages + (size_t)i * STREAM_PAGE_SIZE, &b->parts[parts])) {
                int rc = put_off(saver, pfn);

                if (rc)
                    return rc;
                continue;
            }
            parts++;
            bit_set(saver->known, pfn);
        } else if (!bit_test(saver->known, pfn)) {
            continue; // nothing there, as the other side thinks
        } else {
            bit_clear(saver->known, pfn);
        }
        b->described[head->count++] = type << PAGE_TYPE_SHIFT | pfn;
    }
    b->parts[0] = (struct iovec){head, sizeof(*head)};
    b->parts[1] = (struct iovec){b->described, head->count * sizeof(uint64_t)};
    *count = parts;
    return 0;
}

static int send_mapped(struct saver *saver, const uint8_t *pages)
{
    struct stream_page_data head = {0};
    unsigned parts;
    int rc = line_up(saver, pages, &head, &parts);

    if (rc || !head.count)
        return rc;
    return save_record(saver, RECORD_PAGE_DATA, saver->batch->parts, parts);
}

// A frame that the guest has given back: the other side forgets it.
static int send_gone(struct saver *saver, uint64_t pfn)
{
    struct stream_page_data head = {.count = 1};
    uint64_t described = (uint64_t)PAGE_INVALID << PAGE_TYPE_SHIFT | pfn;
    struct iovec parts[] = {{&head, sizeof(head)}, {&described, sizeof(described)}};

    if (!bit_test(saver->known, pfn))
        return 0;
    bit_clear(saver->known, pfn);
    return save_record(saver, RECORD_PAGE_DATA, parts, 2);
}

// Frames that are not there any more leave the batch.
static int drop_gone(struct saver *saver)
{
    struct batch *b = saver->batch;
    unsigned left = 0;
    int rc = 0;

    for (unsigned i = 0; i < b->count && !rc; i++) {
        if (b->types[i] == PAGE_INVALID) {
            rc = send_gone(saver, b->pfns[i]);
            continue;
        }
        b->pfns[left] = b->pfns[i];
        b->mfns[left] = b->mfns[i];
        b->types[left++] = b->types[i];
    }
    b->count = left;
    return rc;
}

static int cannot_look(const struct saver *saver, int rc)
{
    fprintf(saver->s->messages, "save: cannot look at the guest's memory: %s\n", strerror(-rc));
    return rc;
}

static int send_batch(struct saver *saver)
{
    struct batch *b = saver->batch;
    void *pages;
    int rc;

    if (!b->count)
        return 0;
    rc = find_types(saver);
    if (rc)
        return cannot_look(saver, rc);
    rc = drop_gone(saver);
    if (rc || !b->count)
        return rc;
    pages =
        control_map(saver->s->control, saver->s->domain, PROT_READ, b->mfns, b->count, b->errors);
    if (!pages)
        return cannot_look(saver, -errno);
    rc = send_mapped(saver, pages);
    control_unmap(pages, b->count);
    b->count = 0;
    return rc;
}

static int save_page(struct saver *saver, uint64_t pfn)
{
    struct batch *b = saver->batch;
    uint64_t mfn = p2m_mfn(&saver->p2m, pfn);

    if (mfn == UINT64_MAX)
        return send_gone(saver, pfn);
    b->pfns[b->count] = pfn;
    b->mfns[b->count++] = mfn;
    return b->count == STREAM_BATCH ? send_batch(saver) : 0;
}

static void tell(const struct saver *saver, const struct stream_progress *progress)
{
    if (saver->s->progress)
        saver->s->progress(saver->s->arg, progress);
}

int save_pages(struct saver *saver, unsigned round)
{
    struct stream_progress progress = {.round = round};
    int rc = 0;

    p2m_refresh(&saver->p2m);
    for (uint64_t i = 0; i < saver->dirty_size / 8; i++)
        progress.total += (uint64_t)__builtin_popcountll(saver->dirty[i]);
    for (uint64_t pfn = 0; pfn < saver->p2m.count && !rc; pfn++) {
        if (!bit_test(saver->dirty, pfn))
            continue;
        rc = save_page(saver, pfn);
        if (!(++progress.done % STREAM_BATCH) && progress.done < progress.total)
            tell(saver, &progress);
    }
    if (!rc)
        rc = send_batch(saver);
    progress.done = progress.total;
    if (!rc)
        tell(saver, &progress);
    return rc;
}
