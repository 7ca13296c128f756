// Requests of a block ring, as a hostile front end would write them: whatever is accepted lies
// within the disk and the pages, and its parts make up the whole.
//
// sources: backends/block/request.c
#include <stdlib.h>
#include <string.h>

#include "backends/block/request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct blk_request *request, const struct blk_segment *segment,
                  const struct blk_limits *limits)
{
    uint64_t total = 0, bytes = limits->sectors * BLK_SECTOR;

    for (uint32_t i = 0; i < request->segments; i++) {
        if (!segment[i].length || segment[i].offset + segment[i].length > BLK_PAGE)
            abort();
        total += segment[i].length;
    }
    if (request->action != BLK_DISCARD && total != request->length)
        abort();
    if (request->offset > bytes || request->length > bytes - request->offset)
        abort();
    if (request->segments > BLK_SEGMENTS_MOST ||
        (limits->read_only && request->length && request->action != BLK_READ))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct blkif_request_segment raw[BLK_SEGMENTS_MOST] = {0};
    struct blk_segment segment[BLK_SEGMENTS_MOST];
    struct blkif_request entry = {0};
    struct blk_limits limits = {.sector_size = BLK_SECTOR};
    struct blk_request request;
    const char *why = NULL;

    if (size < 10)
        return 0;
    memcpy(&limits.sectors, data, sizeof(limits.sectors));
    limits.sectors &= UINT64_MAX >> 10; // images are no larger
    limits.read_only = data[8] & 1;
    limits.discard = data[8] & 2;
    limits.sector_size = data[8] & 4 ? 4096 : BLK_SECTOR;
    data += 9;
    size -= 9;
    memcpy(&entry, data, size < sizeof(entry) ? size : sizeof(entry));
    if (size > sizeof(entry)) {
        size -= sizeof(entry);
        memcpy(raw, data + sizeof(entry), size < sizeof(raw) ? size : sizeof(raw));
    }
    int status = blk_parse(&entry, &limits, &request, segment, &why);
    if (!status && request.pages) {
        if (request.pages > BLKIF_MAX_INDIRECT_PAGES_PER_REQUEST ||
            request.segments > request.pages * BLK_SEGMENTS_PER_PAGE)
            abort();
        status = blk_parse_segments(raw, &limits, &request, segment, &why);
    }
    if (status ? !why : why != NULL)
        abort();
    if (!status)
        check(&request, segment, &limits);
    return 0;
}
