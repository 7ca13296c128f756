// Ioreq servers: what they are asked, what their answers do, and that nothing which they do keeps a
// vCPU waiting or mixes up its answers.
//
// sources: hypervisor/hvm/ioreq.c hypervisor/hvm/ioreq_server.c hypervisor/hvm/access.c
// sources: hypervisor/hvm/lapic.c hypervisor/hvm/lapic_bus.c hypervisor/hvm/p2m.c
// sources: hypervisor/core/rangeset.c hypervisor/core/permissions.c hypervisor/core/event.c
// sources: hypervisor/core/event_2l.c hypervisor/core/event_bind.c hypervisor/core/event_consumer.c
// sources: hypervisor/core/event_fifo.c hypervisor/core/event_fifo_setup.c
// sources: hypervisor/core/event_op.c hypervisor/core/event_send.c hypervisor/core/guest_frame.c
// sources: tests/unit/hvm_kit.c tests/unit/fake/platform.c tests/unit/fake/frames.c
#include <pthread.h>
#include <sched.h>
#include <string.h>

#include "core/event_impl.h"
#include "tests/suite.h"
#include "tests/unit/ioreq_kit.h"

#define PORT 0x300
#define MMIO 0xf0000000ull

static struct device_model model;

static void begin(unsigned nr_vcpus, uint8_t buffering)
{
    make_world(nr_vcpus);
    memset(&model, 0, sizeof(model));
    model_start(&model, buffering);
    model_range(&model, XEN_DMOP_IO_RANGE_PORT, PORT, PORT + 7);
    model_range(&model, XEN_DMOP_IO_RANGE_MEMORY, MMIO, MMIO + 0xfff);
    as_guest(0);
}

static enum hvm_access_result try(struct hvm_access *a)
{
    return hvm_access(to_hvm(current), a);
}

// What hvm_prepare() does; true: the exit is to be dealt with again.
static bool finished(void)
{
    struct hvm_vcpu *v = to_hvm(current);

    if (!ioreq_finish(v))
        return false;
    hvm_access_answer(v, v->ioreqs.answer);
    return true;
}

static bool sleeps(void)
{
    return current->pause_flags & VPF_DEVICE;
}

static struct hvm_access reading(bool port, uint64_t address, uint8_t bytes)
{
    return (struct hvm_access){.address = address, .bytes = bytes, .port = port};
}

// A read with nobody who would have to answer.
static uint64_t read_now(bool port, uint64_t address, uint8_t bytes)
{
    struct hvm_access a = reading(port, address, bytes);

    CU_ASSERT_EQUAL(try(&a), HVM_ACCESS_DONE);
    hvm_access_retire(to_hvm(current));
    return a.data;
}

static void test_question_and_answer(void)
{
    struct hvm_access a = reading(true, PORT + 4, 2);
    const struct ioreq *r;

    begin(2, HVM_IOREQSRV_BUFIOREQ_OFF);
    as_guest(1);
    CU_ASSERT_EQUAL(try(&a), HVM_ACCESS_WAIT);
    r = &model.requests[1];
    CU_ASSERT_EQUAL(r->addr, PORT + 4);
    CU_ASSERT_EQUAL(r->size, 2);
    CU_ASSERT_EQUAL(r->count, 1);
    CU_ASSERT_EQUAL(r->type, IOREQ_TYPE_PIO);
    CU_ASSERT_EQUAL(r->dir, IOREQ_READ);
    CU_ASSERT_EQUAL(r->data_is_ptr, 0);
    CU_ASSERT_EQUAL(r->state, STATE_IOREQ_READY);
    CU_ASSERT_EQUAL(model_state(&model, 0), STATE_IOREQ_NONE);
    CU_ASSERT(bit_test(tools->shared_info->evtchn_pending, model.ports[1]));
    CU_ASSERT_FALSE(finished());
    CU_ASSERT(sleeps());
    model_set_state(&model, 1, STATE_IOREQ_INPROCESS);
    guest_send(tools->vcpus[0], model.ports[1]); // too early
    as_guest(1);
    CU_ASSERT_FALSE(sleeps());
    CU_ASSERT_FALSE(finished());
    CU_ASSERT(sleeps());
    model_answer(&model, 1, 0x1234);
    as_guest(1);
    CU_ASSERT_FALSE(sleeps());
    CU_ASSERT(finished());
    a = reading(true, PORT + 4, 2);
    CU_ASSERT_EQUAL(try(&a), HVM_ACCESS_DONE);
    CU_ASSERT_EQUAL(a.data, 0x1234);
    CU_ASSERT_EQUAL(model_state(&model, 1), STATE_IOREQ_NONE);
    end_world();
}

