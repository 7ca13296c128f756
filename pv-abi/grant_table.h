/*
 * Grant tables: HYPERVISOR_grant_table_op(GNTTABOP_*, arguments, count).
 *
 * A domain lets others use its frames by filling in entries of its table, which the hypervisor
 * shares with it; the index of an entry is the grant reference that it hands out. Results come
 * back in each argument's `status`, as GNTST_*.
 */
#pragma once

#include "types.h"

typedef uint32_t grant_ref_t;
typedef uint32_t grant_handle_t; /* names a mapping, within the domain that made it */
typedef uint16_t grant_status_t; /* v2: the GTF_reading and GTF_writing of an entry */

/* References at the start of the table that the tool stack uses. */
#define GNTTAB_NR_RESERVED_ENTRIES 8
#define GNTTAB_RESERVED_CONSOLE    0
#define GNTTAB_RESERVED_XENSTORE   1

/* Entry flags: type. */
#define GTF_invalid         0U
#define GTF_permit_access   1U
#define GTF_accept_transfer 2U
#define GTF_transitive      3U
#define GTF_type_mask       3U

/* Entry flags of accessible frames. Reading and writing are set by the hypervisor. */
#define _GTF_readonly 2
#define GTF_readonly  (1U << _GTF_readonly)
#define _GTF_reading  3
#define GTF_reading   (1U << _GTF_reading)
#define _GTF_writing  4
#define GTF_writing   (1U << _GTF_writing)
#define _GTF_PWT      5
#define GTF_PWT       (1U << _GTF_PWT)
#define _GTF_PCD      6
#define GTF_PCD       (1U << _GTF_PCD)
#define _GTF_PAT      7
#define GTF_PAT       (1U << _GTF_PAT)
#define _GTF_sub_page 8
#define GTF_sub_page  (1U << _GTF_sub_page)

/* Entry flags of transfers, set by the hypervisor. */
#define _GTF_transfer_committed 2
#define GTF_transfer_committed  (1U << _GTF_transfer_committed)
#define _GTF_transfer_completed 3
#define GTF_transfer_completed  (1U << _GTF_transfer_completed)

struct grant_entry_v1 {
    uint16_t flags; /* GTF_*; written last */
    domid_t domid;  /* who may use it */
    uint32_t frame;
};
typedef struct grant_entry_v1 grant_entry_v1_t;
ABI_SIZE(struct grant_entry_v1, 8);
ABI_OFFSET(struct grant_entry_v1, frame, 4);

struct grant_entry_header {
    uint16_t flags;
    domid_t domid;
};
typedef struct grant_entry_header grant_entry_header_t;
ABI_SIZE(struct grant_entry_header, 4);

union grant_entry_v2 {
    grant_entry_header_t hdr;
    struct {
        grant_entry_header_t hdr;
        uint32_t pad0;
        uint64_t frame;
    } full_page;
    struct {
        grant_entry_header_t hdr;
        uint16_t page_off; /* in bytes */
        uint16_t length;
        uint64_t frame;
    } sub_page; /* GTF_sub_page: may be copied, not mapped */
    struct {
        grant_entry_header_t hdr;
        domid_t trans_domid; /* passes on a grant of this domain */
        uint16_t pad0;
        grant_ref_t gref;
    } transitive; /* GTF_transitive: may be copied, not mapped */
    uint32_t __spacer[4];
};
typedef union grant_entry_v2 grant_entry_v2_t;
ABI_SIZE(union grant_entry_v2, 16);
ABI_OFFSET(union grant_entry_v2, full_page.frame, 8);
ABI_OFFSET(union grant_entry_v2, sub_page.length, 6);
ABI_OFFSET(union grant_entry_v2, transitive.gref, 8);

