// Event channels: ports that carry one bit of news from a domain, an interrupt source or the
// hypervisor to a vCPU. core/event.c holds the life of ports, event_2l.c and event_fifo.c the two
// ways in which pending bits lie in guest memory.
#pragma once

#include "core/domain.h"

int event_domain_init(struct domain *d);
int event_vcpu_init(struct vcpu *v);
void event_vcpu_destroy(struct vcpu *v);
// Closes all ports of a dying domain; -ERESTART: call again. Then frees.
int event_domain_relinquish(struct domain *d);
void event_domain_destroy(struct domain *d);

// The toolstack's limit: no port above max_port is given out.
void event_set_limit(struct domain *d, uint32_t max_port);

// EVTCHNOP_reset and DOMCTL_soft_reset: closes the guest's ports and goes back to the 2-level ABI.
// The domain is the current one or paused. -ERESTART: call again; -EAGAIN: ports were opened
// meanwhile.
int event_reset(struct domain *d);
// EVTCHNOP_send by domain d on its own port. 0 or -EINVAL.
int event_send(struct domain *d, uint32_t port);
// EVTCHNOP_unmask on a port of d. 0 or -EINVAL.
int event_unmask(struct domain *d, uint32_t port);

// Raises a virtual interrupt (VIRQ_*): per-vCPU ones on v, global ones on the domain's bound vCPU.
// Without a binding nothing happens. Callable with any lock but the event locks held.
void event_send_virq(struct vcpu *v, unsigned virq);
void event_send_global_virq(struct domain *d, unsigned virq);
// Global VIRQs have one domain that handles them (dom0 unless set).
void event_send_host_virq(unsigned virq);
// DOMCTL_set_virq_handler; -EINVAL if the VIRQ is no global one. A dying domain loses the office.
int event_set_virq_handler(struct domain *d, unsigned virq);
void event_drop_virq_handler(struct domain *d);
// A physical interrupt that the domain has bound to a port. false: not bound.
bool event_send_pirq(struct domain *d, unsigned pirq);
// The port that a physical interrupt is bound to; 0: none.
uint32_t event_pirq_port(struct domain *d, unsigned pirq);
// The vCPU now runs on another CPU (v->cpu): its physical interrupts follow. No lock held.
void event_move_pirqs(struct vcpu *v);

// Does the vCPU have an event to take, and may it be told (not masked)?
static inline bool event_pending(const struct vcpu *v)
{
    return v->info && v->info->evtchn_upcall_pending && !v->info->evtchn_upcall_mask;
}
// Marks "some event is pending" in vcpu_info and kicks the vCPU.
void event_mark_pending(struct vcpu *v);
// v->info now points to a new area, filled from the old one: marks everything pending in it, so
// that nothing which was sent meanwhile is lost.
void event_info_moved(struct vcpu *v);
// For SCHEDOP_poll: is the port pending? -EINVAL for a bad one.
int event_port_pending(struct domain *d, unsigned port);
// SCHEDOP_poll: sets VPF_POLLING, so that an event on `port` (0: on any port) ends the wait with
// vcpu_wake. Look at the ports' pending bits after this. event_poll_end takes the flag back, for
// whatever else ends the wait; true if it still was set.
void event_poll_begin(struct vcpu *v, unsigned port);
bool event_poll_end(struct vcpu *v);

// Ports of the hypervisor's own making (ioreq servers, monitors).
// notify: the other end has sent an event, or `closed` its port. Called with the sender's port
// locked; must not take event locks.
typedef void event_notify_fn(struct vcpu *v, unsigned port, bool closed);
int event_alloc_xen_port(struct domain *local, unsigned vcpu, domid_t remote,
                         event_notify_fn *notify);
void event_close_xen_port(struct domain *d, unsigned port);
// Notifies the guest at the other end of such a port; false: nobody is there.
bool event_send_xen_port(struct domain *d, unsigned port);
bool event_xen_port_bound(struct domain *d, unsigned port);

// Provided by the physical interrupt room (core/pirq.c), called with the domain's event lock held
// but no port's. Its handler may call event_send_pirq with its own locks held.
int pirq_guest_bind(struct vcpu *v, unsigned pirq, bool will_share);
void pirq_guest_unbind(struct domain *d, unsigned pirq);
void pirq_guest_set_affinity(struct domain *d, unsigned pirq, unsigned cpu);

// Prints a domain's ports (debug key 'e').
void event_dump(struct domain *d);
