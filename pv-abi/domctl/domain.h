/*
 * Domain control: making a domain, and what is known of one.
 */
#pragma once

#include "../arch-x86/domain.h"
#include "../types.h"

/* createdomain.flags */
#define _XEN_DOMCTL_CDF_hvm          0 /* hardware-virtualised, not PV */
#define XEN_DOMCTL_CDF_hvm           (1U << _XEN_DOMCTL_CDF_hvm)
#define _XEN_DOMCTL_CDF_hap          1 /* nested paging */
#define XEN_DOMCTL_CDF_hap           (1U << _XEN_DOMCTL_CDF_hap)
#define _XEN_DOMCTL_CDF_s3_integrity 2
#define XEN_DOMCTL_CDF_s3_integrity  (1U << _XEN_DOMCTL_CDF_s3_integrity)
#define _XEN_DOMCTL_CDF_oos_off      3
#define XEN_DOMCTL_CDF_oos_off       (1U << _XEN_DOMCTL_CDF_oos_off)
#define _XEN_DOMCTL_CDF_xs_domain    4 /* runs xenstored */
#define XEN_DOMCTL_CDF_xs_domain     (1U << _XEN_DOMCTL_CDF_xs_domain)
#define _XEN_DOMCTL_CDF_iommu        5 /* may be given devices */
#define XEN_DOMCTL_CDF_iommu         (1U << _XEN_DOMCTL_CDF_iommu)
#define _XEN_DOMCTL_CDF_nested_virt  6
#define XEN_DOMCTL_CDF_nested_virt   (1U << _XEN_DOMCTL_CDF_nested_virt)
#define XEN_DOMCTL_CDF_vpmu          (1U << 7)
#define XEN_DOMCTL_CDF_MAX           XEN_DOMCTL_CDF_vpmu

/* createdomain.iommu_opts */
#define _XEN_DOMCTL_IOMMU_no_sharept 0 /* page tables of its own for the IOMMU */
#define XEN_DOMCTL_IOMMU_no_sharept  (1U << _XEN_DOMCTL_IOMMU_no_sharept)
#define XEN_DOMCTL_IOMMU_MAX         XEN_DOMCTL_IOMMU_no_sharept

/* createdomain.grant_opts: the highest grant table version allowed. */
#define XEN_DOMCTL_GRANT_version_mask     0xf
#define XEN_DOMCTL_GRANT_version(version) ((version)&XEN_DOMCTL_GRANT_version_mask)

struct xen_domctl_createdomain {
    uint32_t ssidref;
    xen_domain_handle_t handle;
    uint32_t flags;      /* XEN_DOMCTL_CDF_* */
    uint32_t iommu_opts; /* XEN_DOMCTL_IOMMU_* */
    uint32_t max_vcpus;
    uint32_t max_evtchn_port;
    int32_t max_grant_frames; /* negative: the hypervisor's default */
    int32_t max_maptrack_frames;
    uint32_t grant_opts;   /* XEN_DOMCTL_GRANT_* */
    uint32_t vmtrace_size; /* per vCPU, in bytes; 0: none */
    uint32_t cpupool_id;
    struct xen_arch_domainconfig arch;
};
ABI_SIZE(struct xen_domctl_createdomain, 64);
ABI_OFFSET(struct xen_domctl_createdomain, flags, 20);
ABI_OFFSET(struct xen_domctl_createdomain, arch, 56);

/* getdomaininfo.flags */
#define _XEN_DOMINF_dying        0
#define XEN_DOMINF_dying         (1U << _XEN_DOMINF_dying)
#define _XEN_DOMINF_hvm_guest    1
#define XEN_DOMINF_hvm_guest     (1U << _XEN_DOMINF_hvm_guest)
#define _XEN_DOMINF_shutdown     2 /* with the reason in XEN_DOMINF_shutdownmask */
#define XEN_DOMINF_shutdown      (1U << _XEN_DOMINF_shutdown)
#define _XEN_DOMINF_paused       3
#define XEN_DOMINF_paused        (1U << _XEN_DOMINF_paused)
#define _XEN_DOMINF_blocked      4 /* every vCPU is */
#define XEN_DOMINF_blocked       (1U << _XEN_DOMINF_blocked)
#define _XEN_DOMINF_running      5 /* some vCPU is */
#define XEN_DOMINF_running       (1U << _XEN_DOMINF_running)
#define _XEN_DOMINF_debugged     6
#define XEN_DOMINF_debugged      (1U << _XEN_DOMINF_debugged)
#define _XEN_DOMINF_xs_domain    7
#define XEN_DOMINF_xs_domain     (1U << _XEN_DOMINF_xs_domain)
#define _XEN_DOMINF_hap          8
#define XEN_DOMINF_hap           (1U << _XEN_DOMINF_hap)
#define XEN_DOMINF_shutdownmask  255
#define XEN_DOMINF_shutdownshift 16

