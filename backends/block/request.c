#include "backends/block/request.h"

#include <string.h>

static int wrong(const char **why, const char *text)
{
    *why = text;
    return BLKIF_RSP_ERROR;
}

static int unsupported(const char **why, const char *text)
{
    *why = text;
    return BLKIF_RSP_EOPNOTSUPP;
}

// Whether `length` bytes from sector `first` on lie on the disk; fills in offset and length.
static bool within(const struct blk_limits *limits, uint64_t first, uint64_t sectors,
                   struct blk_request *request)
{
    if (first > limits->sectors || sectors > limits->sectors - first)
        return false;
    request->offset = first * BLK_SECTOR;
    request->length = sectors * BLK_SECTOR;
    return request->offset % limits->sector_size == 0 && request->length % limits->sector_size == 0;
}

int blk_parse_segments(const struct blkif_request_segment *raw, const struct blk_limits *limits,
                       struct blk_request *request, struct blk_segment *segment, const char **why)
{
    uint64_t first = request->offset, sectors = 0;

    for (uint32_t i = 0; i < request->segments; i++) {
        if (raw[i].first_sect > raw[i].last_sect || raw[i].last_sect >= BLK_PAGE / BLK_SECTOR)
            return wrong(why, "a segment's sectors are not in its page");
        segment[i] = (struct blk_segment){
            .reference = raw[i].gref,
            .offset = (uint16_t)(raw[i].first_sect * BLK_SECTOR),
            .length = (uint16_t)((raw[i].last_sect - raw[i].first_sect + 1u) * BLK_SECTOR),
        };
        sectors += raw[i].last_sect - raw[i].first_sect + 1u;
    }
    if (!within(limits, first, sectors, request))
        return wrong(why, "sectors beyond the end of the disk, or parts of its sectors");
    return 0;
}

static int parse_discard(const struct blkif_request *entry, const struct blk_limits *limits,
                         struct blk_request *request, const char **why)
{
    struct blkif_request_discard discard;

    memcpy(&discard, entry, sizeof(discard));
    request->id = discard.id;
    request->action = BLK_DISCARD;
    if (limits->read_only)
        return wrong(why, "a discard on a disk that is read-only");
    if (!limits->discard)
        return unsupported(why, "a discard, which this disk was not said to have");
    if (discard.flag & BLKIF_DISCARD_SECURE && !limits->secure)
        return unsupported(why, "a secure discard, which this disk was not said to have");
    if (!discard.nr_sectors || !within(limits, discard.sector_number, discard.nr_sectors, request))
        return wrong(why, "a discard beyond the end of the disk, or of nothing");
    return 0;
}

static int parse_indirect(const struct blkif_request *entry, const struct blk_limits *limits,
                          struct blk_request *request, const char **why)
{
    struct blkif_request_indirect indirect;

    memcpy(&indirect, entry, sizeof(indirect));
    request->id = indirect.id;
    request->operation = indirect.indirect_op;
    if (indirect.indirect_op != BLKIF_OP_READ && indirect.indirect_op != BLKIF_OP_WRITE)
        return wrong(why, "an indirect request that neither reads nor writes");
    request->action = indirect.indirect_op == BLKIF_OP_READ ? BLK_READ : BLK_WRITE;
    if (request->action == BLK_WRITE && limits->read_only)
        return wrong(why, "a write on a disk that is read-only");
    if (!indirect.nr_segments || indirect.nr_segments > BLK_SEGMENTS_MOST)
        return wrong(why, "an indirect request with none or too many segments");
    request->segments = indirect.nr_segments;
    request->pages =
        (indirect.nr_segments + BLK_SEGMENTS_PER_PAGE - 1) / (uint32_t)BLK_SEGMENTS_PER_PAGE;
    memcpy(request->page, indirect.indirect_grefs, sizeof(request->page));
    request->offset = indirect.sector_number; // until the segments are there
    return 0;
}

static int parse_direct(const struct blkif_request *entry, const struct blk_limits *limits,
                        struct blk_request *request, struct blk_segment *segment, const char **why)
{
    bool may_be_empty = request->action == BLK_FLUSH || request->action == BLK_BARRIER;

    if (request->action != BLK_READ && limits->read_only && entry->nr_segments)
        return wrong(why, "a write on a disk that is read-only");
    if (entry->nr_segments > BLKIF_MAX_SEGMENTS_PER_REQUEST ||
        (!entry->nr_segments && !may_be_empty))
        return wrong(why, "a request with none or too many segments");
    request->segments = entry->nr_segments;
    request->offset = entry->nr_segments ? entry->sector_number : 0; // a flush may name any
    return blk_parse_segments(entry->seg, limits, request, segment, why);
}

int blk_parse(const struct blkif_request *entry, const struct blk_limits *limits,
              struct blk_request *request, struct blk_segment *segment, const char **why)
{
    *request = (struct blk_request){.id = entry->id, .operation = entry->operation};
    switch (entry->operation) {
    case BLKIF_OP_READ:
        request->action = BLK_READ;
        break;
    case BLKIF_OP_WRITE:
        request->action = BLK_WRITE;
        break;
    case BLKIF_OP_WRITE_BARRIER:
        request->action = BLK_BARRIER;
        break;
    case BLKIF_OP_FLUSH_DISKCACHE:
        request->action = BLK_FLUSH;
        break;
    case BLKIF_OP_DISCARD:
        return parse_discard(entry, limits, request, why);
    case BLKIF_OP_INDIRECT:
        return parse_indirect(entry, limits, request, why);
    default:
        return unsupported(why, "an operation that is not known");
    }
    return parse_direct(entry, limits, request, segment, why);
}
