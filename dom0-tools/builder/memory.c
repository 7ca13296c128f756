#include "builder/memory.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "pv-abi/memory.h"

#define BATCH       4096 // extents in one call
#define LARGE_ORDER 9

int guest_memory_claim(const struct guest_memory *memory, uint64_t pages)
{
    struct xen_memory_reservation r = {.nr_extents = pages, .domid = memory->domain};
    long rc = control_memory_op(memory->control, XENMEM_claim_pages, &r, sizeof(r));

    return rc == -ENOSYS || rc == -EOPNOTSUPP ? 0 : (int)rc;
}

// Up to BATCH extents from guest frame `first` on; `list` is hypercall memory. Returns how many
// there were, or -errno.
static long populate_batch(const struct guest_memory *m, uint64_t *list, uint64_t first,
                           uint64_t extents, unsigned order)
{
    struct xen_memory_reservation r = {
        .extent_start = list, .nr_extents = extents, .extent_order = order, .domid = m->domain};
    long done;

    for (uint64_t i = 0; i < extents; i++)
        list[i] = first + (i << order);
    done = control_memory_op(m->control, XENMEM_populate_physmap, &r, sizeof(r));
    for (long i = 0; m->mfns && i < done; i++)
        for (uint64_t n = 0; n < 1ul << order; n++)
            m->mfns[first + ((uint64_t)i << order) + n] = list[i] + n;
    return done;
}

// Large extents while there are any, because one call for 512 frames is one, then single frames.
static int populate(const struct guest_memory *m, uint64_t *list, uint64_t next, uint64_t end)
{
    unsigned order = LARGE_ORDER;

    while (next < end) {
        uint64_t extents = (end - next) >> order;
        long done;

        if (extents > BATCH)
            extents = BATCH;
        done = extents ? populate_batch(m, list, next, extents, order) : 0;
        if (done < 0)
            return (int)done;
        next += (uint64_t)done << order;
        if ((uint64_t)done == extents && extents)
            continue;
        if (!order)
            return -ENOMEM;
        order = 0;
    }
    return 0;
}

int guest_memory_populate_range(const struct guest_memory *memory, uint64_t first, uint64_t count)
{
    uint64_t *list = control_buffer(memory->control, BATCH * sizeof(*list));
    uint64_t single = -first % (1ul << LARGE_ORDER); // up to where a large extent may begin
    uint64_t middle = first + (single < count ? single : count);
    int rc = list ? populate(memory, list, first, middle) : -ENOMEM;

    if (!rc)
        rc = populate(memory, list, middle, first + count);

    control_buffer_free(memory->control, list, BATCH * sizeof(*list));
    return rc;
}

int guest_memory_populate(struct guest_memory *memory, struct control *control, domid_t domain,
                          uint64_t nr_pages)
{
    int rc = -ENOMEM;

    *memory = (struct guest_memory){control, domain, nr_pages, NULL};
    memory->mfns = malloc(nr_pages * sizeof(*memory->mfns));
    if (memory->mfns)
        rc = guest_memory_claim(memory, nr_pages);
    if (!rc) {
        rc = guest_memory_populate_range(memory, 0, nr_pages);
        guest_memory_claim(memory, 0);
    }
    if (rc)
        guest_memory_free(memory);
    return rc;
}

void guest_memory_free(struct guest_memory *memory)
{
    free(memory->mfns);
    memory->mfns = NULL;
}

void *guest_memory_map(const struct guest_memory *memory, uint64_t first, uint64_t count)
{
    uint64_t *frames = memory->mfns ? memory->mfns + first : malloc(count * sizeof(*frames));
    void *mapped;

    if (!frames)
        return NULL;
    for (uint64_t i = 0; !memory->mfns && i < count; i++)
        frames[i] = first + i;
    mapped =
        control_map(memory->control, memory->domain, PROT_READ | PROT_WRITE, frames, count, NULL);
    if (!memory->mfns)
        free(frames);
    return mapped;
}
