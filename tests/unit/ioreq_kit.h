// An HVM guest and domain 0, which runs ioreq servers for it, with real event channels.
#pragma once

#include <CUnit/Basic.h>

#include "lib/errno.h"
#include "lib/list.h"
#include "mm/alloc.h"
#include "tests/unit/event_guest.h"
#include "tests/unit/hvm_kit.h"

static struct hvm_domain *guest;
static struct domain *tools;

static int pirq_result = -EINVAL;
int pirq_guest_bind(struct vcpu *v, unsigned pirq, bool will_share)
{
    return pirq_result;
}

void pirq_guest_unbind(struct domain *d, unsigned pirq)
{
}

void pirq_guest_set_affinity(struct domain *d, unsigned pirq, unsigned cpu)
{
}

static unsigned works;
void work_raise(unsigned cpu, enum cpu_work work)
{
    works++;
}

static void give_events(struct domain *d)
{
    CU_ASSERT_EQUAL_FATAL(event_domain_init(d), 0);
    for (unsigned i = 0; i < d->max_vcpus; i++)
        CU_ASSERT_EQUAL_FATAL(event_vcpu_init(d->vcpus[i]), 0);
}

static void close_events(struct domain *d)
{
    while (event_domain_relinquish(d) == -ERESTART)
        ;
}

static void take_events(struct domain *d)
{
    event_domain_destroy(d);
    for (unsigned i = 0; i < d->max_vcpus; i++)
        event_vcpu_destroy(d->vcpus[i]);
}

static inline struct hvm_vcpu *guest_vcpu(unsigned i)
{
    return to_hvm(guest->d.vcpus[i]);
}

static inline void as_tools(void)
{
    fake_run(tools->vcpus[0]);
}

static inline void as_guest(unsigned i)
{
    fake_run(guest->d.vcpus[i]);
}

static inline void make_world(unsigned nr_vcpus)
{
    fake_reset();
    tools = fake_domain(0, 2, true);
    guest = kit_domain(nr_vcpus);
    guest->d.refs = 1;
    guest->d.shared_info = pages_alloc(0);
    for (unsigned i = 0; i < nr_vcpus; i++)
        guest->d.vcpus[i]->info = &guest->d.shared_info->vcpu_info[i];
    CU_ASSERT(domain_list_add(&guest->d));
    give_events(tools);
    give_events(&guest->d);
    as_tools();
}

// In the order in which a domain dies.
static inline void end_world(void)
{
    close_events(&guest->d);
    ioreq_domain_relinquish(&guest->d);
    close_events(tools);
    take_events(&guest->d);
    take_events(tools);
    ioreq_domain_destroy(&guest->d);
    fake_domain_remove(tools);
    domain_list_remove(&guest->d);
    pages_free(guest->d.shared_info, 0);
    kit_domain_free(guest);
    fake_domain_free(tools);
    CU_ASSERT_EQUAL(fake_reset(), 0);
}

// A server of domain 0's, its pages and ports, as a device model has them.
struct device_model {
    ioservid_t id;
    struct ioreq *requests;
    struct buffered_iopage *buffer;
    unsigned ports[8], buffer_port;
};

static inline void *model_page(struct device_model *m, uint64_t index)
{
    mfn_t mfn;

    CU_ASSERT_EQUAL_FATAL(ioreq_server_frame(&guest->d, m->id, index, &mfn), 0);
    return mfn_to_virt(mfn);
}

static inline void model_listen(struct device_model *m)
{
    for (unsigned i = 0; i < guest->d.max_vcpus; i++)
        m->ports[i] = (unsigned)guest_bind(tools->vcpus[0], guest->d.id, m->requests[i].vp_eport);
}

static inline void model_range(struct device_model *m, uint32_t type, uint64_t start, uint64_t end)
{
    const struct xen_dm_op_ioreq_server_range r = {
        .id = m->id, .type = type, .start = start, .end = end};

    CU_ASSERT_EQUAL(ioreq_server_map(&guest->d, &r), 0);
}

static inline void model_start(struct device_model *m, uint8_t buffering)
{
    struct xen_dm_op_get_ioreq_server_info info = {.flags = XEN_DMOP_no_gfns};

    as_tools();
    CU_ASSERT_EQUAL_FATAL(ioreq_server_create(&guest->d, buffering, &m->id), 0);
    m->requests = model_page(m, 1);
    m->buffer = NULL;
    model_listen(m);
    if (buffering) {
        m->buffer = model_page(m, 0);
        info.id = m->id;
        CU_ASSERT_EQUAL(ioreq_server_info(&guest->d, &info), 0);
        m->buffer_port = (unsigned)guest_bind(tools->vcpus[0], guest->d.id, info.bufioreq_port);
    }
    CU_ASSERT_EQUAL(ioreq_server_enable(&guest->d, m->id, true), 0);
}

static inline void model_set_state(struct device_model *m, unsigned vcpu, uint8_t state)
{
    uint8_t *byte = (uint8_t *)&m->requests[vcpu].type - 1;

    __atomic_store_n(byte, (uint8_t)((*byte & 0xf0) | state), __ATOMIC_SEQ_CST);
}

static inline uint8_t model_state(struct device_model *m, unsigned vcpu)
{
    return __atomic_load_n((uint8_t *)&m->requests[vcpu].type - 1, __ATOMIC_SEQ_CST) & 0xf;
}

static inline void model_answer(struct device_model *m, unsigned vcpu, uint64_t data)
{
    m->requests[vcpu].data = data;
    model_set_state(m, vcpu, STATE_IORESP_READY);
    guest_send(tools->vcpus[0], m->ports[vcpu]);
}
