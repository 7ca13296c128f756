/*
 * The block device protocol.
 *
 * Sectors in requests are of 512 bytes, whatever the device's own sector size.
 */
#pragma once

#include "../grant_table.h"
#include "ring.h"

typedef uint16_t blkif_vdev_t;
typedef uint64_t blkif_sector_t;

#define BLKIF_OP_READ            0
#define BLKIF_OP_WRITE           1
#define BLKIF_OP_WRITE_BARRIER   2 /* if "feature-barrier" */
#define BLKIF_OP_FLUSH_DISKCACHE 3 /* if "feature-flush-cache" */
#define BLKIF_OP_RESERVED_1      4
#define BLKIF_OP_DISCARD         5 /* if "feature-discard" */
#define BLKIF_OP_INDIRECT        6 /* if "feature-max-indirect-segments" */

#define BLKIF_MAX_SEGMENTS_PER_REQUEST       11
#define BLKIF_MAX_INDIRECT_PAGES_PER_REQUEST 8

/* A part of one granted page; both sectors included. */
struct blkif_request_segment {
    grant_ref_t gref;
    uint8_t first_sect;
    uint8_t last_sect;
};
ABI_SIZE(struct blkif_request_segment, 8);

struct blkif_request {
    uint8_t operation; /* BLKIF_OP_* */
    uint8_t nr_segments;
    blkif_vdev_t handle;
    uint64_t id; /* the front end's own, returned in the response */
    blkif_sector_t sector_number;
    struct blkif_request_segment seg[BLKIF_MAX_SEGMENTS_PER_REQUEST];
};
typedef struct blkif_request blkif_request_t;
ABI_SIZE(struct blkif_request, 112);
ABI_OFFSET(struct blkif_request, id, 8);
ABI_OFFSET(struct blkif_request, seg, 24);

#define BLKIF_DISCARD_SECURE (1 << 0) /* if "discard-secure" */

/* BLKIF_OP_DISCARD */
struct blkif_request_discard {
    uint8_t operation;
    uint8_t flag; /* BLKIF_DISCARD_* */
    blkif_vdev_t handle;
    uint64_t id;
    blkif_sector_t sector_number;
    uint64_t nr_sectors;
};
typedef struct blkif_request_discard blkif_request_discard_t;
ABI_SIZE(struct blkif_request_discard, 32);

/* BLKIF_OP_INDIRECT: the segments lie in granted pages, 512 in each. */
struct blkif_request_indirect {
    uint8_t operation;
    uint8_t indirect_op; /* BLKIF_OP_READ or BLKIF_OP_WRITE */
    uint16_t nr_segments;
    uint64_t id;
    blkif_sector_t sector_number;
    blkif_vdev_t handle;
    grant_ref_t indirect_grefs[BLKIF_MAX_INDIRECT_PAGES_PER_REQUEST];
};
typedef struct blkif_request_indirect blkif_request_indirect_t;
ABI_SIZE(struct blkif_request_indirect, 64);
ABI_OFFSET(struct blkif_request_indirect, handle, 24);
ABI_OFFSET(struct blkif_request_indirect, indirect_grefs, 28);

#define BLKIF_RSP_EOPNOTSUPP (-2)
#define BLKIF_RSP_ERROR      (-1)
#define BLKIF_RSP_OKAY       0

struct blkif_response {
    uint64_t id;
    uint8_t operation; /* as in the request */
    int16_t status;    /* BLKIF_RSP_* */
};
typedef struct blkif_response blkif_response_t;
ABI_SIZE(struct blkif_response, 16);
ABI_OFFSET(struct blkif_response, status, 10);

SRING_TYPES(blkif, struct blkif_request, struct blkif_response);
ABI_SIZE(union blkif_sring_entry, 112);

/* The "info" node of the back end. */
#define VDISK_CDROM     0x1
#define VDISK_REMOVABLE 0x2
#define VDISK_READONLY  0x4
