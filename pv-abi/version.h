/*
 * Who the hypervisor is: HYPERVISOR_xen_version(XENVER_*, argument).
 */
#pragma once

#include "features.h"
#include "types.h"

enum {
    XENVER_version = 0,             /* none; returns major << 16 | minor */
    XENVER_extraversion = 1,        /* xen_extraversion_t */
    XENVER_compile_info = 2,        /* xen_compile_info_t */
    XENVER_capabilities = 3,        /* xen_capabilities_info_t */
    XENVER_changeset = 4,           /* xen_changeset_info_t */
    XENVER_platform_parameters = 5, /* xen_platform_parameters_t */
    XENVER_get_features = 6,        /* xen_feature_info_t */
    XENVER_pagesize = 7,            /* none; returns bytes */
    XENVER_guest_handle = 8,        /* xen_domain_handle_t: the caller's UUID */
    XENVER_commandline = 9,         /* xen_commandline_t */
    XENVER_build_id = 10,           /* xen_build_id_t, or none to learn its length */
};

#define XEN_EXTRAVERSION_LEN      16
#define XEN_CAPABILITIES_INFO_LEN 1024
#define XEN_CHANGESET_INFO_LEN    64

/* NUL-terminated strings. Capabilities are names of supported guest kinds with blanks between. */
typedef char xen_extraversion_t[XEN_EXTRAVERSION_LEN];
typedef char xen_capabilities_info_t[XEN_CAPABILITIES_INFO_LEN];
typedef char xen_changeset_info_t[XEN_CHANGESET_INFO_LEN];
typedef char xen_commandline_t[1024];

struct xen_compile_info {
    char compiler[64];
    char compile_by[16];
    char compile_domain[32];
    char compile_date[32];
};
typedef struct xen_compile_info xen_compile_info_t;
ABI_SIZE(struct xen_compile_info, 144);

struct xen_platform_parameters {
    xen_ulong_t virt_start; /* first address that is the hypervisor's */
};
typedef struct xen_platform_parameters xen_platform_parameters_t;
ABI_SIZE(struct xen_platform_parameters, 8);

struct xen_feature_info {
    uint32_t submap_idx; /* which 32 features, below XENFEAT_NR_SUBMAPS */
    uint32_t submap;     /* out: bit n stands for feature 32 * submap_idx + n */
};
typedef struct xen_feature_info xen_feature_info_t;
ABI_SIZE(struct xen_feature_info, 8);

struct xen_build_id {
    uint32_t len; /* of buf, in bytes */
    unsigned char buf[];
};
typedef struct xen_build_id xen_build_id_t;
ABI_SIZE(struct xen_build_id, 4);
