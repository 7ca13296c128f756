// EVTCHNOP_*: the hypercall. Arguments are copied in, the operation works on the copy, and results
// are copied back; where there are results, the guest's buffer is proved writable before anything
// changes.
#include "core/event_impl.h"

#include "core/hypercall.h"
#include "core/hypercall_table.h"
#include "core/permissions.h"
#include "lib/errno.h"
#include "lib/log.h"
#include "mm/guest.h"
#include "pv-abi/hypercalls.h"

union evtchn_arg {
    struct evtchn_alloc_unbound alloc_unbound;
    struct evtchn_bind_interdomain bind_interdomain;
    struct evtchn_bind_virq bind_virq;
    struct evtchn_bind_pirq bind_pirq;
    struct evtchn_bind_ipi bind_ipi;
    struct evtchn_close close;
    struct evtchn_send send;
    struct evtchn_status status;
    struct evtchn_bind_vcpu bind_vcpu;
    struct evtchn_unmask unmask;
    struct evtchn_reset reset;
    struct evtchn_init_control init_control;
    struct evtchn_expand_array expand_array;
    struct evtchn_set_priority set_priority;
};

static void fill_status(struct evtchn_status *a, const struct event_port *p)
{
    static const uint8_t status[] = {
        [PORT_FREE] = EVTCHNSTAT_closed,     [PORT_RESERVED] = EVTCHNSTAT_closed,
        [PORT_UNBOUND] = EVTCHNSTAT_unbound, [PORT_INTERDOMAIN] = EVTCHNSTAT_interdomain,
        [PORT_PIRQ] = EVTCHNSTAT_pirq,       [PORT_VIRQ] = EVTCHNSTAT_virq,
        [PORT_IPI] = EVTCHNSTAT_ipi,
    };

    a->status = status[p->state];
    a->vcpu = p->vcpu;
    if (p->state == PORT_UNBOUND) {
        a->u.unbound.dom = (domid_t)p->number;
    } else if (p->state == PORT_INTERDOMAIN) {
        a->u.interdomain.dom = p->remote->id;
        a->u.interdomain.port = p->number;
    } else if (p->state == PORT_PIRQ) {
        a->u.pirq = p->number;
    } else if (p->state == PORT_VIRQ) {
        a->u.virq = p->number;
    }
}

static int op_status(union evtchn_arg *arg)
{
    struct evtchn_status *a = &arg->status;
    struct domain *d;
    struct event_port *p;
    int rc = permit_domain(PERMIT_event_status, a->dom, &d);

    if (rc)
        return rc;
    p = event_port_find(d->events, a->port);
    if (p) {
        spin_lock(&p->lock);
        fill_status(a, p);
        spin_unlock(&p->lock);
    } else {
        rc = -EINVAL;
    }
    domain_put(d);
    return rc;
}

int event_unmask(struct domain *d, uint32_t port)
{
    struct event_port *p = event_port_find(d->events, port);
    struct vcpu *v;

    if (!p)
        return -EINVAL;
    spin_lock(&d->events->lock);
    v = domain_vcpu(d, p->vcpu);
    if (v)
        d->events->abi->unmask(d, v, p);
    spin_unlock(&d->events->lock);
    return 0;
}

static int op_unmask(union evtchn_arg *arg)
{
    return event_unmask(current->domain, arg->unmask.port);
}

static int op_set_priority(union evtchn_arg *arg)
{
    struct event_state *es = current->domain->events;
    struct event_port *p = event_port_find(es, arg->set_priority.port);
    int rc = 0;

    if (!p)
        return -EINVAL;
    spin_lock(&es->lock);
    if (!es->fifo)
        rc = -ENOSYS;
    else if (p->state <= PORT_RESERVED)
        rc = -EACCES;
    else if (arg->set_priority.priority > EVTCHN_FIFO_PRIORITY_MIN)
        rc = -EINVAL;
    else
        WRITE_ONCE(p->priority, (uint8_t)arg->set_priority.priority);
    spin_unlock(&es->lock);
    return rc;
}

// Once all ports are closed, a FIFO domain goes back to 2-level; a kernel started anew in the same
// domain (kexec) finds what a fresh domain has.
int event_reset(struct domain *d)
{
    struct event_state *es = d->events;
    int rc = event_close_all(d, true);

    if (rc)
        return rc;
    spin_lock(&es->lock);
    rc = es->nr_active > es->nr_consumer_ports ? -EAGAIN : 0;
    spin_unlock(&es->lock);
    if (!rc)
        event_fifo_destroy(d);
    return rc;
}