enum {
    GNTTABOP_map_grant_ref = 0,
    GNTTABOP_unmap_grant_ref = 1,
    GNTTABOP_setup_table = 2,
    GNTTABOP_dump_table = 3,
    GNTTABOP_transfer = 4,
    GNTTABOP_copy = 5,
    GNTTABOP_query_size = 6,
    GNTTABOP_unmap_and_replace = 7,
    GNTTABOP_set_version = 8,
    GNTTABOP_get_status_frames = 9,
    GNTTABOP_get_version = 10,
    GNTTABOP_swap_grant_ref = 11,
    GNTTABOP_cache_flush = 12,
};

/* gnttab_map_grant_ref.flags */
#define _GNTMAP_device_map      0 /* for the caller's devices: gives dev_bus_addr */
#define GNTMAP_device_map       (1U << _GNTMAP_device_map)
#define _GNTMAP_host_map        1 /* into the caller's address space, at host_addr */
#define GNTMAP_host_map         (1U << _GNTMAP_host_map)
#define _GNTMAP_readonly        2
#define GNTMAP_readonly         (1U << _GNTMAP_readonly)
#define _GNTMAP_application_map 3 /* for user mode too */
#define GNTMAP_application_map  (1U << _GNTMAP_application_map)
#define _GNTMAP_contains_pte    4 /* host_addr is the machine address of a page-table entry */
#define GNTMAP_contains_pte     (1U << _GNTMAP_contains_pte)
#define _GNTMAP_guest_avail0    16 /* from here on: the available bits of the entry */
#define GNTMAP_guest_avail_mask (~0U << _GNTMAP_guest_avail0)

struct gnttab_map_grant_ref {
    uint64_t host_addr;
    uint32_t flags; /* GNTMAP_* */
    grant_ref_t ref;
    domid_t dom;           /* whose grant it is */
    int16_t status;        /* out: GNTST_* */
    grant_handle_t handle; /* out */
    uint64_t dev_bus_addr; /* out */
};
typedef struct gnttab_map_grant_ref gnttab_map_grant_ref_t;
ABI_SIZE(struct gnttab_map_grant_ref, 32);
ABI_OFFSET(struct gnttab_map_grant_ref, dom, 16);
ABI_OFFSET(struct gnttab_map_grant_ref, status, 18);
ABI_OFFSET(struct gnttab_map_grant_ref, dev_bus_addr, 24);

/* An address of 0 leaves that mapping alone. */
struct gnttab_unmap_grant_ref {
    uint64_t host_addr;
    uint64_t dev_bus_addr;
    grant_handle_t handle;
    int16_t status; /* out */
};
typedef struct gnttab_unmap_grant_ref gnttab_unmap_grant_ref_t;
ABI_SIZE(struct gnttab_unmap_grant_ref, 24);
ABI_OFFSET(struct gnttab_unmap_grant_ref, status, 20);

struct gnttab_setup_table {
    domid_t dom;
    uint32_t nr_frames;                     /* the table grows to this size */
    int16_t status;                         /* out */
    XEN_GUEST_HANDLE(xen_pfn_t) frame_list; /* out */
};
typedef struct gnttab_setup_table gnttab_setup_table_t;
ABI_SIZE(struct gnttab_setup_table, 24);
ABI_OFFSET(struct gnttab_setup_table, frame_list, 16);

struct gnttab_dump_table {
    domid_t dom;
    int16_t status; /* out */
};
typedef struct gnttab_dump_table gnttab_dump_table_t;
ABI_SIZE(struct gnttab_dump_table, 4);

struct gnttab_transfer {
    xen_pfn_t mfn;
    domid_t domid; /* who gets it */
    grant_ref_t ref;
    int16_t status; /* out */
};
typedef struct gnttab_transfer gnttab_transfer_t;
ABI_SIZE(struct gnttab_transfer, 24);

/* gnttab_copy.flags: the place is a grant of `domid`, not a frame of it. */
#define _GNTCOPY_source_gref 0
#define GNTCOPY_source_gref  (1U << _GNTCOPY_source_gref)
#define _GNTCOPY_dest_gref   1
#define GNTCOPY_dest_gref    (1U << _GNTCOPY_dest_gref)

