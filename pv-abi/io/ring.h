/*
 * The page that a front end and a back end share: layout of a request/response ring.
 *
 * Behind a header of 64 bytes lies an array of entries, each of which holds a request and later
 * its response. The number of entries is the largest power of two that fits. Indexes run freely
 * and are reduced modulo that number only to find an entry.
 *
 * The front end writes req_prod and rsp_event, the back end rsp_prod and req_event. Whoever
 * moves a producer index past the other's event index sends an event:
 *   new - event < new - old, in arithmetic modulo 2^32,
 * and whoever wants to sleep sets his event index to his consumer index plus one and looks at
 * the ring once more.
 */
#pragma once

#include "../layout.h"

typedef uint32_t RING_IDX;

/* Declares union <name>_sring_entry and struct <name>_sring. */
#define SRING_TYPES(name, request, response)                       \
    union name##_sring_entry {                                     \
        request req;                                               \
        response rsp;                                              \
    };                                                             \
    struct name##_sring {                                          \
        RING_IDX req_prod;                                         \
        RING_IDX req_event;                                        \
        RING_IDX rsp_prod;                                         \
        RING_IDX rsp_event;                                        \
        union {                                                    \
            uint8_t pvt_pad[4];                                    \
        } pvt;                                                     \
        uint8_t __pad[44];                                         \
        union name##_sring_entry ring[1]; /* of variable length */ \
    };                                                             \
    typedef struct name##_sring name##_sring_t;                    \
    ABI_OFFSET(struct name##_sring, rsp_prod, 8);                  \
    ABI_OFFSET(struct name##_sring, ring, 64)
