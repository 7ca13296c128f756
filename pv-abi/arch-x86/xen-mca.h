/*
 * Machine checks: HYPERVISOR_mca(xen_mc).
 *
 * The hypervisor collects reports, raises VIRQ_MCA, and domain 0 fetches one mc_info at a time
 * from the urgent or the non-urgent list and acknowledges it.
 */
#pragma once

#include "../hypercalls.h"
#include "../types.h"
#include "../virq.h"

#define XEN_MCA_INTERFACE_VERSION 0x01ecc003U

/* xen_mc_fetch.flags, in: the list, or the acknowledgement; out: how it went. */
#define XEN_MC_NONURGENT   0x1U
#define XEN_MC_URGENT      0x2U
#define XEN_MC_ACK         0x4U
#define XEN_MC_OK          0x0U
#define XEN_MC_FETCHFAILED 0x1U
#define XEN_MC_NODATA      0x2U
#define XEN_MC_NOMATCH     0x4U

/* xen_mc_notifydomain.flags, out. */
#define XEN_MC_CANNOTHANDLE 0x8U
#define XEN_MC_NOTDELIVERED 0x10U

#define XEN_MC_VCPUID_INVALID 0xffffU

/* Records of a report; mcinfo_common.type. */
#define MC_TYPE_GLOBAL   0
#define MC_TYPE_BANK     1
#define MC_TYPE_EXTENDED 2
#define MC_TYPE_RECOVERY 3

struct mcinfo_common {
    uint16_t type; /* MC_TYPE_* */
    uint16_t size; /* of the whole record, in bytes */
};
typedef struct mcinfo_common xen_mcinfo_common_t;
ABI_SIZE(struct mcinfo_common, 4);

#define MC_FLAG_CORRECTABLE   (1U << 0)
#define MC_FLAG_UNCORRECTABLE (1U << 1)
#define MC_FLAG_RECOVERABLE   (1U << 2)
#define MC_FLAG_POLLED        (1U << 3)
#define MC_FLAG_RESET         (1U << 4)
#define MC_FLAG_CMCI          (1U << 5)
#define MC_FLAG_MCE           (1U << 6)

struct mcinfo_global {
    struct mcinfo_common common;
    uint16_t mc_domid;
    uint16_t mc_vcpuid;
    uint32_t mc_socketid;
    uint16_t mc_coreid;
    uint16_t mc_core_threadid;
    uint32_t mc_apicid;
    uint32_t mc_flags;
    uint64_t mc_gstatus;
};
ABI_SIZE(struct mcinfo_global, 32);
ABI_OFFSET(struct mcinfo_global, mc_gstatus, 24);

struct mcinfo_bank {
    struct mcinfo_common common;
    uint16_t mc_bank;
    uint16_t mc_domid;
    uint64_t mc_status;
    uint64_t mc_addr;
    uint64_t mc_misc;
    uint64_t mc_ctrl2;
    uint64_t mc_tsc;
};
ABI_SIZE(struct mcinfo_bank, 48);

struct mcinfo_msr {
    uint64_t reg;
    uint64_t value;
};
typedef struct mcinfo_msr xen_mcinfo_msr_t;
ABI_SIZE(struct mcinfo_msr, 16);

struct mcinfo_extended {
    struct mcinfo_common common;
    uint32_t mc_msrs; /* how many of mc_msr are used */
    struct mcinfo_msr mc_msr[32];
};
ABI_SIZE(struct mcinfo_extended, 520);

#define REC_ACTION_RECOVERED  (1U << 0)
#define REC_ACTION_NONE       (1U << 1)
#define REC_ACTION_NEED_RESET (1U << 2)

#define MC_ACTION_PAGE_OFFLINE (1U << 0)
#define MC_ACTION_CPU_OFFLINE  (1U << 1)
#define MC_ACTION_CACHE_SHRINK (1U << 2)

struct page_offline_action {
    uint64_t mfn;
    uint64_t status;
};
typedef struct page_offline_action xen_page_offline_action_t;
ABI_SIZE(struct page_offline_action, 16);

struct cpu_offline_action {
    uint32_t mc_socketid;
    uint16_t mc_coreid;
    uint16_t mc_core_threadid;
};
typedef struct cpu_offline_action xen_cpu_offline_action_t;
ABI_SIZE(struct cpu_offline_action, 8);

#define MAX_UNION_SIZE 16

struct mcinfo_recovery {
    struct mcinfo_common common;
    uint16_t mc_bank;
    uint8_t action_flags; /* REC_ACTION_* */
    uint8_t action_types; /* MC_ACTION_* */
    union {
        struct page_offline_action page_retire;
        struct cpu_offline_action cpu_offline;
        uint8_t pad[MAX_UNION_SIZE];
    } action_info;
};
ABI_SIZE(struct mcinfo_recovery, 24);

#define MCINFO_HYPERCALLSIZE    1024
#define MCINFO_MAXSIZE          768
#define MCINFO_FLAGS_UNCOMPLETE 0x1U /* there was more than fitted */

struct mc_info {
    uint32_t mi_nentries;
    uint32_t flags; /* MCINFO_FLAGS_* */
    uint64_t mi_data[(MCINFO_MAXSIZE - 8) / 8];
};
typedef struct mc_info mc_info_t;
ABI_SIZE(struct mc_info, MCINFO_MAXSIZE);

