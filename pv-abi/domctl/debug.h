/*
 * Domain control: debugging a domain from outside.
 */
#pragma once

#include "../types.h"

struct xen_domctl_setdebugging {
    uint8_t enable;
};
ABI_SIZE(struct xen_domctl_setdebugging, 1);

#define XEN_DOMCTL_DEBUG_OP_SINGLE_STEP_OFF 0
#define XEN_DOMCTL_DEBUG_OP_SINGLE_STEP_ON  1

struct xen_domctl_debug_op {
    uint32_t op;
    uint32_t vcpu;
};
ABI_SIZE(struct xen_domctl_debug_op, 8);

/* Reading and writing guest memory by virtual address. */
struct xen_domctl_gdbsx_memio {
    uint64_t pgd3val; /* 32-bit PAE guests: an L3 entry to start from, or 0 */
    uint64_t gva;     /* in the guest */
    uint64_t uva;     /* in the caller */
    uint32_t len;
    uint8_t gwr;     /* 1: write to the guest */
    uint32_t remain; /* out: bytes not done */
};
ABI_SIZE(struct xen_domctl_gdbsx_memio, 40);
ABI_OFFSET(struct xen_domctl_gdbsx_memio, remain, 32);

struct xen_domctl_gdbsx_pauseunp_vcpu {
    uint32_t vcpu;
};
ABI_SIZE(struct xen_domctl_gdbsx_pauseunp_vcpu, 4);

struct xen_domctl_gdbsx_domstatus {
    uint8_t paused;   /* out */
    uint32_t vcpu_id; /* out: the vCPU with an event */
    uint32_t vcpu_ev; /* out: its number */
};
ABI_SIZE(struct xen_domctl_gdbsx_domstatus, 12);

/* Processor trace. */
#define XEN_DOMCTL_vmtrace_enable           1
#define XEN_DOMCTL_vmtrace_disable          2
#define XEN_DOMCTL_vmtrace_reset_and_enable 3
#define XEN_DOMCTL_vmtrace_output_position  4
#define XEN_DOMCTL_vmtrace_get_option       5
#define XEN_DOMCTL_vmtrace_set_option       6

struct xen_domctl_vmtrace_op {
    uint32_t cmd;
    uint32_t vcpu;
    uint64_t key;
    uint64_t value;
};
typedef struct xen_domctl_vmtrace_op xen_domctl_vmtrace_op_t;
ABI_SIZE(struct xen_domctl_vmtrace_op, 24);
