#include "stream/page.h"

#include <errno.h>

#define ENTRY_PRESENT 1ull
#define ENTRY_FRAME   0x000ffffffffff000ull

int page_type_check(unsigned type)
{
    if (type <= PAGE_L4 || type >= PAGE_BROKEN)
        return type > PAGE_INVALID ? -EINVAL : 0;
    return type > PAGE_PINNED && PAGE_LEVEL(type) <= PAGE_L4 ? 0 : -EINVAL;
}

bool page_has_content(unsigned type)
{
    return type < PAGE_BROKEN && !page_type_check(type);
}

int page_data_parse(const struct stream_record *record, struct page_data *data)
{
    const struct stream_page_data *body = record->body;
    uint64_t expected = sizeof(*body);

    if (record->length < sizeof(*body) || !body->count || body->count > STREAM_BATCH ||
        record->length < sizeof(*body) + body->count * sizeof(uint64_t))
        return -EINVAL;
    for (unsigned i = 0; i < body->count; i++) {
        unsigned type = (unsigned)(body->pfns[i] >> PAGE_TYPE_SHIFT);

        if (page_type_check(type))
            return -EINVAL;
        expected += sizeof(uint64_t) + (page_has_content(type) ? STREAM_PAGE_SIZE : 0);
    }
    if (record->length != expected)
        return -EINVAL;
    *data =
        (struct page_data){body->count, body->pfns, (const uint8_t *)(body->pfns + body->count)};
    return 0;
}

// The ABI's part of every address space: 0xffff800000000000 to 0xffff87ffffffffff.
static bool hypervisors(unsigned level, unsigned index)
{
    return level == PAGE_L4 && index >= 256 && index < 272;
}

int page_table_translate(uint64_t *to, const uint64_t *from, unsigned level,
                         page_translate_fn *translate, void *arg)
{
    for (unsigned i = 0; i < PTES; i++) {
        uint64_t entry = hypervisors(level, i) ? 0 : from[i], other;

        if (entry & ENTRY_PRESENT) {
            other = translate(arg, (entry & ENTRY_FRAME) >> 12);
            if (other == UINT64_MAX)
                return -EINVAL;
            entry = (entry & ~ENTRY_FRAME) | other << 12;
        }
        to[i] = entry;
    }
    return 0;
}
