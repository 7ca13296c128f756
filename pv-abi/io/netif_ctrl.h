/*
 * The control ring of the network device protocol: receive-side hashing, lasting grants.
 */
#pragma once

#include "../grant_table.h"
#include "ring.h"

enum {
    XEN_NETIF_CTRL_TYPE_INVALID = 0,
    XEN_NETIF_CTRL_TYPE_GET_HASH_FLAGS = 1,
    XEN_NETIF_CTRL_TYPE_SET_HASH_FLAGS = 2,
    XEN_NETIF_CTRL_TYPE_SET_HASH_KEY = 3,
    XEN_NETIF_CTRL_TYPE_GET_HASH_MAPPING_SIZE = 4,
    XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING_SIZE = 5,
    XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING = 6,
    XEN_NETIF_CTRL_TYPE_SET_HASH_ALGORITHM = 7,
    XEN_NETIF_CTRL_TYPE_GET_GREF_MAPPING_SIZE = 8,
    XEN_NETIF_CTRL_TYPE_ADD_GREF_MAPPING = 9,
    XEN_NETIF_CTRL_TYPE_DEL_GREF_MAPPING = 10,
};

struct xen_netif_ctrl_request {
    uint16_t id;
    uint16_t type; /* XEN_NETIF_CTRL_TYPE_* */
    uint32_t data[3];
};
ABI_SIZE(struct xen_netif_ctrl_request, 16);

enum {
    XEN_NETIF_CTRL_STATUS_SUCCESS = 0,
    XEN_NETIF_CTRL_STATUS_NOT_SUPPORTED = 1,
    XEN_NETIF_CTRL_STATUS_INVALID_PARAMETER = 2,
    XEN_NETIF_CTRL_STATUS_BUFFER_OVERFLOW = 3,
};

struct xen_netif_ctrl_response {
    uint16_t id;
    uint16_t type;
    uint32_t status; /* XEN_NETIF_CTRL_STATUS_* */
    uint32_t data;
};
ABI_SIZE(struct xen_netif_ctrl_response, 12);

/* What a hash is made of. */
#define _XEN_NETIF_CTRL_HASH_TYPE_IPV4     0
#define XEN_NETIF_CTRL_HASH_TYPE_IPV4      (1U << _XEN_NETIF_CTRL_HASH_TYPE_IPV4)
#define _XEN_NETIF_CTRL_HASH_TYPE_IPV4_TCP 1
#define XEN_NETIF_CTRL_HASH_TYPE_IPV4_TCP  (1U << _XEN_NETIF_CTRL_HASH_TYPE_IPV4_TCP)
#define _XEN_NETIF_CTRL_HASH_TYPE_IPV6     2
#define XEN_NETIF_CTRL_HASH_TYPE_IPV6      (1U << _XEN_NETIF_CTRL_HASH_TYPE_IPV6)
#define _XEN_NETIF_CTRL_HASH_TYPE_IPV6_TCP 3
#define XEN_NETIF_CTRL_HASH_TYPE_IPV6_TCP  (1U << _XEN_NETIF_CTRL_HASH_TYPE_IPV6_TCP)

#define XEN_NETIF_CTRL_HASH_ALGORITHM_NONE     0
#define XEN_NETIF_CTRL_HASH_ALGORITHM_TOEPLITZ 1

/* Entries of the page that {ADD,DEL}_GREF_MAPPING name. */
#define _XEN_NETIF_CTRLF_GREF_readonly 0
#define XEN_NETIF_CTRLF_GREF_readonly  (1U << _XEN_NETIF_CTRLF_GREF_readonly)

struct xen_netif_gref {
    grant_ref_t ref;
    uint16_t flags;  /* XEN_NETIF_CTRLF_GREF_* */
    uint16_t status; /* out: XEN_NETIF_CTRL_STATUS_* */
};
ABI_SIZE(struct xen_netif_gref, 8);

SRING_TYPES(xen_netif_ctrl, struct xen_netif_ctrl_request, struct xen_netif_ctrl_response);
ABI_SIZE(union xen_netif_ctrl_sring_entry, 16);
