// Event channels, the inside: shared by core/event*.c only. The invariants stand in core/event.c.
#pragma once

#include "core/event.h"
#include "pv-abi/event_channel.h"
#include "pv-abi/virq.h"

enum port_state {
    PORT_FREE,
    PORT_RESERVED, // being opened or closed; port 0, which is never given out
    PORT_UNBOUND,
    PORT_INTERDOMAIN,
    PORT_PIRQ,
    PORT_VIRQ,
    PORT_IPI,
};

struct event_port {
    spinlock_t lock;
    uint8_t state;    // enum port_state
    uint8_t consumer; // 0: the guest; else a hypervisor callback, event_consumers[consumer - 1]
    uint8_t priority; // FIFO: the queue to link to
    bool undelivered; // FIFO: became pending before the guest supplied its event word
    uint16_t vcpu;    // whom to notify
    uint16_t queue;   // FIFO: where it was linked last, vCPU * EVTCHN_FIFO_MAX_QUEUES + priority
    uint32_t port;    // its own number
    uint32_t number;  // unbound: who may bind; interdomain: the peer's port; pirq; virq
    uint32_t next_pirq_port; // links the PIRQ ports that notify one vCPU; 0 ends
    struct domain *remote;   // interdomain: the peer's domain
};
_Static_assert(sizeof(struct event_port) == 32, "128 of them in a page");

#define PORTS_PER_BUCKET (PAGE_SIZE / sizeof(struct event_port))
#define NR_SMALL_BUCKETS (EVTCHN_2L_NR_CHANNELS / PORTS_PER_BUCKET)
#define NR_LARGE_BUCKETS (EVTCHN_FIFO_NR_CHANNELS / PORTS_PER_BUCKET)
#define LARGE_DIR_ORDER  1 // pages of a directory of NR_LARGE_BUCKETS pointers
#define WORDS_PER_PAGE   (PAGE_SIZE / sizeof(event_word_t))
#define FIFO_ARRAY_PAGES (EVTCHN_FIFO_NR_CHANNELS / WORDS_PER_PAGE)
#define PIRQS_PER_PAGE   (PAGE_SIZE / sizeof(uint32_t))
#define MAX_EVENT_PIRQS  (4 * PIRQS_PER_PAGE)

// How pending and mask bits lie in guest memory. set_pending is called with a lock held that keeps
// the port bound; v is the vCPU to notify.
struct event_abi {
    unsigned max_ports;
    void (*set_pending)(struct domain *d, struct vcpu *v, struct event_port *p);
    void (*clear_pending)(struct domain *d, struct event_port *p);
    void (*unmask)(struct domain *d, struct vcpu *v, struct event_port *p);
    bool (*is_pending)(struct domain *d, const struct event_port *p);
    bool (*is_masked)(struct domain *d, const struct event_port *p);
    // Is the port, closed though it is, still linked into a queue?
    bool (*is_busy)(struct domain *d, const struct event_port *p);
};
extern const struct event_abi event_2l, event_fifo;

struct fifo_domain {
    unsigned nr_pages; // published last
    event_word_t *words[FIFO_ARRAY_PAGES];
    struct frame *frames[FIFO_ARRAY_PAGES];
};

struct fifo_vcpu {
    spinlock_t lock; // guards the queues: tails, and links of what is in them
    struct evtchn_fifo_control_block *control;
    struct frame *control_frame;
    uint32_t tail[EVTCHN_FIFO_MAX_QUEUES]; // last port linked; 0 if none or gone for sure
};

struct event_state {
    spinlock_t lock;
    const struct event_abi *abi;
    bool closing;        // the domain dies: no new ports
    uint32_t nr_ports;   // ports that have a struct event_port; published last
    uint32_t first_free; // no free port below
    uint32_t max_port;   // the toolstack's limit
    uint32_t nr_active, nr_consumer_ports;
    uint32_t reset_next; // progress of a preempted reset or relinquish
    struct event_port **buckets;
    struct event_port *small_buckets[NR_SMALL_BUCKETS];
    uint32_t *pirq_ports[MAX_EVENT_PIRQS / PIRQS_PER_PAGE]; // pirq -> port
    struct fifo_domain *fifo;
};

struct vcpu_event_state {
    uint32_t virq_port[NR_VIRQS]; // 0: not bound; global VIRQs are kept by vCPU 0
    uint32_t first_pirq_port;
    struct fifo_vcpu fifo;
};

// The port's structure, or NULL for a number that never was a port's. Lock-free.
struct event_port *event_port_find(const struct event_state *es, uint32_t port);
// Takes the lowest free port, in state RESERVED; the domain's event lock is held.
// -ENOSPC, -ENOMEM, -ESRCH (dying).
int event_port_alloc(struct domain *d, struct event_port **out);
// Gives back a port in state RESERVED; the event lock is held.
void event_port_free(struct domain *d, struct event_port *p);
// Makes a RESERVED port usable.
void event_port_publish(struct event_port *p, enum port_state state, unsigned vcpu,
                        uint32_t number);
// Closes whatever is bound; by_guest spares the hypervisor's ports. -EINVAL: nothing to close.
int event_port_close(struct domain *d, uint32_t port, bool by_guest);
// Closes all guest ports (those of the hypervisor too when the domain dies) from where a preempted
// call stopped; -ERESTART.
int event_close_all(struct domain *d, bool by_guest);

// Delivers: the port or its peer is locked, or the domain's event lock is held.
void event_port_set_pending(struct domain *d, struct event_port *p);
void event_wake_pollers(struct domain *d, uint32_t port);
// Notifies the other end of an interdomain port, which is locked.
void event_notify_peer(const struct event_port *p);

bool virq_is_per_vcpu(unsigned virq);
// Moves a PIRQ port between its vCPUs' lists; event lock held. NO_VCPU: from or to nowhere.
#define NO_VCPU (~0u)
void event_pirq_move(struct domain *d, struct event_port *p, unsigned from, unsigned to);
void event_pirq_unbind(struct domain *d, struct event_port *p);

// core/event_fifo_setup.c
void event_fifo_destroy(struct domain *d);
event_word_t *event_fifo_word(const struct domain *d, uint32_t port);

// The operations; arguments are the hypervisor's copies.
int event_alloc_unbound(struct evtchn_alloc_unbound *a);
int event_bind_interdomain(struct evtchn_bind_interdomain *a);
int event_bind_virq(struct evtchn_bind_virq *a);
int event_bind_ipi(struct evtchn_bind_ipi *a);
int event_bind_pirq(struct evtchn_bind_pirq *a);
int event_bind_vcpu(struct evtchn_bind_vcpu *a);
int event_fifo_init_control(struct evtchn_init_control *a);
int event_fifo_expand_array(struct evtchn_expand_array *a);
