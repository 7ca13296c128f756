#include "tests/unit/hvm_kit.h"

#include "core/sched.h"
#include "hvm/irq.h"
#include "hvm/platform/platform.h"
#include "lib/errno.h"
#include "mm/alloc.h"
#include "mm/pte.h"

uint64_t kit_fields[HVM_PAT + 1];
unsigned kit_inits, kit_startups, kit_nmis;
uint8_t kit_startup_page;
struct hvm_vcpu *kit_target;
nsec_t kit_now;
static struct timer *armed;

static uint64_t leaf(mfn_t mfn, bool large)
{
    return mfn << PAGE_SHIFT | PTE_P | PTE_RW | PTE_US | (large ? PTE_PSE : 0);
}

static uint64_t table(mfn_t mfn)
{
    return mfn << PAGE_SHIFT | PTE_USER_TABLE;
}

static bool is_present(uint64_t e)
{
    return e & PTE_P;
}

static bool is_large(uint64_t e)
{
    return e & PTE_PSE;
}

static const struct p2m_format format = {PTE_RW, 0x200, leaf, table, is_present, is_large};
const struct p2m_format *kit_format = &format;

static uint64_t read_field(const struct hvm_vcpu *v, enum hvm_field field)
{
    return kit_fields[field];
}

static struct hvm_ops ops = {.name = "test", .p2m_format = &format, .read = read_field};
const struct hvm_ops *hvm_ops = &ops;

void kit_set_state_ops(void (*get)(const struct hvm_vcpu *, struct hvm_hw_cpu *),
                       void (*set)(struct hvm_vcpu *, const struct hvm_hw_cpu *))
{
    ops.get_state = get;
    ops.set_state = set;
}

static void send_nmi(struct vcpu *v)
{
    kit_nmis++;
}

struct hvm_domain *kit_domain(unsigned nr_vcpus)
{
    struct hvm_domain *d = pages_alloc(pages_order(sizeof(*d)));

    fake_ops = (struct domain_ops){.kind = GUEST_HVM,
                                   .gfn_to_frame = hvm_gfn_to_frame,
                                   .physmap = &hvm_physmap_ops,
                                   .vcpu_nmi = send_nmi};
    d->d.id = 1;
    d->d.ops = &fake_ops;
    d->d.max_vcpus = nr_vcpus;
    d->d.vcpus = xzalloc_array(struct vcpu *, nr_vcpus);
    for (unsigned i = 0; i < nr_vcpus; i++) {
        struct hvm_vcpu *v = xzalloc(struct hvm_vcpu);

        v->v.id = i;
        v->v.domain = &d->d;
        d->d.vcpus[i] = &v->v;
    }
    p2m_init(&d->p2m, kit_format);
    cpu_info()->vcpu = d->d.vcpus[0];
    kit_inits = kit_startups = kit_nmis = 0;
    armed = NULL;
    kit_now = 0;
    return d;
}

void kit_domain_free(struct hvm_domain *d)
{
    p2m_destroy(&d->p2m);
    for (unsigned i = 0; i < d->d.max_vcpus; i++)
        xfree(d->d.vcpus[i]);
    xfree(d->d.vcpus);
    pages_free(d, pages_order(sizeof(*d)));
}

struct frame *kit_populate(struct hvm_domain *d, gfn_t gfn)
{
    struct frame *f = fake_guest_frame(&d->d);

    return hvm_physmap_ops.add(&d->d, gfn, f, 0) ? NULL : f;
}

void hvm_send_init(struct hvm_vcpu *target)
{
    kit_inits++;
    kit_target = target;
}

void hvm_send_startup(struct hvm_vcpu *target, uint8_t page)
{
    kit_startups++;
    kit_startup_page = page;
    kit_target = target;
}

// What is linked in by the tests that want devices.
__attribute__((weak)) void hvm_irq_eoi(struct domain *d, uint8_t vector)
{
}

__attribute__((weak)) bool hvm_platform_save(struct domain *d, unsigned n,
                                             struct hvm_save_descriptor *head,
                                             union hvm_platform_record *r)
{
    return false;
}

__attribute__((weak)) int hvm_platform_load(struct domain *d, unsigned code, unsigned instance,
                                            const union hvm_platform_record *r, bool commit)
{
    return -EOPNOTSUPP;
}

__attribute__((weak)) void hvm_platform_loaded(struct domain *d)
{
}

// One timer is enough.
void timer_init(struct timer *t, void (*fn)(void *data), void *data, unsigned cpu)
{
    *t = (struct timer){.fn = fn, .data = data, .cpu = cpu};
}

void timer_set(struct timer *t, nsec_t expires)
{
    t->node.key = (uint64_t)expires;
    armed = t;
}

void timer_set_here(struct timer *t, nsec_t expires)
{
    timer_set(t, expires);
}

void timer_stop(struct timer *t)
{
    if (armed == t)
        armed = NULL;
}

void timer_kill(struct timer *t)
{
    timer_stop(t);
}

nsec_t time_now(void)
{
    return kit_now;
}

void kit_pass_time(nsec_t now)
{
    struct timer *t = armed;

    kit_now = now;
    if (t && (nsec_t)t->node.key <= now) {
        armed = NULL;
        t->fn(t->data);
    }
}
