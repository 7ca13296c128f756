/*
 * The network device protocol: one ring of packets to send, one of buffers to receive into.
 *
 * A packet takes one or more slots, all but the last with "more_data". Where the first slot says
 * "extra_info", slots of netif_extra_info follow it before any further data.
 */
#pragma once

#include "../grant_table.h"
#include "ring.h"

#define XEN_NETIF_NR_SLOTS_MIN 18     /* what a back end must take in one packet */
#define XEN_NETIF_MAX_TX_SIZE  0xffff /* bytes of a packet */

/* netif_tx_request.flags */
#define _NETTXF_csum_blank     0 /* the checksum is only that of the pseudo header */
#define NETTXF_csum_blank      (1U << _NETTXF_csum_blank)
#define _NETTXF_data_validated 1 /* no checksum is needed */
#define NETTXF_data_validated  (1U << _NETTXF_data_validated)
#define _NETTXF_more_data      2
#define NETTXF_more_data       (1U << _NETTXF_more_data)
#define _NETTXF_extra_info     3
#define NETTXF_extra_info      (1U << _NETTXF_extra_info)

struct netif_tx_request {
    grant_ref_t gref;
    uint16_t offset; /* in the granted page */
    uint16_t flags;  /* NETTXF_* */
    uint16_t id;
    uint16_t size; /* in the first slot of the whole packet, in others of the slot */
};
typedef struct netif_tx_request netif_tx_request_t;
ABI_SIZE(struct netif_tx_request, 12);
ABI_OFFSET(struct netif_tx_request, size, 10);

/* Status of a transmission; of a reception it is the size if not negative. */
#define NETIF_RSP_DROPPED (-2)
#define NETIF_RSP_ERROR   (-1)
#define NETIF_RSP_OKAY    0
#define NETIF_RSP_NULL    1 /* answers an extra slot */

struct netif_tx_response {
    uint16_t id;
    int16_t status; /* NETIF_RSP_* */
};
typedef struct netif_tx_response netif_tx_response_t;
ABI_SIZE(struct netif_tx_response, 4);

/* netif_extra_info.type */
#define XEN_NETIF_EXTRA_TYPE_NONE      0
#define XEN_NETIF_EXTRA_TYPE_GSO       1
#define XEN_NETIF_EXTRA_TYPE_MCAST_ADD 2
#define XEN_NETIF_EXTRA_TYPE_MCAST_DEL 3
#define XEN_NETIF_EXTRA_TYPE_HASH      4
#define XEN_NETIF_EXTRA_TYPE_MAX       5

#define _XEN_NETIF_EXTRA_FLAG_MORE 0 /* another one follows */
#define XEN_NETIF_EXTRA_FLAG_MORE  (1U << _XEN_NETIF_EXTRA_FLAG_MORE)

#define XEN_NETIF_GSO_TYPE_NONE  0
#define XEN_NETIF_GSO_TYPE_TCPV4 1
#define XEN_NETIF_GSO_TYPE_TCPV6 2

struct netif_extra_info {
    uint8_t type;
    uint8_t flags;
    union {
        struct {
            uint16_t size; /* most payload of a segment */
            uint8_t type;  /* XEN_NETIF_GSO_TYPE_* */
            uint8_t pad;
            uint16_t features; /* 0 */
        } gso;
        struct {
            uint8_t addr[6];
        } mcast;
        struct {
            uint8_t type;      /* one of XEN_NETIF_CTRL_HASH_TYPE_* */
            uint8_t algorithm; /* XEN_NETIF_CTRL_HASH_ALGORITHM_* */
            uint8_t value[4];
        } hash;
        uint16_t pad[3];
    } u;
};
typedef struct netif_extra_info netif_extra_info_t;
ABI_SIZE(struct netif_extra_info, 8);
ABI_OFFSET(struct netif_extra_info, u, 2);

struct netif_rx_request {
    uint16_t id;
    uint16_t pad;
    grant_ref_t gref;
};
typedef struct netif_rx_request netif_rx_request_t;
ABI_SIZE(struct netif_rx_request, 8);

/* netif_rx_response.flags */
#define _NETRXF_data_validated 0
#define NETRXF_data_validated  (1U << _NETRXF_data_validated)
#define _NETRXF_csum_blank     1
#define NETRXF_csum_blank      (1U << _NETRXF_csum_blank)
#define _NETRXF_more_data      2
#define NETRXF_more_data       (1U << _NETRXF_more_data)
#define _NETRXF_extra_info     3
#define NETRXF_extra_info      (1U << _NETRXF_extra_info)
#define _NETRXF_gso_prefix     4
#define NETRXF_gso_prefix      (1U << _NETRXF_gso_prefix)

struct netif_rx_response {
    uint16_t id;
    uint16_t offset; /* in the granted page */
    uint16_t flags;  /* NETRXF_* */
    int16_t status;
};
typedef struct netif_rx_response netif_rx_response_t;
ABI_SIZE(struct netif_rx_response, 8);

SRING_TYPES(netif_tx, struct netif_tx_request, struct netif_tx_response);
ABI_SIZE(union netif_tx_sring_entry, 12);
SRING_TYPES(netif_rx, struct netif_rx_request, struct netif_rx_response);
ABI_SIZE(union netif_rx_sring_entry, 8);