// A read and a write, as of one instruction: the second waits too, the first is not made again.
static void test_two_accesses(void)
{
    struct hvm_access a = reading(false, MMIO, 8), b = {.address = MMIO + 8, .bytes = 8};

    begin(1, HVM_IOREQSRV_BUFIOREQ_OFF);
    b.write = true;
    CU_ASSERT_EQUAL(try(&a), HVM_ACCESS_WAIT);
    CU_ASSERT_EQUAL(model.requests[0].type, IOREQ_TYPE_COPY);
    model_answer(&model, 0, 0x1122334455667788);
    as_guest(0);
    CU_ASSERT(finished());
    CU_ASSERT_EQUAL(try(&a), HVM_ACCESS_DONE);
    b.data = a.data;
    CU_ASSERT_EQUAL(try(&b), HVM_ACCESS_WAIT);
    CU_ASSERT_EQUAL(model.requests[0].dir, IOREQ_WRITE);
    CU_ASSERT_EQUAL(model.requests[0].data, 0x1122334455667788);
    model_answer(&model, 0, 0x5555); // of a write: means nothing
    as_guest(0);
    CU_ASSERT(finished());
    a.data = b.data = 0;
    CU_ASSERT_EQUAL(try(&a), HVM_ACCESS_DONE);
    CU_ASSERT_EQUAL(a.data, 0x1122334455667788);
    CU_ASSERT_EQUAL(try(&b), HVM_ACCESS_DONE);
    CU_ASSERT_EQUAL(model_state(&model, 0), STATE_IOREQ_NONE);
    end_world();
}

// A string's values are the server's to fetch. Where the hypervisor has to know of each, or nobody
// has the port, they come one by one.
static void test_strings(void)
{
    struct hvm_access a = {
        .address = PORT, .data = 0x5ffc, .bytes = 2, .port = true, .down = true, .count = 7};
    struct hvm_access b = a;

    begin(1, HVM_IOREQSRV_BUFIOREQ_OFF);
    CU_ASSERT_EQUAL(try(&a), HVM_ACCESS_WAIT);
    CU_ASSERT_EQUAL(model.requests[0].addr, PORT);
    CU_ASSERT_EQUAL(model.requests[0].data, 0x5ffc);
    CU_ASSERT_EQUAL(model.requests[0].count, 7);
    CU_ASSERT_EQUAL(model.requests[0].data_is_ptr, 1);
    CU_ASSERT_EQUAL(model.requests[0].df, 1);
    CU_ASSERT_EQUAL(model.requests[0].dir, IOREQ_READ);
    model_answer(&model, 0, 0);
    as_guest(0);
    CU_ASSERT(finished());
    CU_ASSERT_EQUAL(try(&b), HVM_ACCESS_DONE);
    hvm_access_retire(to_hvm(current));
    b.address = PORT + 0x100;
    CU_ASSERT_EQUAL(try(&b), HVM_ACCESS_SINGLY);
    as_tools();
    model_range(&model, XEN_DMOP_IO_RANGE_PORT, 0xcf8, 0xcff);
    as_guest(0);
    b.address = 0xcf8;
    CU_ASSERT_EQUAL(try(&b), HVM_ACCESS_SINGLY);
    b.address = 0xcfe;
    CU_ASSERT_EQUAL(try(&b), HVM_ACCESS_SINGLY);
    CU_ASSERT_EQUAL(to_hvm(current)->accesses.nr, 0);
    b = reading(true, PORT, 2); // the next has nothing of it
    CU_ASSERT_EQUAL(try(&b), HVM_ACCESS_WAIT);
    CU_ASSERT_EQUAL(model.requests[0].data_is_ptr, 0);
    CU_ASSERT_EQUAL(model.requests[0].df, 0);
    end_world();
}

