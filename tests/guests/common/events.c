#include "tests/guests/common/events.h"

#include "pv-abi/sched.h"
#include "pv-abi/vcpu.h"
#include "tests/guests/common/guest.h"

volatile unsigned event_count[MAX_TEST_PORTS];
volatile unsigned event_vcpu[MAX_TEST_PORTS];
volatile unsigned upcall_count;
void (*events_scan_hook)(void);
unsigned timer_port;
uint64_t first_ticks_ns;

static struct vcpu_info *moved_info[MAX_TEST_VCPUS];

struct vcpu_info *vcpu_info_of(unsigned vcpu)
{
    return moved_info[vcpu] ? moved_info[vcpu] : &shared_info->vcpu_info[vcpu];
}

void vcpu_info_moved(unsigned vcpu, struct vcpu_info *info)
{
    moved_info[vcpu] = info;
}

// A vCPU starts with a periodic timer of 100 Hz, which would disturb every test: see it, stop it.
static void count_first_ticks(void)
{
    uint64_t start = time_now();

    while (event_count[timer_port] < 3 && time_now() - start < 100 * NS_PER_MS)
        hc(sched_op, SCHEDOP_yield, 0);
    first_ticks_ns = event_count[timer_port] < 3 ? 0 : time_now() - start;
    hc(vcpu_op, VCPUOP_stop_periodic_timer, 0, 0);
}

void events_init(void)
{
    long port;

    memset(shared_info->evtchn_mask, 0, sizeof(shared_info->evtchn_mask));
    port = port_bind_virq(VIRQ_TIMER, 0);
    if (port < 0)
        print("FATAL cannot bind VIRQ_TIMER: %ld\n", port);
    timer_port = (unsigned)port;
    events_enable();
    count_first_ticks();
}

// The 2-level scan

static void take(unsigned port, unsigned vcpu)
{
    port_clear_pending(port);
    if (port >= MAX_TEST_PORTS)
        return;
    event_vcpu[port] = vcpu;
    __atomic_fetch_add(&event_count[port], 1, __ATOMIC_SEQ_CST);
}

static void scan_word(unsigned word, unsigned vcpu)
{
    uint64_t ready;

    ready = shared_info->evtchn_pending[word] & ~shared_info->evtchn_mask[word];
    while (ready) {
        unsigned bit = (unsigned)__builtin_ctzl(ready);

        ready &= ready - 1;
        take(word * 64 + bit, vcpu);
    }
}

void events_scan_two_level(void)
{
    unsigned vcpu = this_vcpu()->id;
    uint64_t words =
        __atomic_exchange_n(&vcpu_info_of(vcpu)->evtchn_pending_sel, 0, __ATOMIC_SEQ_CST);

    while (words) {
        scan_word((unsigned)__builtin_ctzl(words), vcpu);
        words &= words - 1;
    }
}

void events_upcall(void)
{
    unsigned vcpu = this_vcpu()->id;
    struct vcpu_info *info = vcpu_info_of(vcpu);

    upcall_count++;
    while (__atomic_exchange_n(&info->evtchn_upcall_pending, 0, __ATOMIC_SEQ_CST)) {
        if (events_scan_hook)
            events_scan_hook();
        else
            events_scan_two_level();
    }
}

// With events masked from before the timer is set, it cannot fire too early to be waited for.
void events_sleep(uint64_t ns)
{
    events_disable();
    hc(set_timer_op, time_now() + ns);
    events_block();
    events_enable();
}

static void poll_port(evtchn_port_t port, uint64_t deadline)
{
    struct sched_poll poll = {.nr_ports = 1, .timeout = deadline};

    poll.ports = &port;
    hc(sched_op, SCHEDOP_poll, &poll);
}

bool event_wait(unsigned port, unsigned seen, uint64_t ns)
{
    uint64_t deadline = time_now() + ns;

    while (event_count[port] == seen) {
        if (time_now() >= deadline)
            return false;
        events_disable();
        if (event_count[port] == seen)
            poll_port(port, deadline);
        events_enable();
    }
    return true;
}

// Ports

static uint64_t bit_of(unsigned port)
{
    return 1UL << (port % 64);
}

void port_mask(unsigned port)
{
    __atomic_fetch_or(&shared_info->evtchn_mask[port / 64], bit_of(port), __ATOMIC_SEQ_CST);
}

void port_clear_mask(unsigned port)
{
    __atomic_fetch_and(&shared_info->evtchn_mask[port / 64], ~bit_of(port), __ATOMIC_SEQ_CST);
}

bool port_pending(unsigned port)
{
    return __atomic_load_n(&shared_info->evtchn_pending[port / 64], __ATOMIC_SEQ_CST) &
           bit_of(port);
}

void port_clear_pending(unsigned port)
{
    __atomic_fetch_and(&shared_info->evtchn_pending[port / 64], ~bit_of(port), __ATOMIC_SEQ_CST);
}

void port_unmask(unsigned port)
{
    struct evtchn_unmask op = {.port = port};

    hc(event_channel_op, EVTCHNOP_unmask, &op);
}

long port_alloc_unbound(unsigned dom, unsigned remote)
{
    struct evtchn_alloc_unbound op = {.dom = (domid_t)dom, .remote_dom = (domid_t)remote};
    long error = hc(event_channel_op, EVTCHNOP_alloc_unbound, &op);

    return error ? error : (long)op.port;
}

long port_bind_interdomain(unsigned remote_dom, unsigned remote_port)
{
    struct evtchn_bind_interdomain op = {.remote_dom = (domid_t)remote_dom,
                                         .remote_port = remote_port};
    long error = hc(event_channel_op, EVTCHNOP_bind_interdomain, &op);

    return error ? error : (long)op.local_port;
}

long port_bind_virq(unsigned virq, unsigned vcpu)
{
    struct evtchn_bind_virq op = {.virq = virq, .vcpu = vcpu};
    long error = hc(event_channel_op, EVTCHNOP_bind_virq, &op);

    return error ? error : (long)op.port;
}

long port_bind_ipi(unsigned vcpu)
{
    struct evtchn_bind_ipi op = {.vcpu = vcpu};
    long error = hc(event_channel_op, EVTCHNOP_bind_ipi, &op);

    return error ? error : (long)op.port;
}

long port_close(unsigned port)
{
    struct evtchn_close op = {.port = port};

    return hc(event_channel_op, EVTCHNOP_close, &op);
}

long port_send(unsigned port)
{
    struct evtchn_send op = {.port = port};

    return hc(event_channel_op, EVTCHNOP_send, &op);
}

void port_pair(unsigned *a, unsigned *b)
{
    long port = port_alloc_unbound(DOMID_SELF, DOMID_SELF);

    REQUIRE(port > 0 && port < MAX_TEST_PORTS);
    *a = (unsigned)port;
    port = port_bind_interdomain(DOMID_SELF, *a);
    REQUIRE(port > 0 && port < MAX_TEST_PORTS);
    *b = (unsigned)port;
}