static int op_reset(union evtchn_arg *arg)
{
    struct domain *d;
    int rc = permit_domain(PERMIT_event_reset, arg->reset.dom, &d);

    if (rc)
        return rc;
    // Others' must be kept from running by their toolstack meanwhile.
    rc = d == current->domain || d->control_paused ? event_reset(d) : -EINVAL;
    domain_put(d);
    return rc;
}

static int op_alloc_unbound(union evtchn_arg *arg)
{
    return event_alloc_unbound(&arg->alloc_unbound);
}

static int op_bind_interdomain(union evtchn_arg *arg)
{
    return event_bind_interdomain(&arg->bind_interdomain);
}

static int op_bind_virq(union evtchn_arg *arg)
{
    return event_bind_virq(&arg->bind_virq);
}

static int op_bind_ipi(union evtchn_arg *arg)
{
    return event_bind_ipi(&arg->bind_ipi);
}

static int op_bind_pirq(union evtchn_arg *arg)
{
    return event_bind_pirq(&arg->bind_pirq);
}

static int op_bind_vcpu(union evtchn_arg *arg)
{
    return event_bind_vcpu(&arg->bind_vcpu);
}

static int op_close(union evtchn_arg *arg)
{
    return event_port_close(current->domain, arg->close.port, true);
}

static int op_send(union evtchn_arg *arg)
{
    return event_send(current->domain, arg->send.port);
}

static int op_init_control(union evtchn_arg *arg)
{
    return event_fifo_init_control(&arg->init_control);
}

static int op_expand_array(union evtchn_arg *arg)
{
    return event_fifo_expand_array(&arg->expand_array);
}

#define OP(cmd, results) [EVTCHNOP_##cmd] = {sizeof(struct evtchn_##cmd), results, op_##cmd}
static const struct {
    uint8_t size;
    bool results; // copied back
    int (*fn)(union evtchn_arg *arg);
} ops[] = {
    OP(bind_interdomain, true), OP(bind_virq, true),     OP(bind_pirq, true),
    OP(close, false),           OP(send, false),         OP(status, true),
    OP(alloc_unbound, true),    OP(bind_ipi, true),      OP(bind_vcpu, false),
    OP(unmask, false),          OP(reset, false),        OP(init_control, true),
    OP(expand_array, false),    OP(set_priority, false),
};

long do_event_channel_op(unsigned cmd, uint64_t arg)
{
    union evtchn_arg a;
    int rc;

    if (likely(cmd == EVTCHNOP_send)) // the hot one
        return copy_from_guest(&a.send, arg, sizeof(a.send)) ? -EFAULT : op_send(&a);
    if (cmd >= ARRAY_SIZE(ops))
        return -ENOSYS;
    cmd = (unsigned)index_nospec(cmd, ARRAY_SIZE(ops));
    if (copy_from_guest(&a, arg, ops[cmd].size))
        return -EFAULT;
    if (ops[cmd].results && copy_to_guest(arg, &a, ops[cmd].size))
        return -EFAULT;
    rc = ops[cmd].fn(&a);
    if (rc == -ERESTART)
        return hypercall_continue(__HYPERVISOR_event_channel_op, 2, (uint64_t)cmd, arg);
    if (!rc && ops[cmd].results && copy_to_guest(arg, &a, ops[cmd].size))
        return -EFAULT;
    return rc;
}

void event_dump(struct domain *d)
{
    static const char *const names[] = {"free", "reserved", "unbound", "interdomain",
                                        "pirq", "virq",     "ipi"};
    struct event_state *es = d->events;

    log_info("d%u: event channels, %s, %u open\n", d->id, es->fifo ? "FIFO" : "2-level",
             es->nr_active);
    spin_lock(&es->lock);
    for (uint32_t port = 1; port < es->nr_ports; port++) {
        struct event_port *p = event_port_find(es, port);

        if (p->state <= PORT_RESERVED)
            continue;
        log_info("  %5u %-11s %u vcpu %u prio %u%s%s%s\n", port, names[p->state], p->number,
                 p->vcpu, p->priority, es->abi->is_pending(d, p) ? " pending" : "",
                 es->abi->is_masked(d, p) ? " masked" : "", p->consumer ? " hypervisor" : "");
    }
    spin_unlock(&es->lock);
}
