// Grant tables, the inside: shared by core/grant*.c only. The invariants stand in core/grant.c.
#pragma once

#include "core/grant.h"
#include "lib/bug.h"
#include "pv-abi/grant_table.h"

#define V1_PER_FRAME      (PAGE_SIZE / sizeof(struct grant_entry_v1))
#define V2_PER_FRAME      (PAGE_SIZE / sizeof(union grant_entry_v2))
#define STATUS_PER_FRAME  (PAGE_SIZE / sizeof(grant_status_t))
#define ACTIVE_PER_PAGE   (PAGE_SIZE / sizeof(struct grant_active))
#define ACTIVE_PAGES      (V1_PER_FRAME / ACTIVE_PER_PAGE) // for each table frame
#define MAPPINGS_PER_PAGE (PAGE_SIZE / sizeof(struct grant_mapping))

// What the hypervisor knows of an entry in use. While it is, the guest's entry is not believed
// again.
struct grant_active {
    uint32_t mfn; // the frame, referenced once; typed writable while writers > 0; 0: transitive
    uint16_t readers, writers; // uses; all 0: not in use
    domid_t user;              // the one domain that uses it
    uint16_t start, length;    // the part that may be copied, in bytes
    uint16_t pad;
};
_Static_assert(sizeof(struct grant_active) == 16, "256 of them in a page");

// A mapping that a domain has made of another's grant; named by its index, the handle.
struct grant_mapping {
    uint32_t owner; // frame_owner_id() of the granting domain, which is referenced
    uint32_t ref;   // the grant; in a free mapping the next free one's handle
    uint32_t mfn;
    uint16_t flags; // GNTMAP_device_map, _host_map, _readonly, _contains_pte; MAPPING_BUSY; 0: free
    uint16_t pad;
};
_Static_assert(sizeof(struct grant_mapping) == 16, "256 of them in a page");
#define MAPPING_BUSY (1u << 15) // some CPU is at work on it
#define NO_HANDLE    (~0u)

struct grant_table {
    spinlock_t lock; // the domain's table: all that comes before map_lock
    uint8_t version; // 1 or 2
    uint8_t max_version;
    bool dying; // grants nothing any more
    unsigned nr_frames, max_frames;
    unsigned nr_status_frames;    // kept once there, in version 1 too
    void **frames;                // shared with the guest: entries
    grant_status_t **status;      // shared with the guest: in-use flags of version 2
    struct grant_active **active; // pages

    spinlock_t map_lock; // the domain's mappings
    unsigned nr_map_pages, max_map_pages;
    uint32_t free_mapping;
    uint32_t release_next;           // progress of a preempted release
    struct grant_mapping **mappings; // pages; NULL until the first mapping
};

// A use of a grant, from grant_pin to grant_unpin.
struct grant_pin {
    struct domain *domain; // whose grant it is; the caller keeps it alive
    grant_ref_t ref;
    bool writable;
    struct frame *frame;
    uint16_t start, length; // the part of the frame that may be copied
    bool transitive;        // there is no frame: the grant passes on grant next_ref of next_domain
    domid_t next_domain;
    grant_ref_t next_ref;
};

// Starts the use of grant `ref` of d by `user`: checks the guest's entry, marks it in use and gets
// hold of the frame. for_copy admits parts of pages and transitive grants. GNTST_*.
int grant_pin(struct domain *d, grant_ref_t ref, domid_t user, bool writable, bool for_copy,
              struct grant_pin *pin);
// Ends it: the last one clears the guest's in-use flags.
void grant_unpin(struct domain *d, grant_ref_t ref, bool writable);

// Entries that the table has now; lock held.
unsigned grant_nr_entries(const struct grant_table *gt);
struct grant_active *grant_active(const struct grant_table *gt, grant_ref_t ref);
struct grant_entry_v1 *grant_v1(const struct grant_table *gt, grant_ref_t ref);
union grant_entry_v2 *grant_v2(const struct grant_table *gt, grant_ref_t ref);
grant_status_t *grant_status(const struct grant_table *gt, grant_ref_t ref);
// Makes the table at least nr_frames long, and the status frames what version 2 needs; lock held.
// -EINVAL: beyond the limit; -ENOMEM.
int grant_grow(struct domain *d, unsigned nr_frames);
// ... the status frames for the table's present length; lock held.
int grant_grow_status(struct domain *d);

// The domain that an operation names, which others than its own may only do if privileged. GNTST_*;
// a reference in *d.
int grant_get_domain(domid_t id, struct domain **d);

// An operation. It comes alone or as an array whose elements are gone through: each is copied in,
// fn works on the copy, and the part that holds results is copied back. fn returns 0, or -errno to
// give up. Some keep something from one element to the next: run provides for it, as `data`, and
// takes it down at the end.
struct grant_op {
    uint16_t size, out_offset, out_size;
    long (*fn)(void *op, void *data);
    long (*run)(const struct grant_op *op, uint64_t uop, unsigned count);
    bool single;
};

// Does as many elements as it may, from `uop` on, and returns how many, or -errno.
long grant_array(const struct grant_op *op, uint64_t uop, unsigned count, void *data);

long grant_map_op(void *op, void *data);
long grant_map_run(const struct grant_op *op, uint64_t uop, unsigned count);
long grant_unmap_op(void *op, void *data);
long grant_replace_op(void *op, void *data);
long grant_unmap_run(const struct grant_op *op, uint64_t uop, unsigned count);
long grant_copy_op(void *op, void *data);
long grant_copy_run(const struct grant_op *op, uint64_t uop, unsigned count);
long grant_set_version_op(void *op, void *data);

// Does the domain have a mapping of this frame?
bool grant_has_mapping(struct domain *d, mfn_t mfn);
