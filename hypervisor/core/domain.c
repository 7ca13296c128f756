// Domains and vCPUs: birth, pausing, shutdown, death.
//
// A domain is on the list `domains` and in memory from the end of its creation as long as it has
// references: the living domain's own, one of each user who looks at it, and one while it still
// owns frames. Death has three stages: DYING (no vCPU runs again, resources are given back in steps
// that can be interrupted), DEAD (all given back but what others hold on to), freed (last reference
// gone). Its number is free after that.
//
// Lock order: domains_lock, then d->lock. Pause counts change atomically, without a lock.
#include "core/domain.h"

#include "core/async.h"

#include <stdarg.h>

#include "core/event.h"
#include "core/fpu.h"
#include "core/grant.h"
#include "core/memory.h"
#include "core/panic.h"
#include "core/pirq.h"
#include "core/pv_time.h"
#include "core/rangeset.h"
#include "core/sched.h"
#include "core/vcpu_info.h"
#include "cpu/traps.h"
#include "lib/bug.h"
#include "lib/errno.h"
#include "lib/log.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "mm/alloc.h"
#include "platform/reset.h"
#include "pv-abi/sched.h"

struct domain *dom0, *dom_io, *dom_xen;
static const struct domain_ops *kinds[2]; // by enum guest_kind
struct domain idle_domain = {.id = DOMID_IDLE, .refs = 1};

void domain_register_kind(const struct domain_ops *ops)
{
    kinds[ops->kind] = ops;
}

const struct domain_ops *domain_kind(enum guest_kind kind)
{
    return kinds[kind];
}

static void domain_free(struct domain *d)
{
    event_domain_destroy(d);
    memory_domain_destroy(d);
    grant_domain_destroy(d);
    pirq_domain_destroy(d);
    if (d->ops->domain_destroy)
        d->ops->domain_destroy(d);
    sched_domain_destroy(d);
    for (unsigned i = 0; d->vcpus && i < d->max_vcpus; i++)
        if (d->vcpus[i]) {
            struct vcpu *v = d->vcpus[i];

            d->ops->vcpu_destroy(v);
            event_vcpu_destroy(v);
            fpu_vcpu_destroy(v);
            pages_free(v, pages_order(d->ops->vcpu_size));
        }
    rangeset_free(d->io_ports);
    rangeset_free(d->io_memory);
    rangeset_free(d->irqs);
    if (d->shared_info)
        pages_free(d->shared_info, 0);
    xfree(d->vcpus);
    pages_free(d, pages_order(d->ops->domain_size));
}

static int domain_init(struct domain *d)
{
    int rc;

    d->vcpus = xzalloc_array(struct vcpu *, d->max_vcpus);
    d->io_ports = rangeset_new();
    d->io_memory = rangeset_new();
    d->irqs = rangeset_new();
    d->shared_info = pages_alloc(0);
    if (!d->vcpus || !d->io_ports || !d->io_memory || !d->irqs || !d->shared_info)
        return -ENOMEM;
    frame_share(d->shared_info, d, true);
    wallclock_publish(d);
    sched_domain_init(d);
    if ((rc = event_domain_init(d)) || (rc = grant_domain_init(d, 64, 1024)))
        return rc;
    return d->ops->domain_init(d);
}

int domain_create(domid_t id, const struct domain_ops *ops, unsigned max_vcpus, uint32_t emulation,
                  bool privileged, struct domain **out)
{
    struct domain *d;
    int rc;

    if (id >= DOMID_FIRST_RESERVED || !max_vcpus || max_vcpus > MAX_VCPUS)
        return -EINVAL;
    d = pages_alloc(pages_order(ops->domain_size));
    if (!d)
        return -ENOMEM;
    d->id = id;
    d->ops = ops;
    d->max_vcpus = max_vcpus;
    d->emulation = emulation;
    d->privileged = privileged;
    d->refs = 1;
    d->pause_count = 1;
    d->control_paused = !privileged; // the boot itself starts domain 0
    rc = domain_init(d);
    if (!rc && !domain_list_add(d))
        rc = -EEXIST;
    if (rc) {
        domain_free(d);
        return rc;
    }
    *out = d;
    return 0;
}

// Owners of frames that belong to no real domain; they have nothing else of a domain.
static struct domain *special_domain(domid_t id)
{
    struct domain *d = pages_alloc(pages_order(sizeof(*d)));

    BUG_ON(!d);
    d->id = id;
    d->refs = 1;
    return d;
}

static void hold(struct domain *d)
{
    __atomic_add_fetch(&d->refs, 1, __ATOMIC_SEQ_CST);
}

void domains_init(void)
{
    static const struct frame_owner_ops ops = {hold, domain_put};

    frame_register_owner_ops(&ops);
    dom_io = special_domain(DOMID_IO);
    dom_xen = special_domain(DOMID_XEN);
}

struct vcpu *vcpu_create(struct domain *d, unsigned id)
{
    struct vcpu *v;

    if (id >= d->max_vcpus || d->vcpus[id])
        return NULL;
    v = pages_alloc(pages_order(d->ops->vcpu_size));
    if (!v)
        return NULL;
    v->id = id;
    v->domain = d;
    v->pause_flags = VPF_DOWN;
    v->context_saved = true;
    vcpu_info_init(v);
    if (fpu_vcpu_init(v) || event_vcpu_init(v) || sched_vcpu_init(v) || d->ops->vcpu_init(v)) {
        event_vcpu_destroy(v);
        fpu_vcpu_destroy(v);
        pages_free(v, pages_order(d->ops->vcpu_size));
        return NULL;
    }
    d->vcpus[id] = v;
    return v;
}

