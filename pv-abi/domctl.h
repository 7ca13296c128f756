/*
 * Control of domains: HYPERVISOR_domctl(xen_domctl), for the tools in domain 0.
 *
 * `domain` names the target; createdomain returns there what it made. The parameters of each
 * operation are in domctl/, by subject. Fields are inputs unless marked "out".
 */
#pragma once

#include "domctl/cpu.h"
#include "domctl/debug.h"
#include "domctl/device.h"
#include "domctl/domain.h"
#include "domctl/memory.h"
#include "domctl/monitor.h"
#include "domctl/resources.h"
#include "domctl/sched.h"
#include "domctl/state.h"
#include "types.h"

#define XEN_DOMCTL_INTERFACE_VERSION 0x00000015

enum {
    XEN_DOMCTL_createdomain = 1,
    XEN_DOMCTL_destroydomain = 2,
    XEN_DOMCTL_pausedomain = 3,
    XEN_DOMCTL_unpausedomain = 4,
    XEN_DOMCTL_getdomaininfo = 5,
    XEN_DOMCTL_setvcpuaffinity = 9,
    XEN_DOMCTL_shadow_op = 10,
    XEN_DOMCTL_max_mem = 11,
    XEN_DOMCTL_setvcpucontext = 12,
    XEN_DOMCTL_getvcpucontext = 13,
    XEN_DOMCTL_getvcpuinfo = 14,
    XEN_DOMCTL_max_vcpus = 15,
    XEN_DOMCTL_scheduler_op = 16,
    XEN_DOMCTL_setdomainhandle = 17,
    XEN_DOMCTL_setdebugging = 18,
    XEN_DOMCTL_irq_permission = 19,
    XEN_DOMCTL_iomem_permission = 20,
    XEN_DOMCTL_ioport_permission = 21,
    XEN_DOMCTL_hypercall_init = 22,
    XEN_DOMCTL_settimeoffset = 24,
    XEN_DOMCTL_getvcpuaffinity = 25,
    XEN_DOMCTL_real_mode_area = 26,
    XEN_DOMCTL_resumedomain = 27,
    XEN_DOMCTL_sendtrigger = 28,
    XEN_DOMCTL_subscribe = 29,
    XEN_DOMCTL_gethvmcontext = 33,
    XEN_DOMCTL_sethvmcontext = 34,
    XEN_DOMCTL_set_address_size = 35,
    XEN_DOMCTL_get_address_size = 36,
    XEN_DOMCTL_assign_device = 37,
    XEN_DOMCTL_bind_pt_irq = 38,
    XEN_DOMCTL_memory_mapping = 39,
    XEN_DOMCTL_ioport_mapping = 40,
    XEN_DOMCTL_set_ext_vcpucontext = 42,
    XEN_DOMCTL_get_ext_vcpucontext = 43,
    XEN_DOMCTL_set_opt_feature = 44,
    XEN_DOMCTL_test_assign_device = 45,
    XEN_DOMCTL_set_target = 46,
    XEN_DOMCTL_deassign_device = 47,
    XEN_DOMCTL_unbind_pt_irq = 48,
    XEN_DOMCTL_get_device_group = 50,
    XEN_DOMCTL_debug_op = 54,
    XEN_DOMCTL_gethvmcontext_partial = 55,
    XEN_DOMCTL_vm_event_op = 56,
    XEN_DOMCTL_mem_sharing_op = 57,
    XEN_DOMCTL_gettscinfo = 59,
    XEN_DOMCTL_settscinfo = 60,
    XEN_DOMCTL_getpageframeinfo3 = 61,
    XEN_DOMCTL_setvcpuextstate = 62,
    XEN_DOMCTL_getvcpuextstate = 63,
    XEN_DOMCTL_set_access_required = 64,
    XEN_DOMCTL_audit_p2m = 65,
    XEN_DOMCTL_set_virq_handler = 66,
    XEN_DOMCTL_set_broken_page_p2m = 67,
    XEN_DOMCTL_setnodeaffinity = 68,
    XEN_DOMCTL_getnodeaffinity = 69,
    XEN_DOMCTL_cacheflush = 71,
    XEN_DOMCTL_get_vcpu_msrs = 72,
    XEN_DOMCTL_set_vcpu_msrs = 73,
    XEN_DOMCTL_setvnumainfo = 74,
    XEN_DOMCTL_psr_cmt_op = 75,
    XEN_DOMCTL_monitor_op = 77,
    XEN_DOMCTL_psr_alloc = 78,
    XEN_DOMCTL_soft_reset = 79,
    XEN_DOMCTL_vuart_op = 81,
    XEN_DOMCTL_get_cpu_policy = 82,
    XEN_DOMCTL_set_cpu_policy = 83,
    XEN_DOMCTL_vmtrace_op = 84,
    XEN_DOMCTL_get_paging_mempool_size = 85,
    XEN_DOMCTL_set_paging_mempool_size = 86,
    XEN_DOMCTL_gdbsx_guestmemio = 1000,
    XEN_DOMCTL_gdbsx_pausevcpu = 1001,
    XEN_DOMCTL_gdbsx_unpausevcpu = 1002,
    XEN_DOMCTL_gdbsx_domstatus = 1003,
};

