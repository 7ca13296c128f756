// The FIFO event-channel ABI: event words in the guest's own pages, linked into queues by priority.
// It cannot be left but by a reset, after which the runtime binds its timer anew.
#include "tests/guests/common/guest.h"

#define VCPU_0 0

static volatile event_word_t *words;                       // one frame of them: ports 0 to 1023
static volatile struct evtchn_fifo_control_block *control; // of vCPU 0
static unsigned order[64], taken;                          // ports in the order in which they came

static long init_control(uint64_t gfn, uint32_t offset, uint32_t vcpu)
{
    struct evtchn_init_control op = {.control_gfn = gfn, .offset = offset, .vcpu = vcpu};
    long error = hc(event_channel_op, EVTCHNOP_init_control, &op);

    if (!error)
        CHECK_EQ(op.link_bits, EVTCHN_FIFO_LINK_BITS);
    return error;
}

static long expand_array(uint64_t gfn)
{
    struct evtchn_expand_array op = {.array_gfn = gfn};

    return hc(event_channel_op, EVTCHNOP_expand_array, &op);
}

static long set_priority(unsigned port, unsigned priority)
{
    struct evtchn_set_priority op = {.port = port, .priority = priority};

    return hc(event_channel_op, EVTCHNOP_set_priority, &op);
}

static bool word_bit(unsigned port, unsigned bit)
{
    return words[port] & 1U << bit;
}

static void word_clear(unsigned port, unsigned bit)
{
    __atomic_fetch_and(&words[port], ~(1U << bit), __ATOMIC_SEQ_CST);
}

// Takes the head off a queue: its link becomes the new head; 0 when it was the last.
static unsigned take_head(unsigned queue)
{
    unsigned port = control->head[queue];
    event_word_t word = words[port], wanted;

    do {
        wanted = word & ~(1U << EVTCHN_FIFO_LINKED | EVTCHN_FIFO_LINK_MASK);
    } while (!__atomic_compare_exchange_n(&words[port], &word, wanted, false, __ATOMIC_SEQ_CST,
                                          __ATOMIC_SEQ_CST));
    control->head[queue] = word & EVTCHN_FIFO_LINK_MASK;
    return port;
}

static void scan_fifo(void)
{
    uint32_t ready = __atomic_exchange_n(&control->ready, 0, __ATOMIC_SEQ_CST);

    while (ready) {
        unsigned queue = (unsigned)__builtin_ctz(ready);
        unsigned port = take_head(queue);

        if (!control->head[queue])
            ready &= ready - 1;
        if (!port)
            continue;
        if (word_bit(port, EVTCHN_FIFO_PENDING) && !word_bit(port, EVTCHN_FIFO_MASKED)) {
            word_clear(port, EVTCHN_FIFO_PENDING);
            event_count[port]++;
            if (taken < ARRAY_SIZE(order))
                order[taken++] = port;
        }
        ready |= __atomic_exchange_n(&control->ready, 0, __ATOMIC_SEQ_CST);
    }
}

// Back to the 2-level ABI with nothing bound but the timer.
static void leave_fifo(void)
{
    struct evtchn_reset op = {.dom = DOMID_SELF};
    long port;

    CHECK_OK(hc(event_channel_op, EVTCHNOP_reset, &op));
    events_scan_hook = NULL;
    port = port_bind_virq(VIRQ_TIMER, 0);
    REQUIRE(port > 0);
    timer_port = (unsigned)port;
}

static void enter_fifo(void)
{
    words = page_alloc();
    control = page_alloc();
    taken = 0;
    events_disable();
    REQUIRE_OK(init_control(mfn_of((void *)control), 0, VCPU_0));
    REQUIRE_OK(expand_array(mfn_of((void *)words)));
    events_scan_hook = scan_fifo;
    events_enable();
}

