#include "backends/block/mapped.h"

#include <stdlib.h>
#include <sys/mman.h>

#include "control/grant.h"

#define SLOTS 4096 // a power of two, well above MAPPED_MOST

struct mapped {
    int grants;
    domid_t domain;
    uint32_t count;
    struct {
        uint32_t reference;
        uint8_t *page; // NULL: a free slot
    } slot[SLOTS];
};

struct mapped *mapped_new(int grants, domid_t domain)
{
    struct mapped *mapped = calloc(1, sizeof(*mapped));

    if (mapped) {
        mapped->grants = grants;
        mapped->domain = domain;
    }
    return mapped;
}

// The slot of a page, or the free one where it belongs.
static uint32_t find(const struct mapped *mapped, uint32_t reference)
{
    uint32_t at = reference * 0x9e3779b1u >> 20;

    while (mapped->slot[at].page && mapped->slot[at].reference != reference)
        at = (at + 1) & (SLOTS - 1);
    return at;
}

uint8_t *mapped_page(const struct mapped *mapped, uint32_t reference)
{
    return mapped->slot[find(mapped, reference)].page;
}

static void add(struct mapped *mapped, uint32_t reference, uint8_t *page)
{
    uint32_t at = find(mapped, reference);

    mapped->slot[at].reference = reference;
    mapped->slot[at].page = page;
    mapped->count++;
}

static bool is_among(const uint32_t *references, uint32_t count, uint32_t reference)
{
    for (uint32_t i = 0; i < count; i++) {
        if (references[i] == reference)
            return true;
    }
    return false;
}

bool mapped_want(struct mapped *mapped, const struct blk_segment *segment, uint32_t count)
{
    uint32_t missing[BLK_SEGMENTS_MOST], missing_count = 0;
    uint8_t *pages;

    for (uint32_t i = 0; i < count; i++) {
        uint32_t reference = segment[i].reference;

        if (!mapped_page(mapped, reference) && !is_among(missing, missing_count, reference))
            missing[missing_count++] = reference;
    }
    if (!missing_count)
        return true;
    if (mapped->count + missing_count > MAPPED_MOST)
        return false;
    pages =
        grant_map(mapped->grants, mapped->domain, missing, missing_count, PROT_READ | PROT_WRITE);
    for (uint32_t i = 0; i < missing_count && pages; i++)
        add(mapped, missing[i], pages + (size_t)i * BLK_PAGE);
    return pages;
}
