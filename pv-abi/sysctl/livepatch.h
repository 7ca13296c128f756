/*
 * System control: patches to the running hypervisor.
 */
#pragma once

#include "../types.h"

#define LIVEPATCH_PAYLOAD_VERSION 2

#define XEN_LIVEPATCH_NAME_SIZE 128

struct xen_livepatch_name {
    XEN_GUEST_HANDLE_64(char) name;
    uint16_t size; /* with the NUL, at most XEN_LIVEPATCH_NAME_SIZE */
    uint16_t pad[3];
};
ABI_SIZE(struct xen_livepatch_name, 16);

#define XEN_SYSCTL_LIVEPATCH_UPLOAD 0
#define XEN_SYSCTL_LIVEPATCH_GET    1
#define XEN_SYSCTL_LIVEPATCH_LIST   2
#define XEN_SYSCTL_LIVEPATCH_ACTION 3

struct xen_sysctl_livepatch_upload {
    struct xen_livepatch_name name;
    uint64_t size;
    XEN_GUEST_HANDLE_64(uint8_t) payload; /* an ELF file */
};
ABI_SIZE(struct xen_sysctl_livepatch_upload, 32);

#define LIVEPATCH_STATE_CHECKED 1
#define LIVEPATCH_STATE_APPLIED 2

struct xen_livepatch_status {
    uint32_t state; /* LIVEPATCH_STATE_* */
    int32_t rc;     /* 0, -errno, or -XEN_EAGAIN while an action runs */
};
typedef struct xen_livepatch_status xen_livepatch_status_t;
ABI_SIZE(struct xen_livepatch_status, 8);

struct xen_sysctl_livepatch_get {
    struct xen_livepatch_name name;
    struct xen_livepatch_status status; /* out */
};
ABI_SIZE(struct xen_sysctl_livepatch_get, 24);

struct xen_sysctl_livepatch_list {
    uint32_t version; /* out: changes with the list */
    uint32_t idx;     /* where to start */
    uint32_t nr;      /* in: room; out: patches */
    uint32_t pad;
    uint32_t name_total_size; /* out, in bytes */
    uint32_t metadata_total_size;
    XEN_GUEST_HANDLE_64(xen_livepatch_status_t) status;
    XEN_GUEST_HANDLE_64(char) name;
    XEN_GUEST_HANDLE_64(uint32_t) len;
    XEN_GUEST_HANDLE_64(char) metadata;
    XEN_GUEST_HANDLE_64(uint32_t) metadata_len;
};
ABI_SIZE(struct xen_sysctl_livepatch_list, 64);
ABI_OFFSET(struct xen_sysctl_livepatch_list, status, 24);

#define LIVEPATCH_ACTION_UNLOAD       1
#define LIVEPATCH_ACTION_REVERT       2
#define LIVEPATCH_ACTION_APPLY        3
#define LIVEPATCH_ACTION_REPLACE      4
#define LIVEPATCH_ACTION_APPLY_NODEPS (1U << 0) /* flags: do not look at dependencies */

struct xen_sysctl_livepatch_action {
    struct xen_livepatch_name name;
    uint32_t cmd;     /* LIVEPATCH_ACTION_* */
    uint32_t timeout; /* in ns; 0: the hypervisor's default */
    uint32_t flags;
    uint32_t pad;
};
ABI_SIZE(struct xen_sysctl_livepatch_action, 32);

struct xen_sysctl_livepatch_op {
    uint32_t cmd; /* XEN_SYSCTL_LIVEPATCH_* */
    uint32_t pad;
    union {
        struct xen_sysctl_livepatch_upload upload;
        struct xen_sysctl_livepatch_list list;
        struct xen_sysctl_livepatch_get get;
        struct xen_sysctl_livepatch_action action;
    } u;
};
ABI_SIZE(struct xen_sysctl_livepatch_op, 72);
ABI_OFFSET(struct xen_sysctl_livepatch_op, u, 8);