// Value by value, where each has to be waited for: the first is not asked for again when the string
// is tried once more.
static void test_string_singly(void)
{
    const struct hvm_access string = {
        .address = 0xcfc, .data = 0x5000, .bytes = 1, .port = true, .count = 4};
    struct hvm_access a = string;

    begin(1, HVM_IOREQSRV_BUFIOREQ_OFF);
    as_tools();
    model_range(&model, XEN_DMOP_IO_RANGE_PCI, 0, 0);
    as_guest(0);
    guest->d.pci_address = 0x80000000;
    CU_ASSERT_EQUAL(try(&a), HVM_ACCESS_SINGLY);
    a = reading(true, 0xcfc, 1);
    CU_ASSERT_EQUAL(try(&a), HVM_ACCESS_WAIT);
    CU_ASSERT_EQUAL(model.requests[0].type, IOREQ_TYPE_PCI_CONFIG);
    model_answer(&model, 0, 0x42);
    as_guest(0);
    CU_ASSERT(finished());
    a = string;
    CU_ASSERT_EQUAL(try(&a), HVM_ACCESS_SINGLY);
    a = reading(true, 0xcfc, 1);
    CU_ASSERT_EQUAL(try(&a), HVM_ACCESS_DONE);
    CU_ASSERT_EQUAL(a.data, 0x42);
    end_world();
}

static void test_claims(void)
{
    struct xen_dm_op_ioreq_server_range r = {.start = PORT, .end = PORT + 3};
    struct hvm_access a = reading(true, PORT + 4, 4);

    begin(1, HVM_IOREQSRV_BUFIOREQ_OFF);
    CU_ASSERT_EQUAL(read_now(true, PORT + 8, 1), ~0ull);
    CU_ASSERT_EQUAL(read_now(true, PORT + 6, 4), ~0ull); // sticks out
    CU_ASSERT_EQUAL(read_now(true, 0x80, 1), ~0ull);
    CU_ASSERT_EQUAL(read_now(false, MMIO + 0xffc, 8), ~0ull);
    CU_ASSERT_EQUAL(read_now(false, PORT, 4), ~0ull);
    CU_ASSERT_EQUAL(read_now(false, ~0ull - 3, 8), ~0ull);
    as_tools();
    CU_ASSERT_EQUAL(ioreq_server_map(&guest->d, &r), -EEXIST);
    CU_ASSERT_EQUAL(ioreq_server_unmap(&guest->d, &r), 0);
    CU_ASSERT_EQUAL(ioreq_server_unmap(&guest->d, &r), -ENOENT);
    as_guest(0);
    CU_ASSERT_EQUAL(read_now(true, PORT, 1), ~0ull);
    CU_ASSERT_EQUAL(try(&a), HVM_ACCESS_WAIT); // the rest is claimed still
    model_answer(&model, 0, 1);
    as_guest(0);
    CU_ASSERT(finished());
    hvm_access_retire(to_hvm(current));
    as_tools();
    ioreq_server_enable(&guest->d, model.id, false);
    as_guest(0);
    CU_ASSERT_EQUAL(read_now(true, PORT + 4, 1), ~0ull);
    end_world();
}

static void choose_function(uint32_t address)
{
    struct hvm_access a = {
        .address = 0xcf8, .data = address, .bytes = 4, .port = true, .write = true};

    CU_ASSERT_EQUAL(try(&a), HVM_ACCESS_DONE);
    hvm_access_retire(to_hvm(current));
}

static void test_pci_config(void)
{
    struct hvm_access a = reading(true, 0xcfe, 2);

    begin(1, HVM_IOREQSRV_BUFIOREQ_OFF);
    as_tools();
    model_range(&model, XEN_DMOP_IO_RANGE_PCI, XEN_DMOP_PCI_SBDF(0, 0, 2, 0),
                XEN_DMOP_PCI_SBDF(0, 0, 2, 0));
    as_guest(0);
    choose_function(0x80000000 | 1 << 11);
    CU_ASSERT_EQUAL(read_now(true, 0xcfc, 4), ~0ull); // another function
    choose_function(2 << 11 | 0x40);
    CU_ASSERT_EQUAL(read_now(true, 0xcfc, 4), ~0ull); // not enabled
    choose_function(0x80000000 | 2 << 11 | 0x40);
    CU_ASSERT_EQUAL(read_now(true, 0xcfe, 4), ~0ull); // more than the window
    CU_ASSERT_EQUAL(try(&a), HVM_ACCESS_WAIT);
    CU_ASSERT_EQUAL(model.requests[0].type, IOREQ_TYPE_PCI_CONFIG);
    CU_ASSERT_EQUAL(model.requests[0].addr, 0x10ull << 32 | 0x42);
    CU_ASSERT_EQUAL(model.requests[0].size, 2);
    end_world();
}

