/*
 * The xenstore wire protocol: messages, and the page that carries them to a guest.
 *
 * A message is an xsd_sockmsg and `len` bytes after it. A reply repeats type, req_id and tx_id,
 * or is of type XS_ERROR with the name of an error number as its text.
 */
#pragma once

#include "../layout.h"

enum xsd_sockmsg_type {
    XS_CONTROL = 0,
    XS_DIRECTORY = 1,
    XS_READ = 2,
    XS_GET_PERMS = 3,
    XS_WATCH = 4,
    XS_UNWATCH = 5,
    XS_TRANSACTION_START = 6,
    XS_TRANSACTION_END = 7,
    XS_INTRODUCE = 8,
    XS_RELEASE = 9,
    XS_GET_DOMAIN_PATH = 10,
    XS_WRITE = 11,
    XS_MKDIR = 12,
    XS_RM = 13,
    XS_SET_PERMS = 14,
    XS_WATCH_EVENT = 15,
    XS_ERROR = 16,
    XS_IS_DOMAIN_INTRODUCED = 17,
    XS_RESUME = 18,
    XS_SET_TARGET = 19,
    XS_RESET_WATCHES = 21, /* 20 was taken back */
    XS_DIRECTORY_PART = 22,

    XS_TYPE_COUNT = 23,
    XS_INVALID = 0xffff,
};
#define XS_DEBUG XS_CONTROL

/* Old names of ways to write. */
#define XS_WRITE_NONE        "NONE"
#define XS_WRITE_CREATE      "CREATE"
#define XS_WRITE_CREATE_EXCL "CREATE|EXCL"

/* The errors that may be named; X(name) for each. What is not listed is sent as EINVAL. */
#define XSD_ERROR_LIST(X) \
    X(EINVAL)             \
    X(EACCES)             \
    X(EEXIST)             \
    X(EISDIR)             \
    X(ENOENT)             \
    X(ENOMEM)             \
    X(ENOSPC)             \
    X(EIO)                \
    X(ENOTEMPTY)          \
    X(ENOSYS)             \
    X(EROFS)              \
    X(EBUSY)              \
    X(EAGAIN)             \
    X(EISCONN)            \
    X(E2BIG)              \
    X(EPERM)

struct xsd_sockmsg {
    uint32_t type;   /* XS_* */
    uint32_t req_id; /* the client's own */
    uint32_t tx_id;  /* 0: in no transaction */
    uint32_t len;    /* in bytes, at most XENSTORE_PAYLOAD_MAX */
};
ABI_SIZE(struct xsd_sockmsg, 16);

/* The two texts of an XS_WATCH_EVENT. */
enum xs_watch_type {
    XS_WATCH_PATH = 0,
    XS_WATCH_TOKEN = 1,
};

#define XENSTORE_PAYLOAD_MAX  4096
#define XENSTORE_ABS_PATH_MAX 3072
#define XENSTORE_REL_PATH_MAX 2048

#define XENSTORE_RING_SIZE 1024
typedef uint32_t XENSTORE_RING_IDX;
#define MASK_XENSTORE_IDX(idx) ((idx) & (XENSTORE_RING_SIZE - 1))

/* xenstore_domain_interface.server_features */
#define XENSTORE_SERVER_FEATURE_RECONNECTION 1
#define XENSTORE_SERVER_FEATURE_ERROR        2 /* `error` is filled in */

/* .connection: the guest asks for a fresh start and waits until the server has granted it. */
#define XENSTORE_CONNECTED 0
#define XENSTORE_RECONNECT 1

/* .error */
#define XENSTORE_ERROR_NONE    0
#define XENSTORE_ERROR_COMM    1
#define XENSTORE_ERROR_RINGIDX 2
#define XENSTORE_ERROR_PROTO   3

struct xenstore_domain_interface {
    char req[XENSTORE_RING_SIZE]; /* to the server */
    char rsp[XENSTORE_RING_SIZE]; /* replies and watch events */
    XENSTORE_RING_IDX req_cons;
    XENSTORE_RING_IDX req_prod;
    XENSTORE_RING_IDX rsp_cons;
    XENSTORE_RING_IDX rsp_prod;
    uint32_t server_features;
    uint32_t connection;
    uint32_t error;
};
ABI_SIZE(struct xenstore_domain_interface, 2076);
ABI_OFFSET(struct xenstore_domain_interface, req_cons, 2048);
ABI_OFFSET(struct xenstore_domain_interface, server_features, 2064);
ABI_OFFSET(struct xenstore_domain_interface, error, 2072);