void domain_put(struct domain *d)
{
    if (__atomic_sub_fetch(&d->refs, 1, __ATOMIC_SEQ_CST) != 0)
        return;
    domain_list_remove(d);
    domain_free(d);
    event_send_host_virq(VIRQ_DOM_EXC); // now there is nothing left of it
}

void vcpu_pause(struct vcpu *v)
{
    ASSERT(v != current);
    __atomic_add_fetch(&v->pause_count, 1, __ATOMIC_SEQ_CST);
    vcpu_sleep_sync(v);
}

void vcpu_unpause(struct vcpu *v)
{
    if (__atomic_sub_fetch(&v->pause_count, 1, __ATOMIC_SEQ_CST) == 0)
        vcpu_wake(v);
}

void domain_pause(struct domain *d)
{
    struct vcpu *v;

    ASSERT(d != current->domain);
    __atomic_add_fetch(&d->pause_count, 1, __ATOMIC_SEQ_CST);
    for_each_vcpu (d, v)
        vcpu_sleep_nosync(v); // all at once, then wait
    for_each_vcpu (d, v)
        vcpu_sleep_sync(v);
}

void domain_unpause(struct domain *d)
{
    struct vcpu *v;

    if (__atomic_sub_fetch(&d->pause_count, 1, __ATOMIC_SEQ_CST) == 0)
        for_each_vcpu (d, v)
            vcpu_wake(v);
}

static __attribute__((noreturn)) void machine_shutdown(unsigned reason)
{
    switch (reason) {
    case SHUTDOWN_poweroff:
        log_info("Domain 0 powers the machine off.\n");
        machine_poweroff();
        break;
    case SHUTDOWN_crash:
        log_err("Domain 0 crashed.\n");
        panic_end();
        break;
    case SHUTDOWN_watchdog:
        log_err("Domain 0's watchdog expired: rebooting.\n");
        machine_reboot();
        break;
    default:
        log_info("Domain 0 reboots the machine.\n");
    }
    machine_reboot();
}

// All vCPUs have been told to stop; the last one to have stopped tells the toolstack.
static void check_shutdown(struct domain *d)
{
    struct vcpu *v;

    for_each_vcpu (d, v)
        if (!(v->pause_flags & VPF_SHUTDOWN))
            return;
    d->shut_down = true;
    event_send_host_virq(VIRQ_DOM_EXC);
}

void domain_shutdown(struct domain *d, unsigned reason)
{
    struct vcpu *v;

    if (d == dom0)
        machine_shutdown(reason);
    spin_lock(&d->lock);
    if (!d->shutting_down) {
        d->shutting_down = true;
        if (!d->shutdown_code_latched)
            d->shutdown_code = (uint8_t)reason;
        for_each_vcpu (d, v) {
            __atomic_fetch_or(&v->pause_flags, VPF_SHUTDOWN, __ATOMIC_SEQ_CST);
            vcpu_sleep_nosync(v);
        }
        check_shutdown(d);
    }
    spin_unlock(&d->lock);
}

void domain_resume(struct domain *d)
{
    struct vcpu *v;

    domain_pause(d);
    spin_lock(&d->lock);
    d->shutting_down = d->shut_down = false;
    d->shutdown_code_latched = false;
    d->shutdown_code = 0;
    for_each_vcpu (d, v)
        __atomic_fetch_and(&v->pause_flags, ~(uint64_t)VPF_SHUTDOWN, __ATOMIC_SEQ_CST);
    spin_unlock(&d->lock);
    domain_unpause(d);
}

void domain_crash(struct domain *d, const char *fmt, ...)
{
    char text[160];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    if (!d->shutting_down) {
        log_err("Domain %u crashed: %s\n", d->id, text);
        if (current->domain == d) {
            log_err("The fault is vCPU %u's:\n", current->id);
            show_registers(&cpu_info()->regs);
        }
    }
    domain_shutdown(d, SHUTDOWN_crash);
}

static int relinquish(struct domain *d)
{
    struct vcpu *v;
    int rc;

    if ((rc = event_domain_relinquish(d)))
        return rc;
    // Senders of events write there; now there is none left.
    for_each_vcpu (d, v)
        vcpu_info_destroy(v);
    for_each_vcpu (d, v)
        async_drop(v);
    if ((rc = grant_domain_relinquish(d)))
        return rc;
    pirq_domain_relinquish(d);
    return d->ops->domain_relinquish(d);
}

int domain_kill(struct domain *d)
{
    struct vcpu *v;
    int rc;

    if (d == dom0 || d == current->domain)
        return -EINVAL;
    spin_lock(&d->lock);
    if (d->dying == DOMAIN_ALIVE) {
        d->dying = DOMAIN_DYING;
        spin_unlock(&d->lock);
        domain_pause(d);
        for_each_vcpu (d, v)
            sched_vcpu_destroy(v);
        timer_kill(&d->watchdog[0]);
        timer_kill(&d->watchdog[1]);
        spin_lock(&d->lock);
    }
    rc = d->dying == DOMAIN_DYING ? relinquish(d) : 0;
    if (!rc && d->dying == DOMAIN_DYING) {
        d->dying = DOMAIN_DEAD;
        spin_unlock(&d->lock);
        event_send_host_virq(VIRQ_DOM_EXC);
        domain_put(d);
        return 0;
    }
    spin_unlock(&d->lock);
    return rc;
}
