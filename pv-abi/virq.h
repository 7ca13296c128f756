/*
 * Virtual interrupts: events that the hypervisor itself raises on an event channel.
 *
 * "vCPU" VIRQs are bound once per vCPU; "domain" ones once per domain and may be moved between
 * vCPUs; "global" ones go to a single domain, normally domain 0.
 */
#pragma once

enum {
    VIRQ_TIMER = 0,      /* vCPU: a timer of this vCPU has expired */
    VIRQ_DEBUG = 1,      /* vCPU: asks the guest to dump its state */
    VIRQ_CONSOLE = 2,    /* global: bytes wait on the emergency console */
    VIRQ_DOM_EXC = 3,    /* global: a domain changed its state or left */
    VIRQ_TBUF = 4,       /* global: trace buffers hold records */
    VIRQ_DEBUGGER = 6,   /* global: a domain stopped for its debugger */
    VIRQ_XENOPROF = 7,   /* vCPU: profiling sample */
    VIRQ_CON_RING = 8,   /* global: the hypervisor's console ring has new text */
    VIRQ_PCPU_STATE = 9, /* global: a physical CPU came or went */
    VIRQ_MEM_EVENT = 10, /* global: a memory event waits */
    VIRQ_ARGO = 11,      /* domain: an Argo message arrived */
    VIRQ_ENOMEM = 12,    /* global: free memory is running low */
    VIRQ_XENPMU = 13,    /* vCPU: performance counter overflow */

    VIRQ_ARCH_0 = 16,
    VIRQ_ARCH_1 = 17,
    VIRQ_ARCH_2 = 18,
    VIRQ_ARCH_3 = 19,
    VIRQ_ARCH_4 = 20,
    VIRQ_ARCH_5 = 21,
    VIRQ_ARCH_6 = 22,
    VIRQ_ARCH_7 = 23,

    NR_VIRQS = 24,
};

/* x86: a machine check was recorded. */
#define VIRQ_MCA VIRQ_ARCH_0