#define XEN_INVALID_MAX_VCPU_ID (~0U) /* there is no vCPU yet */

/* Of the first domain whose number is not below the one asked for. All out. */
struct xen_domctl_getdomaininfo {
    domid_t domain;
    uint16_t pad1;
    uint32_t flags; /* XEN_DOMINF_* */
    uint64_t tot_pages;
    uint64_t max_pages;
    uint64_t outstanding_pages; /* claimed and not yet allocated */
    uint64_t shr_pages;
    uint64_t paged_pages;
    uint64_t shared_info_frame; /* machine frame, or guest frame of a translated guest */
    uint64_t cpu_time;          /* in ns */
    uint32_t nr_online_vcpus;
    uint32_t max_vcpu_id;
    uint32_t ssidref;
    xen_domain_handle_t handle;
    uint32_t cpupool;
    uint8_t gpaddr_bits;
    uint8_t pad2[7];
    struct xen_arch_domainconfig arch_config;
};
typedef struct xen_domctl_getdomaininfo xen_domctl_getdomaininfo_t;
ABI_SIZE(struct xen_domctl_getdomaininfo, 112);
ABI_OFFSET(struct xen_domctl_getdomaininfo, tot_pages, 8);
ABI_OFFSET(struct xen_domctl_getdomaininfo, cpu_time, 56);
ABI_OFFSET(struct xen_domctl_getdomaininfo, handle, 76);
ABI_OFFSET(struct xen_domctl_getdomaininfo, arch_config, 104);

struct xen_domctl_max_vcpus {
    uint32_t max;
};
ABI_SIZE(struct xen_domctl_max_vcpus, 4);

struct xen_domctl_setdomainhandle {
    xen_domain_handle_t handle;
};
ABI_SIZE(struct xen_domctl_setdomainhandle, 16);

/* Fill a page of the guest with call stubs. */
struct xen_domctl_hypercall_init {
    uint64_t gmfn;
};
ABI_SIZE(struct xen_domctl_hypercall_init, 8);

struct xen_domctl_settimeoffset {
    int64_t time_offset_seconds; /* of its wall clock against the machine's */
};
ABI_SIZE(struct xen_domctl_settimeoffset, 8);

/* Width of the guest's ABI in bits; for PV only. */
struct xen_domctl_address_size {
    uint32_t size;
};
ABI_SIZE(struct xen_domctl_address_size, 4);

#define XEN_DOMCTL_SENDTRIGGER_NMI   0
#define XEN_DOMCTL_SENDTRIGGER_RESET 1
#define XEN_DOMCTL_SENDTRIGGER_INIT  2
#define XEN_DOMCTL_SENDTRIGGER_POWER 3 /* the power button */
#define XEN_DOMCTL_SENDTRIGGER_SLEEP 4

struct xen_domctl_sendtrigger {
    uint32_t trigger; /* XEN_DOMCTL_SENDTRIGGER_* */
    uint32_t vcpu;
};
ABI_SIZE(struct xen_domctl_sendtrigger, 8);

/* The domain whose device model this one is. */
struct xen_domctl_set_target {
    domid_t target;
};
ABI_SIZE(struct xen_domctl_set_target, 2);

/* Its suspension raises this event channel, and not VIRQ_DOM_EXC. The last subscriber wins. */
struct xen_domctl_subscribe {
    uint32_t port;
};
ABI_SIZE(struct xen_domctl_subscribe, 4);

/* The domain receives this global VIRQ from now on. */
struct xen_domctl_set_virq_handler {
    uint32_t virq;
};
ABI_SIZE(struct xen_domctl_set_virq_handler, 4);

#define XEN_DOMCTL_VUART_OP_INIT     0
#define XEN_DOMCTL_VUART_TYPE_VPL011 0

struct xen_domctl_vuart_op {
    uint32_t cmd;
    uint32_t type;
    uint64_t gfn; /* of the ring */
    domid_t console_domid;
    uint8_t pad[2];
    uint32_t evtchn; /* out */
};
ABI_SIZE(struct xen_domctl_vuart_op, 24);
ABI_OFFSET(struct xen_domctl_vuart_op, evtchn, 20);
