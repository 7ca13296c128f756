/*
 * Event channels: HYPERVISOR_event_channel_op(EVTCHNOP_*, argument).
 *
 * A port is a domain's handle for one end of a channel, or for a VIRQ, an IPI or a physical
 * interrupt. Fields are inputs unless marked "out".
 */
#pragma once

#include "types.h"

typedef uint32_t evtchn_port_t;

enum {
    EVTCHNOP_bind_interdomain = 0,
    EVTCHNOP_bind_virq = 1,
    EVTCHNOP_bind_pirq = 2,
    EVTCHNOP_close = 3,
    EVTCHNOP_send = 4,
    EVTCHNOP_status = 5,
    EVTCHNOP_alloc_unbound = 6,
    EVTCHNOP_bind_ipi = 7,
    EVTCHNOP_bind_vcpu = 8,
    EVTCHNOP_unmask = 9,
    EVTCHNOP_reset = 10,
    EVTCHNOP_init_control = 11,
    EVTCHNOP_expand_array = 12,
    EVTCHNOP_set_priority = 13,
};

/* A fresh port in `dom` to which `remote_dom` may bind. */
typedef struct evtchn_alloc_unbound {
    domid_t dom;
    domid_t remote_dom;
    evtchn_port_t port; /* out */
} evtchn_alloc_unbound_t;
ABI_SIZE(struct evtchn_alloc_unbound, 8);
ABI_OFFSET(struct evtchn_alloc_unbound, port, 4);

/* Connect to a port that remote_dom allocated for the caller; the new port starts pending. */
typedef struct evtchn_bind_interdomain {
    domid_t remote_dom;
    evtchn_port_t remote_port;
    evtchn_port_t local_port; /* out */
} evtchn_bind_interdomain_t;
ABI_SIZE(struct evtchn_bind_interdomain, 12);
ABI_OFFSET(struct evtchn_bind_interdomain, remote_port, 4);

typedef struct evtchn_bind_virq {
    uint32_t virq; /* VIRQ_* */
    uint32_t vcpu;
    evtchn_port_t port; /* out */
} evtchn_bind_virq_t;
ABI_SIZE(struct evtchn_bind_virq, 12);

#define BIND_PIRQ__WILL_SHARE (1U << 0) /* the line may be bound by other domains too */

typedef struct evtchn_bind_pirq {
    uint32_t pirq;
    uint32_t flags;     /* BIND_PIRQ__* */
    evtchn_port_t port; /* out */
} evtchn_bind_pirq_t;
ABI_SIZE(struct evtchn_bind_pirq, 12);

typedef struct evtchn_bind_ipi {
    uint32_t vcpu;
    evtchn_port_t port; /* out */
} evtchn_bind_ipi_t;
ABI_SIZE(struct evtchn_bind_ipi, 8);

typedef struct evtchn_close {
    evtchn_port_t port;
} evtchn_close_t;
ABI_SIZE(struct evtchn_close, 4);

typedef struct evtchn_send {
    evtchn_port_t port;
} evtchn_send_t;
ABI_SIZE(struct evtchn_send, 4);

/* evtchn_status.status */
enum {
    EVTCHNSTAT_closed = 0,
    EVTCHNSTAT_unbound = 1,
    EVTCHNSTAT_interdomain = 2,
    EVTCHNSTAT_pirq = 3,
    EVTCHNSTAT_virq = 4,
    EVTCHNSTAT_ipi = 5,
};

typedef struct evtchn_status {
    domid_t dom;
    evtchn_port_t port;
    uint32_t status; /* out: EVTCHNSTAT_* */
    uint32_t vcpu;   /* out: the vCPU that is notified */
    union {
        struct {
            domid_t dom; /* who may bind */
        } unbound;
        struct {
            domid_t dom;
            evtchn_port_t port;
        } interdomain;
        uint32_t pirq;
        uint32_t virq;
    } u; /* out */
} evtchn_status_t;
ABI_SIZE(struct evtchn_status, 24);
ABI_OFFSET(struct evtchn_status, port, 4);
ABI_OFFSET(struct evtchn_status, status, 8);
ABI_OFFSET(struct evtchn_status, u, 16);
ABI_OFFSET(struct evtchn_status, u.interdomain.port, 20);

