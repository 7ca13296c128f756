// Between the parts of saving.
#pragma once

#include "stream/p2m.h"
#include "stream/stream.h"

struct saver {
    const struct stream_save *s;
    struct p2m p2m;
    const struct shared_info *shared; // a PV guest's, mapped
    uint64_t shared_mfn;
    bool suspended;
    // A bit a guest frame.
    uint64_t *dirty;    // to be sent in this round; hypercall memory
    size_t dirty_size;  // bytes
    uint64_t *deferred; // could not be sent while the guest changes it
    uint64_t *known;    // the other side has content for it
    struct batch *batch;
};

static inline bool bit_test(const uint64_t *bits, uint64_t n)
{
    return bits[n / 64] >> n % 64 & 1;
}
static inline void bit_set(uint64_t *bits, uint64_t n)
{
    bits[n / 64] |= 1ull << n % 64;
}
static inline void bit_clear(uint64_t *bits, uint64_t n)
{
    bits[n / 64] &= ~(1ull << n % 64);
}

// All guest frames that are marked in `dirty` (save_pages.c). 0 or -errno, with words.
int save_pages(struct saver *saver, unsigned round);
int save_pages_begin(struct saver *saver);
void save_pages_end(struct saver *saver);

// What is known before the guest's memory is looked at, and what only once it stands still
// (save_state.c; save_hvm.c). 0 or -errno, with words.
int save_static_state(struct saver *saver);
int save_state(struct saver *saver);
int save_hvm_static_state(struct saver *saver);
int save_hvm_state(struct saver *saver);

// Of both.
int save_complain(struct saver *saver, const char *what, int rc); // if rc is an error; returns it
int save_record(struct saver *saver, uint32_t type, const struct iovec *parts, unsigned count);
int save_policies(struct saver *saver);
int save_tsc(struct saver *saver);
