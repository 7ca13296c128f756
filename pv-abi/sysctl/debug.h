/*
 * System control: debug keys, traces, counters, lock profiles, code coverage.
 */
#pragma once

#include "../types.h"

/* Act as if these had been typed on the console. */
struct xen_sysctl_debug_keys {
    XEN_GUEST_HANDLE_64(const char) keys;
    uint32_t nr_keys;
};
ABI_SIZE(struct xen_sysctl_debug_keys, 16);

#define XEN_SYSCTL_TBUFOP_get_info     0
#define XEN_SYSCTL_TBUFOP_set_cpu_mask 1
#define XEN_SYSCTL_TBUFOP_set_evt_mask 2
#define XEN_SYSCTL_TBUFOP_set_size     3
#define XEN_SYSCTL_TBUFOP_enable       4
#define XEN_SYSCTL_TBUFOP_disable      5

struct xen_sysctl_tbuf_op {
    uint32_t cmd; /* XEN_SYSCTL_TBUFOP_* */
    struct xenctl_bitmap cpu_mask;
    uint32_t evt_mask;
    uint64_t buffer_mfn; /* out */
    uint32_t size;       /* in pages for set, out in bytes */
};
ABI_SIZE(struct xen_sysctl_tbuf_op, 48);
ABI_OFFSET(struct xen_sysctl_tbuf_op, buffer_mfn, 32);

#define XEN_SYSCTL_PERFCOP_reset 1
#define XEN_SYSCTL_PERFCOP_query 2

struct xen_sysctl_perfc_desc {
    char name[80];
    uint32_t nr_vals;
};
typedef struct xen_sysctl_perfc_desc xen_sysctl_perfc_desc_t;
ABI_SIZE(struct xen_sysctl_perfc_desc, 84);

typedef uint32_t xen_sysctl_perfc_val_t;

struct xen_sysctl_perfc_op {
    uint32_t cmd;
    uint32_t nr_counters; /* out */
    uint32_t nr_vals;     /* out */
    XEN_GUEST_HANDLE_64(xen_sysctl_perfc_desc_t) desc;
    XEN_GUEST_HANDLE_64(xen_sysctl_perfc_val_t) val;
};
ABI_SIZE(struct xen_sysctl_perfc_op, 32);

#define XEN_SYSCTL_LOCKPROF_reset 1
#define XEN_SYSCTL_LOCKPROF_query 2

#define LOCKPROF_TYPE_GLOBAL 0
#define LOCKPROF_TYPE_PERDOM 1
#define LOCKPROF_TYPE_N      2

struct xen_sysctl_lockprof_data {
    char name[40];
    int32_t type; /* LOCKPROF_TYPE_* */
    int32_t idx;  /* the domain, for that type */
    uint64_t lock_cnt;
    uint64_t block_cnt;
    uint64_t lock_time; /* in ns */
    uint64_t block_time;
};
typedef struct xen_sysctl_lockprof_data xen_sysctl_lockprof_data_t;
ABI_SIZE(struct xen_sysctl_lockprof_data, 80);

struct xen_sysctl_lockprof_op {
    uint32_t cmd;
    uint32_t max_elem;
    uint32_t nr_elem; /* out */
    uint64_t time;    /* out: profiled, in ns */
    XEN_GUEST_HANDLE_64(xen_sysctl_lockprof_data_t) data;
};
ABI_SIZE(struct xen_sysctl_lockprof_op, 32);

#define XEN_GCOV_FORMAT_MAGIC 0x58434f56

#define XEN_SYSCTL_COVERAGE_get_size 0
#define XEN_SYSCTL_COVERAGE_read     1
#define XEN_SYSCTL_COVERAGE_reset    2

struct xen_sysctl_coverage_op {
    uint32_t cmd;
    uint32_t size; /* in and out, in bytes */
    XEN_GUEST_HANDLE_64(char) buffer;
};
ABI_SIZE(struct xen_sysctl_coverage_op, 16);
