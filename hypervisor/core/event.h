// Event channels: ports that carry one bit of news from a domain, an interrupt source or the
// hypervisor to a vCPU. core/event.c holds the life of ports, event_2l.c and event_fifo.c the two ways
// in which pending bits lie in guest memory.
#pragma once

#include "core/domain.h"

int event_domain_init(struct domain *d);
int event_vcpu_init(struct vcpu *v);
void event_vcpu_destroy(struct vcpu *v);
// Closes all ports of a dying domain; -ERESTART: call again. Then frees.
int event_domain_relinquish(struct domain *d);
void event_domain_destroy(struct domain *d);

long do_event_channel_op(unsigned cmd, uint64_t arg);

// Raises a virtual interrupt (VIRQ_*): per-vCPU ones on v, global ones on the domain's bound vCPU.
// Without a binding nothing happens. Callable with any lock but the event locks held.
void event_send_virq(struct vcpu *v, unsigned virq);
void event_send_global_virq(struct domain *d, unsigned virq);
// Global VIRQs have one domain that handles them (dom0 unless set).
void event_send_host_virq(unsigned virq);
// A physical interrupt that the domain has bound to a port. false: not bound.
bool event_send_pirq(struct domain *d, unsigned pirq);

// Does the vCPU have an event to take, and may it be told (not masked)?
static inline bool event_pending(const struct vcpu *v)
{
    return v->info && v->info->evtchn_upcall_pending && !v->info->evtchn_upcall_mask;
}
// Marks "some event is pending" in vcpu_info and kicks the vCPU.
void event_mark_pending(struct vcpu *v);
// For SCHEDOP_poll: is the port pending? false for a bad port.
bool event_port_pending(struct domain *d, unsigned port);

// Ports of the hypervisor's own making (ioreq servers, monitors).
int event_alloc_xen_port(struct domain *local, unsigned vcpu, domid_t remote,
                         void (*notify)(struct vcpu *, unsigned port));
void event_close_xen_port(struct domain *d, unsigned port);

// For the physical interrupt room (core/pirq.c), called with the domain's event lock held:
// wired in by function, so that event.c does not depend on interrupts.
int pirq_guest_bind(struct vcpu *v, unsigned pirq, bool will_share);
void pirq_guest_unbind(struct domain *d, unsigned pirq);
void pirq_guest_set_affinity(struct domain *d, unsigned pirq, unsigned cpu);

// Prints a domain's ports (debug key 'e').
void event_dump(struct domain *d);
