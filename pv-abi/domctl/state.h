/*
 * Domain control: the state of vCPUs, to read, to set, to save and to restore.
 */
#pragma once

#include "../arch-x86/cpu.h"
#include "../hvm/save.h"
#include "../types.h"

struct xen_domctl_vcpucontext {
    uint32_t vcpu;
    XEN_GUEST_HANDLE_64(vcpu_guest_context_t) ctxt;
};
ABI_SIZE(struct xen_domctl_vcpucontext, 16);

struct xen_domctl_getvcpuinfo {
    uint32_t vcpu;
    uint8_t online; /* out from here on */
    uint8_t blocked;
    uint8_t running;
    uint64_t cpu_time; /* in ns */
    uint32_t cpu;      /* where it runs, or ran last */
};
ABI_SIZE(struct xen_domctl_getvcpuinfo, 24);
ABI_OFFSET(struct xen_domctl_getvcpuinfo, cpu_time, 8);

/* What vcpu_guest_context has no room for. The first two entry points are PV's. */
struct xen_domctl_ext_vcpucontext {
    uint32_t vcpu;
    uint32_t size; /* in for set, out for get: bytes of this structure that count */
    uint64_t syscall32_callback_eip;
    uint64_t sysenter_callback_eip;
    uint16_t syscall32_callback_cs;
    uint16_t sysenter_callback_cs;
    uint8_t syscall32_disables_events;
    uint8_t sysenter_disables_events;
    union {
        uint64_t mcg_cap;
        struct hvm_vmce_vcpu vmce;
    };
};
ABI_SIZE(struct xen_domctl_ext_vcpucontext, 64);
ABI_OFFSET(struct xen_domctl_ext_vcpucontext, syscall32_callback_eip, 8);
ABI_OFFSET(struct xen_domctl_ext_vcpucontext, sysenter_disables_events, 29);
ABI_OFFSET(struct xen_domctl_ext_vcpucontext, vmce, 32);

/* XSAVE state: the two words XCR0 and accumulated XCR0, then the XSAVE area. */
struct xen_domctl_vcpuextstate {
    uint32_t vcpu;
    uint64_t xfeature_mask; /* out for get */
    uint64_t size;          /* in bytes; 0: only ask for it */
    XEN_GUEST_HANDLE_64(uint64_t) buffer;
};
ABI_SIZE(struct xen_domctl_vcpuextstate, 32);
ABI_OFFSET(struct xen_domctl_vcpuextstate, buffer, 24);

struct xen_domctl_vcpu_msr {
    uint32_t index;
    uint32_t reserved;
    uint64_t value;
};
typedef struct xen_domctl_vcpu_msr xen_domctl_vcpu_msr_t;
ABI_SIZE(struct xen_domctl_vcpu_msr, 16);

/* MSRs that are worth saving. Reading with no buffer tells how many there may be. */
struct xen_domctl_vcpu_msrs {
    uint32_t vcpu;
    uint32_t msr_count; /* in and out */
    XEN_GUEST_HANDLE_64(xen_domctl_vcpu_msr_t) msrs;
};
ABI_SIZE(struct xen_domctl_vcpu_msrs, 16);

/* The whole HVM state, as records of hvm/save.h. */
struct xen_domctl_hvmcontext {
    uint32_t size;                       /* in bytes, in and out */
    XEN_GUEST_HANDLE_64(uint8_t) buffer; /* none: only ask for the size */
};
ABI_SIZE(struct xen_domctl_hvmcontext, 16);

/* One record. */
struct xen_domctl_hvmcontext_partial {
    uint32_t type; /* HVM_SAVE_CODE() */
    uint32_t instance;
    uint64_t bufsz; /* in and out */
    XEN_GUEST_HANDLE_64(uint8_t) buffer;
};
ABI_SIZE(struct xen_domctl_hvmcontext_partial, 24);