static void test_posted_writes(void)
{
    struct hvm_access a = {.address = 0xa0010, .data = 0x77, .bytes = 1, .write = true};
    struct hvm_access wide = {
        .address = 0xbfff8, .data = 0x1122334455667788, .bytes = 8, .write = true};
    struct buffered_iopage *b;
    unsigned n = 0;

    begin(1, HVM_IOREQSRV_BUFIOREQ_ATOMIC);
    b = model.buffer;
    as_tools();
    model_range(&model, XEN_DMOP_IO_RANGE_MEMORY, 0xa0000, 0xbffff);
    as_guest(0);
    CU_ASSERT_EQUAL(try(&a), HVM_ACCESS_DONE);
    CU_ASSERT_EQUAL(try(&wide), HVM_ACCESS_DONE);
    hvm_access_retire(to_hvm(current));
    CU_ASSERT_EQUAL(b->write_pointer, 3);
    CU_ASSERT_EQUAL(b->buf_ioreq[0].addr, 0xa0010);
    CU_ASSERT_EQUAL(b->buf_ioreq[0].size, 0);
    CU_ASSERT_EQUAL(b->buf_ioreq[0].data, 0x77);
    CU_ASSERT_EQUAL(b->buf_ioreq[0].dir, IOREQ_WRITE);
    CU_ASSERT_EQUAL(b->buf_ioreq[0].type, IOREQ_TYPE_COPY);
    CU_ASSERT_EQUAL(b->buf_ioreq[1].size, 3);
    CU_ASSERT_EQUAL(b->buf_ioreq[1].data, 0x55667788);
    CU_ASSERT_EQUAL(b->buf_ioreq[2].data, 0x11223344);
    CU_ASSERT(bit_test(tools->shared_info->evtchn_pending, model.buffer_port));
    for (; n < 600 && try(&a) == HVM_ACCESS_DONE; n++)
        hvm_access_retire(to_hvm(current));
    CU_ASSERT_EQUAL(n, IOREQ_BUFFER_SLOT_NUM - 3); // then it asks, as for anything else
    CU_ASSERT_EQUAL(model.requests[0].addr, 0xa0010);
    __atomic_fetch_add(&b->read_pointer, IOREQ_BUFFER_SLOT_NUM, __ATOMIC_SEQ_CST);
    model_answer(&model, 0, 0);
    as_guest(0);
    CU_ASSERT(finished());
    hvm_access_retire(to_hvm(current));
    CU_ASSERT_EQUAL(try(&a), HVM_ACCESS_DONE); // both pointers have been around
    CU_ASSERT_EQUAL(b->read_pointer, 0);
    CU_ASSERT_EQUAL(b->write_pointer, 1);
    b->write_pointer = 0xfffffff0; // nonsense: the writes go where the server says, in the page
    b->read_pointer = 0x12345678;
    for (unsigned i = 0; i < 600; i++) {
        b->read_pointer = b->write_pointer;
        hvm_access_retire(to_hvm(current));
        CU_ASSERT_EQUAL(try(&a), HVM_ACCESS_DONE);
    }
    end_world();
}

// A state that is none, the server's end, its removal: each answers with all ones.
static void test_bad_servers(void)
{
    struct hvm_access a = reading(true, PORT, 4);

    for (unsigned state = 0; state < 16; state++) {
        if (state >= STATE_IOREQ_READY && state <= STATE_IORESP_READY)
            continue;
        begin(1, HVM_IOREQSRV_BUFIOREQ_OFF);
        CU_ASSERT_EQUAL(try(&a), HVM_ACCESS_WAIT);
        CU_ASSERT_FALSE(finished());
        model.requests[0].data = 5;
        model_set_state(&model, 0, (uint8_t)state);
        guest_send(tools->vcpus[0], model.ports[0]);
        as_guest(0);
        CU_ASSERT_FALSE(sleeps());
        CU_ASSERT(finished());
        CU_ASSERT_EQUAL(try(&a), HVM_ACCESS_DONE);
        CU_ASSERT_EQUAL(a.data, ~0ull);
        end_world();
    }
}

