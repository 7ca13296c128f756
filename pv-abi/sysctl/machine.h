/*
 * System control: the console, the machine's memory, the domains there are.
 */
#pragma once

#include "../domctl/domain.h"
#include "../types.h"

/* Read the hypervisor's console ring. */
struct xen_sysctl_readconsole {
    uint8_t clear;       /* empty the ring afterwards */
    uint8_t incremental; /* start at `index`, as a former call left it */
    uint8_t pad0;
    uint8_t pad1;
    uint32_t index; /* in and out */
    XEN_GUEST_HANDLE_64(char) buffer;
    uint32_t count; /* in and out, in bytes */
};
ABI_SIZE(struct xen_sysctl_readconsole, 24);
ABI_OFFSET(struct xen_sysctl_readconsole, count, 16);

/* physinfo.capabilities */
#define _XEN_SYSCTL_PHYSCAP_hvm                0
#define XEN_SYSCTL_PHYSCAP_hvm                 (1U << _XEN_SYSCTL_PHYSCAP_hvm)
#define _XEN_SYSCTL_PHYSCAP_pv                 1
#define XEN_SYSCTL_PHYSCAP_pv                  (1U << _XEN_SYSCTL_PHYSCAP_pv)
#define _XEN_SYSCTL_PHYSCAP_directio           2 /* there is an IOMMU */
#define XEN_SYSCTL_PHYSCAP_directio            (1U << _XEN_SYSCTL_PHYSCAP_directio)
#define _XEN_SYSCTL_PHYSCAP_hap                3
#define XEN_SYSCTL_PHYSCAP_hap                 (1U << _XEN_SYSCTL_PHYSCAP_hap)
#define _XEN_SYSCTL_PHYSCAP_shadow             4
#define XEN_SYSCTL_PHYSCAP_shadow              (1U << _XEN_SYSCTL_PHYSCAP_shadow)
#define _XEN_SYSCTL_PHYSCAP_iommu_hap_pt_share 5
#define XEN_SYSCTL_PHYSCAP_iommu_hap_pt_share  (1U << _XEN_SYSCTL_PHYSCAP_iommu_hap_pt_share)
#define XEN_SYSCTL_PHYSCAP_vmtrace             (1U << 6)
#define XEN_SYSCTL_PHYSCAP_vpmu                (1U << 7)
#define XEN_SYSCTL_PHYSCAP_gnttab_v1           (1U << 8)
#define XEN_SYSCTL_PHYSCAP_gnttab_v2           (1U << 9)
#define XEN_SYSCTL_PHYSCAP_MAX                 XEN_SYSCTL_PHYSCAP_gnttab_v2

/* All out. */
struct xen_sysctl_physinfo {
    uint32_t threads_per_core;
    uint32_t cores_per_socket;
    uint32_t nr_cpus;    /* online */
    uint32_t max_cpu_id; /* possible */
    uint32_t nr_nodes;
    uint32_t max_node_id;
    uint32_t cpu_khz;
    uint32_t capabilities; /* XEN_SYSCTL_PHYSCAP_* */
    uint32_t arch_capabilities;
    uint32_t pad;
    uint64_t total_pages;
    uint64_t free_pages;
    uint64_t scrub_pages;
    uint64_t outstanding_pages; /* claimed and not yet allocated */
    uint64_t max_mfn;
    uint32_t hw_cap[8]; /* the first words of the CPU feature set */
};
ABI_SIZE(struct xen_sysctl_physinfo, 112);
ABI_OFFSET(struct xen_sysctl_physinfo, total_pages, 40);
ABI_OFFSET(struct xen_sysctl_physinfo, hw_cap, 80);

struct xen_sysctl_getdomaininfolist {
    domid_t first_domain;
    uint32_t max_domains;
    XEN_GUEST_HANDLE_64(xen_domctl_getdomaininfo_t) buffer;
    uint32_t num_domains; /* out */
};
ABI_SIZE(struct xen_sysctl_getdomaininfolist, 24);
ABI_OFFSET(struct xen_sysctl_getdomaininfolist, num_domains, 16);

struct xen_sysctl_availheap {
    uint32_t min_bitwidth; /* of the addresses that count; 0: no bound */
    uint32_t max_bitwidth;
    int32_t node;         /* -1: all */
    uint64_t avail_bytes; /* out */
};
ABI_SIZE(struct xen_sysctl_availheap, 24);

/* Take frames out of use, or back into it. */
#define sysctl_page_offline       1
#define sysctl_page_online        2
#define sysctl_query_page_offline 3

struct xen_sysctl_page_offline_op {
    uint32_t cmd;
    uint32_t start; /* frames, `end` itself included */
    uint32_t end;
    XEN_GUEST_HANDLE(uint32_t) status; /* out: PG_* for each */
};
ABI_SIZE(struct xen_sysctl_page_offline_op, 24);
ABI_OFFSET(struct xen_sysctl_page_offline_op, status, 16);

#define PG_OFFLINE_STATUS_MASK 0xffU

/* Answers of offline and online. */
#define PG_OFFLINE_INVALID  (1U << 0)
#define PG_OFFLINE_OFFLINED (1U << 1)
#define PG_OFFLINE_PENDING  (1U << 2)
#define PG_OFFLINE_FAILED   (1U << 3)
#define PG_OFFLINE_AGAIN    (1U << 4)
#define PG_ONLINE_FAILED    PG_OFFLINE_FAILED
#define PG_ONLINE_ONLINED   PG_OFFLINE_OFFLINED

/* Answers of query. */
#define PG_OFFLINE_STATUS_OFFLINED        (1U << 1)
#define PG_OFFLINE_STATUS_ONLINE          (1U << 2)
#define PG_OFFLINE_STATUS_OFFLINE_PENDING (1U << 3)
#define PG_OFFLINE_STATUS_BROKEN          (1U << 4)

/* What kind of frame it was; its owner is above PG_OFFLINE_OWNER_SHIFT. */
#define PG_OFFLINE_MISC_MASK    (0xffU << 4)
#define PG_OFFLINE_XENPAGE      (1U << 8)
#define PG_OFFLINE_DOM0PAGE     (1U << 9)
#define PG_OFFLINE_ANONYMOUS    (1U << 10)
#define PG_OFFLINE_NOT_CONV_RAM (1U << 11)
#define PG_OFFLINE_OWNED        (1U << 12)
#define PG_OFFLINE_BROKEN       (1U << 13)
#define PG_ONLINE_BROKEN        PG_OFFLINE_BROKEN
#define PG_OFFLINE_OWNER_SHIFT  16
