// The guest's memory: pages, all of them mapped at virt_base + their number in the guest * 4096,
// and the heap over them.
//
// Of what the builder has laid out, everything up to the end of the initial page tables stays as it
// is. The pages behind are free; those that the initial mapping leaves out are mapped at the start,
// up to PAGES_MOST. Not for entries from the hypervisor: there is no lock.
#pragma once

#include <stddef.h>
#include <stdint.h>

#define PAGES_MOST 16384u // 64 MB; what a domain has beyond stays unused

void pages_init(void);

// N pages in a row, zeroed, or NULL. Freed all at once, from the first.
void *pages_alloc(unsigned n);
void pages_free(void *pages, unsigned n);
static inline void *page_alloc(void)
{
    return pages_alloc(1);
}
static inline void page_free(void *page)
{
    pages_free(page, 1);
}
unsigned pages_total(void); // that the allocator has ever had
unsigned pages_left(void);

// The machine's frame behind an address in the guest's image or in a page.
uint64_t mfn_of(const void *address);
// Where a frame of this guest's is mapped.
void *address_of_mfn(uint64_t mfn);
// Maps a frame of any kind (shared_info, grant table) in the place of PAGE, whose own frame is lost
// to the guest for good; the hypervisor's error.
long map_frame_at(void *page, uint64_t mfn);

// At least SIZE bytes, aligned to 16, zeroed; NULL if there is no memory.
void *heap_alloc(size_t size);
void heap_free(void *block); // or NULL