static void test_end_of_server(void)
{
    struct hvm_access a = reading(true, PORT, 4);

    begin(1, HVM_IOREQSRV_BUFIOREQ_OFF);
    CU_ASSERT_EQUAL(try(&a), HVM_ACCESS_WAIT);
    CU_ASSERT_FALSE(finished());
    model_set_state(&model, 0, STATE_IOREQ_INPROCESS);
    guest_close(tools->vcpus[0], model.ports[0]); // as when its process ends
    model_listen(&model);                         // ... and another comes at once
    as_guest(0);
    CU_ASSERT_FALSE(sleeps());
    CU_ASSERT(finished());
    CU_ASSERT_EQUAL(try(&a), HVM_ACCESS_DONE);
    CU_ASSERT_EQUAL(a.data, ~0ull);
    hvm_access_retire(to_hvm(current));
    CU_ASSERT_EQUAL(try(&a), HVM_ACCESS_WAIT);
    CU_ASSERT_FALSE(finished());
    guest_close(tools->vcpus[0], model.ports[0]); // nobody comes
    as_guest(0);
    CU_ASSERT(finished());
    hvm_access_retire(to_hvm(current));
    CU_ASSERT_EQUAL(read_now(true, PORT, 4), ~0ull); // it is asked no more
    as_tools();
    model_listen(&model); // until it is back
    as_guest(0);
    CU_ASSERT_EQUAL(try(&a), HVM_ACCESS_WAIT);
    CU_ASSERT_FALSE(finished());
    as_tools();
    CU_ASSERT_EQUAL(ioreq_server_destroy(&guest->d, model.id), 0);
    as_guest(0);
    CU_ASSERT_FALSE(sleeps());
    CU_ASSERT(finished());
    CU_ASSERT_EQUAL(try(&a), HVM_ACCESS_DONE);
    CU_ASSERT_EQUAL(a.data, ~0ull);
    hvm_access_retire(to_hvm(current));
    CU_ASSERT_EQUAL(read_now(true, PORT, 4), ~0ull);
    end_world();
}

// The domain ends with a vCPU that waits: end_world() finds whatever was left.
static void test_end_of_domain(void)
{
    struct hvm_access a = reading(true, PORT, 4);

    begin(2, HVM_IOREQSRV_BUFIOREQ_LEGACY);
    CU_ASSERT_EQUAL(try(&a), HVM_ACCESS_WAIT);
    CU_ASSERT_FALSE(finished());
    end_world();
}

// Where a server has ended and was not removed, its successor with the same claims serves.
static void test_successor(void)
{
    struct hvm_access a = reading(true, PORT, 4);
    struct device_model other = {0};

    begin(1, HVM_IOREQSRV_BUFIOREQ_OFF);
    model_start(&other, HVM_IOREQSRV_BUFIOREQ_OFF);
    model_range(&other, XEN_DMOP_IO_RANGE_PORT, PORT, PORT + 7);
    guest_close(tools->vcpus[0], model.ports[0]);
    as_guest(0);
    CU_ASSERT_EQUAL(try(&a), HVM_ACCESS_WAIT);
    CU_ASSERT_EQUAL(model_state(&model, 0), STATE_IOREQ_NONE);
    CU_ASSERT_EQUAL(model_state(&other, 0), STATE_IOREQ_READY);
    end_world();
}

static void test_invalidate(void)
{
    struct device_model other = {0};

    begin(1, HVM_IOREQSRV_BUFIOREQ_OFF);
    model_start(&other, HVM_IOREQSRV_BUFIOREQ_OFF);
    as_guest(0);
    ioreq_invalidate(guest_vcpu(0));
    CU_ASSERT_EQUAL(model.requests[0].type, IOREQ_TYPE_INVALIDATE);
    CU_ASSERT_EQUAL(other.requests[0].type, IOREQ_TYPE_INVALIDATE);
    CU_ASSERT_FALSE(ioreq_finish(guest_vcpu(0)));
    model_answer(&model, 0, 0);
    as_guest(0);
    CU_ASSERT_FALSE(ioreq_finish(guest_vcpu(0))); // the other is not done
    model_answer(&other, 0, 0);
    as_guest(0);
    CU_ASSERT(ioreq_finish(guest_vcpu(0)));
    CU_ASSERT_FALSE(guest_vcpu(0)->ioreqs.busy);
    end_world();
}