struct gnttab_copy {
    struct gnttab_copy_ptr {
        union {
            grant_ref_t ref;
            xen_pfn_t gmfn;
        } u;
        domid_t domid;
        uint16_t offset; /* in the page, in bytes */
    } source, dest;
    uint16_t len;
    uint16_t flags; /* GNTCOPY_* */
    int16_t status; /* out */
};
typedef struct gnttab_copy gnttab_copy_t;
ABI_SIZE(struct gnttab_copy_ptr, 16);
ABI_SIZE(struct gnttab_copy, 40);
ABI_OFFSET(struct gnttab_copy, source.offset, 10);
ABI_OFFSET(struct gnttab_copy, dest, 16);
ABI_OFFSET(struct gnttab_copy, len, 32);

struct gnttab_query_size {
    domid_t dom;
    uint32_t nr_frames;     /* out */
    uint32_t max_nr_frames; /* out */
    int16_t status;         /* out */
};
typedef struct gnttab_query_size gnttab_query_size_t;
ABI_SIZE(struct gnttab_query_size, 16);

/* Unmap, and let the entry for new_addr move to host_addr. */
struct gnttab_unmap_and_replace {
    uint64_t host_addr;
    uint64_t new_addr;
    grant_handle_t handle;
    int16_t status; /* out */
};
typedef struct gnttab_unmap_and_replace gnttab_unmap_and_replace_t;
ABI_SIZE(struct gnttab_unmap_and_replace, 24);

struct gnttab_set_version {
    uint32_t version; /* in: 1 or 2; out: the one in force */
};
typedef struct gnttab_set_version gnttab_set_version_t;
ABI_SIZE(struct gnttab_set_version, 4);

struct gnttab_get_status_frames {
    uint32_t nr_frames;
    domid_t dom;
    int16_t status;                        /* out */
    XEN_GUEST_HANDLE(uint64_t) frame_list; /* out */
};
typedef struct gnttab_get_status_frames gnttab_get_status_frames_t;
ABI_SIZE(struct gnttab_get_status_frames, 16);

struct gnttab_get_version {
    domid_t dom;
    uint16_t pad;
    uint32_t version; /* out */
};
typedef struct gnttab_get_version gnttab_get_version_t;
ABI_SIZE(struct gnttab_get_version, 8);

struct gnttab_swap_grant_ref {
    grant_ref_t ref_a;
    grant_ref_t ref_b;
    int16_t status; /* out */
};
typedef struct gnttab_swap_grant_ref gnttab_swap_grant_ref_t;
ABI_SIZE(struct gnttab_swap_grant_ref, 12);

#define GNTTAB_CACHE_CLEAN       (1U << 0)
#define GNTTAB_CACHE_INVAL       (1U << 1)
#define GNTTAB_CACHE_SOURCE_GREF (1U << 31)

struct gnttab_cache_flush {
    union {
        uint64_t dev_bus_addr;
        grant_ref_t ref; /* GNTTAB_CACHE_SOURCE_GREF */
    } a;
    uint16_t offset;
    uint16_t length;
    uint32_t op; /* GNTTAB_CACHE_* */
};
typedef struct gnttab_cache_flush gnttab_cache_flush_t;
ABI_SIZE(struct gnttab_cache_flush, 16);

/* Status of one operation. */
#define GNTST_okay              0
#define GNTST_general_error     (-1)
#define GNTST_bad_domain        (-2)
#define GNTST_bad_gntref        (-3)
#define GNTST_bad_handle        (-4)
#define GNTST_bad_virt_addr     (-5)
#define GNTST_bad_dev_addr      (-6)
#define GNTST_no_device_space   (-7)
#define GNTST_permission_denied (-8)
#define GNTST_bad_page          (-9)
#define GNTST_bad_copy_arg      (-10)
#define GNTST_address_too_big   (-11)
#define GNTST_eagain            (-12)
#define GNTST_no_space          (-13)
