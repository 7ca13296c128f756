// Pages of a stream: their types, and page tables with guest frame numbers in machine frame
// numbers' places and back.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "stream/record.h"

// Does a page of this type have content in the stream? False for types that there are not, too.
bool page_has_content(unsigned type);
// -EINVAL: no such type.
int page_type_check(unsigned type);

// A checked PAGE_DATA record.
struct page_data {
    unsigned count;
    const uint64_t *pfns; // and types
    const uint8_t *pages; // those that have content, one after another
};
// -EINVAL: lengths or types do not fit.
int page_data_parse(const struct stream_record *record, struct page_data *data);

// The other number of a frame, or UINT64_MAX.
typedef uint64_t page_translate_fn(void *arg, uint64_t number);

// Copies a table of that level with the numbers in its present entries translated. The slots of a
// root that are the hypervisor's become empty. -EINVAL: some number has no other.
int page_table_translate(uint64_t *to, const uint64_t *from, unsigned level,
                         page_translate_fn *translate, void *arg);
