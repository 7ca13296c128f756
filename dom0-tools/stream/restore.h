// Between the parts of restoring.
#pragma once

#include "stream/page.h"
#include "stream/stream.h"

#define RESTORE_MAX_VCPUS 512

// The body of a record that is used at the end; NULL: it has not come.
struct kept_record {
    void *data;
    size_t length;
};

struct restorer {
    const struct stream_restore *r;
    struct stream_reader reader;
    // Guest frames: a PV guest's are known once the record P2M_FRAMES is there, an HVM guest's as
    // they come.
    uint64_t count;
    uint64_t *mfns;     // UINT64_MAX: no memory
    uint8_t *types;     // PAGE_*
    uint64_t *p2m_pfns; // where the P2M list lies
    uint64_t nr_p2m_pfns;
    uint64_t most_frames; // that an HVM guest may have; 0: not asked yet
    uint64_t *extents;    // hypercall memory, STREAM_BATCH of them
    uint64_t pages;       // that the guest has got
    void *shared_info;    // its content, once it has come
    struct {              // state of vCPUs, as it came: NULL, or malloc'ed
        void *state[4];
        uint32_t length[4];
    } * vcpus;
    struct kept_record hvm_context, hvm_params;
    struct stream_restored *result;
};
enum { VCPU_BASIC, VCPU_EXTENDED, VCPU_XSAVE, VCPU_MSRS };

// Says what is wrong, and returns `error`.
int restore_complain(struct restorer *restorer, int error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

// A page_translate_fn: the machine frame of a guest frame, or UINT64_MAX.
uint64_t restore_mfn(void *restorer, uint64_t pfn);

// Memory (restore_memory.c). Each 0 or -errno with words.
int restore_p2m_frames(struct restorer *restorer, const struct stream_record *record);
int restore_pages(struct restorer *restorer, const struct stream_record *record);
int restore_finish_memory(struct restorer *restorer); // the P2M list, and pinned tables
void *restore_map(struct restorer *restorer, uint64_t pfn, const char *what);

// An HVM guest's (restore_hvm.c).
int restore_hvm_context(struct restorer *restorer, const struct stream_record *record);
int restore_hvm_params(struct restorer *restorer, const struct stream_record *record);
int restore_finish_hvm(struct restorer *restorer);

// All else (restore_state.c).
int restore_tsc(struct restorer *restorer, const struct stream_record *record);
int restore_vcpu_record(struct restorer *restorer, const struct stream_record *record);
int restore_policies(struct restorer *restorer, const struct stream_record *record);
int restore_finish_state(struct restorer *restorer);