static void test_limits(void)
{
    struct xen_dm_op_ioreq_server_range r = {.type = XEN_DMOP_IO_RANGE_PORT};
    struct xen_dm_op_get_ioreq_server_info info = {.id = 0};
    ioservid_t id;
    mfn_t mfn;

    begin(1, HVM_IOREQSRV_BUFIOREQ_OFF);
    as_tools();
    for (unsigned i = 1; i < IOREQ_SERVERS; i++)
        CU_ASSERT_EQUAL(ioreq_server_create(&guest->d, HVM_IOREQSRV_BUFIOREQ_OFF, &id), 0);
    CU_ASSERT_EQUAL(ioreq_server_create(&guest->d, HVM_IOREQSRV_BUFIOREQ_OFF, &id), -ENOSPC);
    CU_ASSERT_EQUAL(ioreq_server_create(&guest->d, 3, &id), -EINVAL);
    for (unsigned i = 0; i < IOREQ_MAX_RANGES - 1; i++) {
        r.start = r.end = 0x1000 + i * 2;
        CU_ASSERT_EQUAL(ioreq_server_map(&guest->d, &r), 0);
    }
    r.start = r.end = 0x8000;
    CU_ASSERT_EQUAL(ioreq_server_map(&guest->d, &r), -ENOSPC);
    r.end = 0x10000;
    CU_ASSERT_EQUAL(ioreq_server_map(&guest->d, &r), -EINVAL);
    r.type = 3;
    CU_ASSERT_EQUAL(ioreq_server_map(&guest->d, &r), -EINVAL);
    CU_ASSERT_EQUAL(ioreq_server_info(&guest->d, &info), -EOPNOTSUPP); // wants frame numbers
    info.flags = 2;
    CU_ASSERT_EQUAL(ioreq_server_info(&guest->d, &info), -EINVAL);
    CU_ASSERT_EQUAL(ioreq_server_frame(&guest->d, 0, 0, &mfn), -ENOENT); // has no buffer
    CU_ASSERT_EQUAL(ioreq_server_frame(&guest->d, 0, 2, &mfn), -EINVAL);
    CU_ASSERT_EQUAL(ioreq_server_frame(&guest->d, IOREQ_SERVERS, 1, &mfn), -ENOENT);
    CU_ASSERT_EQUAL(ioreq_server_destroy(&guest->d, 0xffff), -ENOENT);
    as_guest(0); // anybody but its maker
    CU_ASSERT_EQUAL(ioreq_server_destroy(&guest->d, 0), -EPERM);
    CU_ASSERT_EQUAL(ioreq_server_frame(&guest->d, 0, 1, &mfn), -EPERM);
    end_world();
}

static void test_no_memory(void)
{
    ioservid_t id;

    for (int budget = 0; budget < 8; budget++) {
        int rc;

        make_world(2);
        fake_alloc_budget = budget;
        rc = ioreq_server_create(&guest->d, HVM_IOREQSRV_BUFIOREQ_ATOMIC, &id);
        fake_alloc_budget = -1;
        CU_ASSERT(rc == -ENOMEM || budget >= 6);
        CU_ASSERT_EQUAL(guest->d.events->nr_consumer_ports, rc ? 0 : 3);
        end_world();
    }
}

static bool was_finished;

static void *finish_elsewhere(void *unused)
{
    as_guest(0);
    was_finished = finished();
    return NULL;
}

// The answer and its event come when the vCPU has looked at the state and is not yet marked as one
// that sleeps: its look at the port, between the two, is held up by the port's lock.
static void test_answer_before_sleep(void)
{
    struct hvm_access a = reading(true, PORT, 4);
    struct event_port *port;
    pthread_t thread;

    begin(1, HVM_IOREQSRV_BUFIOREQ_OFF);
    CU_ASSERT_EQUAL(try(&a), HVM_ACCESS_WAIT);
    port = event_port_find(guest->d.events, model.requests[0].vp_eport);
    spin_lock(&port->lock);
    pthread_create(&thread, NULL, finish_elsewhere, NULL);
    while (port->lock.next == (uint16_t)(port->lock.owner + 1))
        sched_yield();
    model_answer(&model, 0, 9);
    spin_unlock(&port->lock);
    pthread_join(thread, NULL);
    CU_ASSERT(was_finished);
    CU_ASSERT_FALSE(guest->d.vcpus[0]->pause_flags & VPF_DEVICE);
    end_world();
}