TEST(fifo_before_init)
{
    CHECK_ERR(expand_array(mfn_of(page_alloc())), EOPNOTSUPP);
    CHECK_ERR(set_priority(timer_port, 3), ENOSYS);
}

TEST(fifo_init_refused)
{
    uint64_t *page = page_alloc();

    CHECK_ERR(init_control(mfn_of(page), 4, VCPU_0), EINVAL); // unaligned
    CHECK_ERR(init_control(mfn_of(page), PAGE_SIZE - 64, VCPU_0), EINVAL);
    CHECK_ERR(init_control(mfn_of(page), 0xfffffff8, VCPU_0), EINVAL);
    CHECK_ERR(init_control(mfn_of(page), 0, 4096), ENOENT);
    CHECK_ERR(init_control(0x000000ffffffffff, 0, VCPU_0), EINVAL);
    CHECK_REFUSED(init_control(kernel_root(), 0, VCPU_0));
    // Refusals leave the 2-level ABI in force.
    CHECK_ERR(set_priority(timer_port, 3), ENOSYS);
    unsigned seen = event_count[timer_port];
    CHECK_OK(hc(set_timer_op, time_now() + NS_PER_MS));
    CHECK(event_wait(timer_port, seen, NS_PER_S));
}

TEST(fifo_delivery)
{
    unsigned a, b, seen;

    enter_fifo();
    port_pair(&a, &b);
    seen = event_count[b];
    CHECK_OK(port_send(a));
    CHECK_EQ(event_count[b], seen + 1);
    CHECK_EQ(words[b] & (1U << EVTCHN_FIFO_PENDING | 1U << EVTCHN_FIFO_LINKED), 0);
    // With events masked the port waits in its queue.
    events_disable();
    CHECK_OK(port_send(a));
    CHECK_EQ(control->ready, 1U << EVTCHN_FIFO_PRIORITY_DEFAULT);
    CHECK_EQ(control->head[EVTCHN_FIFO_PRIORITY_DEFAULT], b);
    CHECK(word_bit(b, EVTCHN_FIFO_PENDING) && word_bit(b, EVTCHN_FIFO_LINKED));
    CHECK_OK(port_send(a)); // once is enough
    CHECK_EQ(words[b] & EVTCHN_FIFO_LINK_MASK, 0);
    events_enable();
    CHECK_EQ(event_count[b], seen + 2);
    leave_fifo();
}

TEST(fifo_mask)
{
    struct evtchn_unmask unmask;
    unsigned a, b, seen;

    enter_fifo();
    port_pair(&a, &b);
    seen = event_count[b];
    __atomic_fetch_or(&words[b], 1U << EVTCHN_FIFO_MASKED, __ATOMIC_SEQ_CST);
    CHECK_OK(port_send(a));
    CHECK_EQ(event_count[b], seen);
    CHECK(word_bit(b, EVTCHN_FIFO_PENDING) && !word_bit(b, EVTCHN_FIFO_LINKED));
    unmask.port = b;
    CHECK_OK(hc(event_channel_op, EVTCHNOP_unmask, &unmask));
    CHECK_EQ(event_count[b], seen + 1);
    CHECK(!word_bit(b, EVTCHN_FIFO_MASKED));
    leave_fifo();
}

// First in, first out; and a more urgent queue in front of the others.
TEST(fifo_order_and_priority)
{
    unsigned port[6];
    bool in_order = true;

    enter_fifo();
    for (unsigned i = 0; i < 6; i++) {
        long n = port_bind_ipi(0);

        REQUIRE(n > 0 && n < 1024);
        port[i] = (unsigned)n;
    }
    CHECK_OK(set_priority(port[4], 2));
    CHECK_OK(set_priority(port[5], EVTCHN_FIFO_PRIORITY_MAX));
    events_disable();
    taken = 0;
    for (unsigned i = 0; i < 6; i++)
        CHECK_OK(port_send(port[i]));
    CHECK_EQ(control->ready,
             1U << EVTCHN_FIFO_PRIORITY_MAX | 1U << 2 | 1U << EVTCHN_FIFO_PRIORITY_DEFAULT);
    events_enable();
    CHECK_EQ(taken, 6);
    CHECK_EQ(order[0], port[5]);
    CHECK_EQ(order[1], port[4]);
    for (unsigned i = 0; i < 4; i++)
        in_order &= order[i + 2] == port[i];
    CHECK(in_order);
    leave_fifo();
}