struct xen_domctl {
    uint32_t cmd;               /* XEN_DOMCTL_* */
    uint32_t interface_version; /* XEN_DOMCTL_INTERFACE_VERSION */
    domid_t domain;
    uint16_t _pad[3];
    union {
        struct xen_domctl_createdomain createdomain;
        struct xen_domctl_getdomaininfo getdomaininfo;
        struct xen_domctl_getpageframeinfo3 getpageframeinfo3;
        struct xen_domctl_nodeaffinity nodeaffinity;
        struct xen_domctl_vcpuaffinity vcpuaffinity;
        struct xen_domctl_shadow_op shadow_op;
        struct xen_domctl_max_mem max_mem;
        struct xen_domctl_vcpucontext vcpucontext;
        struct xen_domctl_getvcpuinfo getvcpuinfo;
        struct xen_domctl_max_vcpus max_vcpus;
        struct xen_domctl_scheduler_op scheduler_op;
        struct xen_domctl_setdomainhandle setdomainhandle;
        struct xen_domctl_setdebugging setdebugging;
        struct xen_domctl_irq_permission irq_permission;
        struct xen_domctl_iomem_permission iomem_permission;
        struct xen_domctl_ioport_permission ioport_permission;
        struct xen_domctl_hypercall_init hypercall_init;
        struct xen_domctl_settimeoffset settimeoffset;
        struct xen_domctl_tsc_info tsc_info;
        struct xen_domctl_hvmcontext hvmcontext;
        struct xen_domctl_hvmcontext_partial hvmcontext_partial;
        struct xen_domctl_address_size address_size;
        struct xen_domctl_sendtrigger sendtrigger;
        struct xen_domctl_get_device_group get_device_group;
        struct xen_domctl_assign_device assign_device;
        struct xen_domctl_bind_pt_irq bind_pt_irq;
        struct xen_domctl_memory_mapping memory_mapping;
        struct xen_domctl_ioport_mapping ioport_mapping;
        struct xen_domctl_ext_vcpucontext ext_vcpucontext;
        struct xen_domctl_set_target set_target;
        struct xen_domctl_subscribe subscribe;
        struct xen_domctl_debug_op debug_op;
        struct xen_domctl_vm_event_op vm_event_op;
        struct xen_domctl_mem_sharing_op mem_sharing_op;
        struct xen_domctl_cpu_policy cpu_policy;
        struct xen_domctl_vcpuextstate vcpuextstate;
        struct xen_domctl_vcpu_msrs vcpu_msrs;
        struct xen_domctl_set_access_required access_required;
        struct xen_domctl_audit_p2m audit_p2m;
        struct xen_domctl_set_virq_handler set_virq_handler;
        struct xen_domctl_gdbsx_memio gdbsx_guest_memio;
        struct xen_domctl_set_broken_page_p2m set_broken_page_p2m;
        struct xen_domctl_cacheflush cacheflush;
        struct xen_domctl_gdbsx_pauseunp_vcpu gdbsx_pauseunp_vcpu;
        struct xen_domctl_gdbsx_domstatus gdbsx_domstatus;
        struct xen_domctl_vnuma vnuma;
        struct xen_domctl_psr_cmt_op psr_cmt_op;
        struct xen_domctl_monitor_op monitor_op;
        struct xen_domctl_psr_alloc psr_alloc;
        struct xen_domctl_vuart_op vuart_op;
        struct xen_domctl_vmtrace_op vmtrace_op;
        struct xen_domctl_paging_mempool paging_mempool;
        uint8_t pad[128];
    } u;
};
typedef struct xen_domctl xen_domctl_t;
ABI_SIZE(struct xen_domctl, 144);
ABI_OFFSET(struct xen_domctl, domain, 8);
ABI_OFFSET(struct xen_domctl, u, 16);