// A vCPU that asks without pause, and a server that answers, talks nonsense, goes away and returns.
// ------------------------------------------------------------------------------------------------

#define ANSWERS    100000
#define MAX_ROUNDS 10000000

static bool asking;
static unsigned wrong, answered, unanswered, rounds;

static uint64_t answer_to(uint64_t port)
{
    return port * 0x1001;
}

static void *ask(void *unused)
{
    as_guest(0);
    for (unsigned i = 0; i < MAX_ROUNDS && answered < ANSWERS; i++) {
        struct hvm_access a = reading(true, PORT + i % 8, 1);

        while (try(&a) == HVM_ACCESS_WAIT) {
            while (!finished())
                while (sleeps())
                    sched_yield();
            a = reading(true, PORT + i % 8, 1);
        }
        hvm_access_retire(to_hvm(current));
        __atomic_fetch_add(&rounds, 1, __ATOMIC_SEQ_CST);
        if (a.data == answer_to(PORT + i % 8))
            answered++;
        else if (a.data == ~0ull)
            unanswered++;
        else
            wrong++;
        if (i % 64 == 0)
            sched_yield();
    }
    __atomic_store_n(&asking, false, __ATOMIC_SEQ_CST);
    return NULL;
}

// While a request is there. The guest must be done with it before the next is answered: an answer
// to a request that was given up would be taken for one to the next.
static void misbehave(unsigned how)
{
    unsigned before = __atomic_load_n(&rounds, __ATOMIC_SEQ_CST);

    as_tools();
    switch (how) {
    case 0:
        ioreq_server_destroy(&guest->d, model.id);
        model_start(&model, HVM_IOREQSRV_BUFIOREQ_OFF);
        model_range(&model, XEN_DMOP_IO_RANGE_PORT, PORT, PORT + 7);
        break;
    case 1:
        guest_close(tools->vcpus[0], model.ports[0]);
        model_listen(&model);
        break;
    case 2:
        model_set_state(&model, 0, (uint8_t)(4 + fake_below(12)));
        guest_send(tools->vcpus[0], model.ports[0]);
        break;
    default:
        guest_send(tools->vcpus[0], model.ports[0]);
        return;
    }
    while (__atomic_load_n(&rounds, __ATOMIC_SEQ_CST) == before)
        sched_yield();
}

static void serve(void)
{
    while (__atomic_load_n(&asking, __ATOMIC_SEQ_CST)) {
        struct ioreq *r = &model.requests[0];

        if (model_state(&model, 0) != STATE_IOREQ_READY) {
            sched_yield();
            continue;
        }
        if (fake_below(8) == 0) {
            misbehave(fake_below(4));
            continue;
        }
        model_set_state(&model, 0, STATE_IOREQ_INPROCESS);
        model_answer(&model, 0, answer_to(r->addr));
    }
}

static void test_race(void)
{
    pthread_t thread;

    begin(1, HVM_IOREQSRV_BUFIOREQ_OFF);
    wrong = answered = unanswered = rounds = 0;
    asking = true;
    pthread_create(&thread, NULL, ask, NULL);
    serve();
    pthread_join(thread, NULL);
    CU_ASSERT_EQUAL(wrong, 0);
    CU_ASSERT(answered == ANSWERS);
    CU_ASSERT(unanswered > 100);
    as_guest(0);
    CU_ASSERT_FALSE(to_hvm(current)->ioreqs.busy);
    end_world();
}

int main(void)
{
    static CU_TestInfo tests[] = {
        {"a question and its answer", test_question_and_answer},
        {"two accesses of an instruction", test_two_accesses},
        {"strings", test_strings},
        {"string by single values", test_string_singly},
        {"what a server claims", test_claims},
        {"an answer just before sleep", test_answer_before_sleep},
        {"PCI configuration space", test_pci_config},
        {"posted writes", test_posted_writes},
        {"servers that talk nonsense", test_bad_servers},
        {"servers that end", test_end_of_server},
        {"servers that succeed others", test_successor},
        {"domains that end", test_end_of_domain},
        {"memory given back", test_invalidate},
        {"limits and errors", test_limits},
        {"no memory", test_no_memory},
        {"a race", test_race},
        CU_TEST_INFO_NULL,
    };

    return run_suite("ioreq servers", tests);
}