/* Notify another vCPU from now on. Refused for IPIs and for per-vCPU VIRQs. */
typedef struct evtchn_bind_vcpu {
    evtchn_port_t port;
    uint32_t vcpu;
} evtchn_bind_vcpu_t;
ABI_SIZE(struct evtchn_bind_vcpu, 8);

/* Unmask, and raise the upcall if the port is pending. */
typedef struct evtchn_unmask {
    evtchn_port_t port;
} evtchn_unmask_t;
ABI_SIZE(struct evtchn_unmask, 4);

/* Close every port of the domain and go back to the 2-level ABI. */
typedef struct evtchn_reset {
    domid_t dom;
} evtchn_reset_t;
ABI_SIZE(struct evtchn_reset, 2);

/*
 * The FIFO ABI.
 *
 * Each port has an event_word_t in an array of guest frames: three state bits, a busy bit and
 * the link to the next port in the same queue. Each vCPU has a control block with one queue
 * head per priority.
 */

#define EVTCHN_FIFO_PRIORITY_MAX     0 /* most urgent */
#define EVTCHN_FIFO_PRIORITY_DEFAULT 7
#define EVTCHN_FIFO_PRIORITY_MIN     15
#define EVTCHN_FIFO_MAX_QUEUES       (EVTCHN_FIFO_PRIORITY_MIN + 1)

typedef uint32_t event_word_t;

/* Bit numbers in an event word. */
#define EVTCHN_FIFO_PENDING 31
#define EVTCHN_FIFO_MASKED  30
#define EVTCHN_FIFO_LINKED  29
#define EVTCHN_FIFO_BUSY    28

#define EVTCHN_FIFO_LINK_BITS   17
#define EVTCHN_FIFO_LINK_MASK   ((1U << EVTCHN_FIFO_LINK_BITS) - 1)
#define EVTCHN_FIFO_NR_CHANNELS (1U << EVTCHN_FIFO_LINK_BITS)

typedef struct evtchn_fifo_control_block {
    uint32_t ready; /* bit n: queue n is not empty */
    uint32_t _rsvd;
    event_word_t head[EVTCHN_FIFO_MAX_QUEUES];
} evtchn_fifo_control_block_t;
ABI_SIZE(struct evtchn_fifo_control_block, 72);
ABI_OFFSET(struct evtchn_fifo_control_block, head, 8);

/* Register a vCPU's control block; the first one switches the domain to the FIFO ABI. */
typedef struct evtchn_init_control {
    uint64_t control_gfn;
    uint32_t offset; /* in bytes, a multiple of 8 */
    uint32_t vcpu;
    uint8_t link_bits; /* out: EVTCHN_FIFO_LINK_BITS */
    uint8_t _pad[7];
} evtchn_init_control_t;
ABI_SIZE(struct evtchn_init_control, 24);
ABI_OFFSET(struct evtchn_init_control, link_bits, 16);

/* Append one frame, 1024 event words, to the domain's array. */
typedef struct evtchn_expand_array {
    uint64_t array_gfn;
} evtchn_expand_array_t;
ABI_SIZE(struct evtchn_expand_array, 8);

typedef struct evtchn_set_priority {
    evtchn_port_t port;
    uint32_t priority;
} evtchn_set_priority_t;
ABI_SIZE(struct evtchn_set_priority, 8);

/* The argument of the superseded event_channel_op_compat. */
typedef struct evtchn_op {
    uint32_t cmd; /* EVTCHNOP_* */
    union {
        evtchn_alloc_unbound_t alloc_unbound;
        evtchn_bind_interdomain_t bind_interdomain;
        evtchn_bind_virq_t bind_virq;
        evtchn_bind_pirq_t bind_pirq;
        evtchn_bind_ipi_t bind_ipi;
        evtchn_close_t close;
        evtchn_send_t send;
        evtchn_status_t status;
        evtchn_bind_vcpu_t bind_vcpu;
        evtchn_unmask_t unmask;
    } u;
} evtchn_op_t;
ABI_SIZE(struct evtchn_op, 28);
ABI_OFFSET(struct evtchn_op, u, 4);
