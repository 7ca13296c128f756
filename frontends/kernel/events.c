#include "frontends/kernel/events.h"

#include "frontends/kernel/guest.h"

#define PORTS 512u

static struct {
    event_handler *handler;
    void *arg;
} table[PORTS];
static bool in_handler;

void events_init(void)
{
    memset(shared_info->evtchn_mask, 0xff, sizeof(shared_info->evtchn_mask));
    shared_info->vcpu_info[0].evtchn_upcall_mask = 1;
}

long event_attach(evtchn_port_t port, event_handler *handler, void *arg)
{
    struct evtchn_unmask unmask = {.port = port};

    if (port >= PORTS)
        return -XEN_ENOSPC;
    table[port].handler = handler;
    table[port].arg = arg;
    return hc(event_channel_op, EVTCHNOP_unmask, &unmask) ? -XEN_EINVAL : (long)port;
}

static long attach_or_close(evtchn_port_t port, event_handler *handler, void *arg)
{
    long result = event_attach(port, handler, arg);

    if (result < 0)
        event_close(port);
    return result;
}

long event_alloc(domid_t remote, event_handler *handler, void *arg)
{
    struct evtchn_alloc_unbound op = {.dom = DOMID_SELF, .remote_dom = remote};
    long error = hc(event_channel_op, EVTCHNOP_alloc_unbound, &op);

    return error ? error : attach_or_close(op.port, handler, arg);
}

long event_bind_virq(unsigned virq, event_handler *handler, void *arg)
{
    struct evtchn_bind_virq op = {.virq = virq};
    long error = hc(event_channel_op, EVTCHNOP_bind_virq, &op);

    return error ? error : attach_or_close(op.port, handler, arg);
}

static void set_mask(evtchn_port_t port)
{
    __atomic_fetch_or(&shared_info->evtchn_mask[port / 64], 1UL << port % 64, __ATOMIC_SEQ_CST);
}

static void clear_pending(evtchn_port_t port)
{
    __atomic_fetch_and(&shared_info->evtchn_pending[port / 64], ~(1UL << port % 64),
                       __ATOMIC_SEQ_CST);
}

void event_close(evtchn_port_t port)
{
    struct evtchn_close op = {.port = port};

    if (port < PORTS)
        table[port].handler = NULL;
    set_mask(port);
    hc(event_channel_op, EVTCHNOP_close, &op);
    clear_pending(port);
}

void event_send(evtchn_port_t port)
{
    struct evtchn_send op = {.port = port};

    hc(event_channel_op, EVTCHNOP_send, &op);
}

bool events_in_handler(void)
{
    return in_handler;
}

static void poll_word(unsigned word)
{
    uint64_t ready = shared_info->evtchn_pending[word] & ~shared_info->evtchn_mask[word];

    for (; ready; ready &= ready - 1) {
        evtchn_port_t port = word * 64 + (unsigned)__builtin_ctzl(ready);

        clear_pending(port);
        if (port < PORTS && table[port].handler)
            table[port].handler(table[port].arg);
    }
}

void events_poll(void)
{
    struct vcpu_info *info = &shared_info->vcpu_info[0];
    uint64_t words;

    if (!__atomic_exchange_n(&info->evtchn_upcall_pending, 0, __ATOMIC_SEQ_CST))
        return;
    in_handler = true;
    words = __atomic_exchange_n(&info->evtchn_pending_sel, 0, __ATOMIC_SEQ_CST);
    for (; words; words &= words - 1)
        poll_word((unsigned)__builtin_ctzl(words));
    in_handler = false;
}