TEST(fifo_set_priority_refused)
{
    unsigned a, b;

    enter_fifo();
    port_pair(&a, &b);
    CHECK_OK(set_priority(b, EVTCHN_FIFO_PRIORITY_MIN));
    CHECK_ERR(set_priority(b, EVTCHN_FIFO_PRIORITY_MIN + 1), EINVAL);
    CHECK_ERR(set_priority(b, 0xffffffff), EINVAL);
    CHECK_ERR(set_priority(0xffffffff, 3), EINVAL);
    CHECK_ERR(set_priority(200000, 3), EINVAL);
    leave_fifo();
}

TEST(fifo_init_twice)
{
    uint64_t *page = page_alloc();

    enter_fifo();
    CHECK_ERR(init_control(mfn_of(page), 0, VCPU_0), EINVAL);
    if (vcpu_count() > 1) {
        CHECK_OK(init_control(mfn_of(page), 72, 1)); // another vCPU's may share a page
        CHECK_ERR(init_control(mfn_of(page), 144, 1), EINVAL);
    }
    leave_fifo();
}

TEST(fifo_expand_array)
{
    uint64_t *second = page_alloc();
    unsigned n = 0, got = 0;
    long port = 0, last = 0;

    enter_fifo();
    CHECK_ERR(expand_array(0x000000ffffffffff), EINVAL);
    CHECK_REFUSED(expand_array(kernel_root()));
    CHECK_OK(expand_array(mfn_of(second)));
    // Ports beyond 1023 have their words there.
    while (n++ < 1100 && (port = port_alloc_unbound(DOMID_SELF, DOMID_SELF)) > 0)
        last = port;
    CHECK(last > 1024);
    port = port_bind_ipi(0);
    REQUIRE(port > 1024 && port < 2048);
    events_disable();
    CHECK_OK(port_send((unsigned)port));
    got = ((volatile event_word_t *)second)[port - 1024];
    CHECK(got & 1U << EVTCHN_FIFO_PENDING);
    CHECK_EQ(control->head[EVTCHN_FIFO_PRIORITY_DEFAULT], port);
    control->ready = 0;
    vcpu_info_of(0)->evtchn_upcall_pending = 0;
    leave_fifo();
    events_enable();
}

// A guest may write what it likes into its own words: the hypervisor must neither hang nor follow.
TEST(fifo_hostile_words)
{
    unsigned a, b;

    enter_fifo();
    port_pair(&a, &b);
    events_disable();
    for (unsigned i = 1; i < 1024; i++)
        words[i] = 0x3fffffff & (i * 2654435761U); // links, linked, busy
    for (unsigned i = 0; i < 16; i++)
        control->head[i] = 0x1ffff;
    control->ready = 0xffffffff;
    for (unsigned i = 0; i < 20; i++) {
        words[b] = i & 1 ? 1U << EVTCHN_FIFO_LINKED | 0x1ffff : 1U << EVTCHN_FIFO_BUSY;
        CHECK_OK(port_send(a));
        set_priority(b, i % 16);
    }
    for (unsigned i = 0; i < 1024; i++)
        words[i] = 0;
    control->ready = 0;
    vcpu_info_of(0)->evtchn_upcall_pending = 0;
    leave_fifo();
    events_enable();
    unsigned seen = event_count[timer_port];
    CHECK_OK(hc(set_timer_op, time_now() + NS_PER_MS));
    CHECK(event_wait(timer_port, seen, NS_PER_S));
}