#define __MC_MSR_ARRAYSIZE 8
#define MC_NCAPS           7
#define MC_CAPS_STD_EDX    0
#define MC_CAPS_AMD_EDX    1
#define MC_CAPS_TM         2
#define MC_CAPS_LINUX      3
#define MC_CAPS_STD_ECX    4
#define MC_CAPS_VIA        5
#define MC_CAPS_AMD_ECX    6

struct mcinfo_logical_cpu {
    uint32_t mc_cpunr;
    uint32_t mc_chipid;
    uint16_t mc_coreid;
    uint16_t mc_threadid;
    uint32_t mc_apicid;
    uint32_t mc_clusterid;
    uint32_t mc_ncores;
    uint32_t mc_ncores_active;
    uint32_t mc_nthreads;
    int32_t mc_cpuid_level;
    uint32_t mc_family;
    uint32_t mc_vendor;
    uint32_t mc_model;
    uint32_t mc_step;
    char mc_vendorid[16];
    char mc_brandid[64];
    uint32_t mc_cpu_caps[MC_NCAPS];
    uint32_t mc_cache_size;
    uint32_t mc_cache_alignment;
    int32_t mc_nmsrvals;
    struct mcinfo_msr mc_msrvalues[__MC_MSR_ARRAYSIZE];
};
typedef struct mcinfo_logical_cpu xen_mc_logical_cpu_t;
ABI_SIZE(struct mcinfo_logical_cpu, 304);
ABI_OFFSET(struct mcinfo_logical_cpu, mc_vendorid, 52);
ABI_OFFSET(struct mcinfo_logical_cpu, mc_msrvalues, 176);

#define XEN_MC_fetch 1
struct xen_mc_fetch {
    uint32_t flags; /* in and out */
    uint32_t _pad0;
    uint64_t fetch_id; /* out for a fetch, in for its acknowledgement */
    XEN_GUEST_HANDLE(mc_info_t) data;
};
typedef struct xen_mc_fetch xen_mc_fetch_t;
ABI_SIZE(struct xen_mc_fetch, 24);

#define XEN_MC_notifydomain 2
struct xen_mc_notifydomain {
    uint16_t mc_domid;
    uint16_t mc_vcpuid;
    uint32_t flags; /* in and out */
};
typedef struct xen_mc_notifydomain xen_mc_notifydomain_t;
ABI_SIZE(struct xen_mc_notifydomain, 8);

#define XEN_MC_physcpuinfo 3
struct xen_mc_physcpuinfo {
    uint32_t ncpus; /* in: room; out: CPUs */
    uint32_t _pad0;
    XEN_GUEST_HANDLE(xen_mc_logical_cpu_t) info; /* out, or none to ask for the number */
};
typedef struct xen_mc_physcpuinfo xen_mc_physcpuinfo_t;
ABI_SIZE(struct xen_mc_physcpuinfo, 16);

/* Injection of errors, for tests. */
#define MC_MSRINJ_MAXMSRS     8
#define MC_MSRINJ_F_INTERPOSE 0x1U
#define MC_MSRINJ_F_GPADDR    0x2U

#define XEN_MC_msrinject 4
struct xen_mc_msrinject {
    uint32_t mcinj_cpunr;
    uint32_t mcinj_flags;
    uint32_t mcinj_count;
    domid_t mcinj_domid;
    uint16_t _pad0;
    struct mcinfo_msr mcinj_msr[MC_MSRINJ_MAXMSRS];
};
typedef struct xen_mc_msrinject xen_mc_msrinject_t;
ABI_SIZE(struct xen_mc_msrinject, 144);

#define XEN_MC_mceinject 5
struct xen_mc_mceinject {
    uint32_t mceinj_cpunr;
};
typedef struct xen_mc_mceinject xen_mc_mceinject_t;
ABI_SIZE(struct xen_mc_mceinject, 4);

#define XEN_MC_inject_v2            6
#define XEN_MC_INJECT_TYPE_MASK     0x7U
#define XEN_MC_INJECT_TYPE_MCE      0x0U
#define XEN_MC_INJECT_TYPE_CMCI     0x1U
#define XEN_MC_INJECT_TYPE_LMCE     0x2U
#define XEN_MC_INJECT_CPU_BROADCAST 0x8U

struct xen_mc_inject_v2 {
    uint32_t flags;
    xenctl_bitmap_t cpumap;
};
typedef struct xen_mc_inject_v2 xen_mc_inject_v2_t;
ABI_SIZE(struct xen_mc_inject_v2, 24);

struct xen_mc {
    uint32_t cmd;               /* XEN_MC_* */
    uint32_t interface_version; /* XEN_MCA_INTERFACE_VERSION */
    union {
        struct xen_mc_fetch mc_fetch;
        struct xen_mc_notifydomain mc_notifydomain;
        struct xen_mc_physcpuinfo mc_physcpuinfo;
        struct xen_mc_msrinject mc_msrinject;
        struct xen_mc_mceinject mc_mceinject;
        struct xen_mc_inject_v2 mc_inject_v2;
    } u;
};
typedef struct xen_mc xen_mc_t;
ABI_SIZE(struct xen_mc, 152);
ABI_OFFSET(struct xen_mc, u, 8);
