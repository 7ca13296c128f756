/*
 * Asynchronous hypercalls: Vellum's own extension of the ABI (docs/async-hypercalls.md).
 *
 * A vCPU registers a ring in its domain's memory. The guest writes calls into it; the hypervisor
 * takes them, in order and one at a time, when the vCPU is in the hypervisor anyway or when it is
 * asked to, and writes their results.
 */
#pragma once

#include "types.h"

/* CPUID: a leaf range of Vellum's own, beside Xen's. */
#define VELLUM_CPUID_FIRST_LEAF    0x40000100u /* EAX: last leaf; EBX, ECX, EDX: "VellumVellum" */
#define VELLUM_CPUID_SIGNATURE_EBX 0x6c6c6556u
#define VELLUM_CPUID_SIGNATURE_ECX 0x65566d75u
#define VELLUM_CPUID_SIGNATURE_EDX 0x6d756c6cu
#define VELLUM_CPUID_FEATURES_LEAF 0x40000101u /* EAX: features */
#define VELLUM_FEATURE_ASYNC       (1u << 0)

/* HYPERVISOR_async_op(cmd, arg), beyond the numbers that the ABI has assigned. */
#define __HYPERVISOR_async_op 60

/* Registers the calling vCPU's ring: arg names a struct async_register. */
#define ASYNCOP_register 0
/* Ends it. Calls that have not been taken never will be; one that is half done is abandoned. */
#define ASYNCOP_unregister 1
/* Takes calls now. Returns how many have been completed. */
#define ASYNCOP_kick 2

#define ASYNC_MAX_PAGES   16
#define ASYNC_MIN_ENTRIES 8
#define ASYNC_MAX_ENTRIES 512

/*
 * The ring lies in pages one after another: header, calls, results. There are twice as many places
 * for results as for calls.
 */
struct async_register {
    uint32_t entries;  /* of calls; a power of two */
    uint32_t nr_pages; /* as many as the ring needs */
    uint32_t port;     /* raised for results, an IPI or interdomain port; 0: never */
    uint32_t reserved; /* 0 */
    xen_pfn_t pages[ASYNC_MAX_PAGES];
};
ABI_SIZE(struct async_register, 144);

/* Indices count on for ever; the place is the index modulo the number of places. */
struct async_header {
    /* Written by the guest. */
    uint32_t call_tail;   /* calls before this one may be taken */
    uint32_t result_head; /* results before this one have been read */
    uint32_t result_event; /* the port is raised when the result before this index is there */
    uint32_t reserved0[13];
    /* Written by the hypervisor. */
    uint32_t call_head;   /* calls before this one have been taken */
    uint32_t result_tail; /* results before this one are there */
    uint32_t error;       /* not 0: the guest has broken the ring, which is dead now */
    uint32_t reserved1[13];
};
ABI_SIZE(struct async_header, 128);
ABI_OFFSET(struct async_header, call_head, 64);

struct async_call {
    uint32_t op;       /* __HYPERVISOR_* */
    uint32_t reserved; /* 0 */
    uint64_t data;     /* comes back with the result */
    uint64_t args[6];
};
ABI_SIZE(struct async_call, 64);

struct async_result {
    uint64_t data;
    int64_t result; /* what the hypercall returned */
};
ABI_SIZE(struct async_result, 16);

/* Bytes that a ring needs. */
#define ASYNC_RING_SIZE(entries)                                                 \
    (sizeof(struct async_header) + (uint64_t)(entries) * sizeof(struct async_call) + \
     2ull * (entries) * sizeof(struct async_result))
