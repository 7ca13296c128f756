// Time as PV guests see it.
//
// A vCPU computes system time from its CPU's TSC and the scale in its vcpu_info, with the
// arithmetic that time_now() uses: both always agree. The areas are rewritten only when the scale
// is another than the one they show: when the vCPU has moved to a CPU with one of its own.
//
// A writer makes `version` odd before and even after, so that a reader that was overtaken tries
// again. There is one writer at a time: the CPU on which the vCPU runs; for wall clocks, who has
// the lock.
#include "core/pv_time.h"

#include "core/guest_tsc.h"
#include "core/sched.h"
#include "cpu/time.h"
#include "lib/bits.h"
#include "lib/errno.h"
#include "platform/rtc.h"

static spinlock_t wallclock_lock;
static int64_t wallclock_base; // UTC at system time 0, ns since 1970

static uint32_t odd_version(uint32_t version)
{
    return (version + 1) | 1;
}

static void fill_time_info(struct vcpu_time_info *t, const struct tsc_scale *s)
{
    t->tsc_timestamp = s->tsc_base;
    t->system_time = (uint64_t)s->ns_base;
    t->tsc_to_system_mul = s->mul;
    t->tsc_shift = s->shift;
    t->flags = s->stable ? XEN_PVCLOCK_TSC_STABLE_BIT : 0;
}

static void write_primary(struct vcpu_time_info *t, const struct tsc_scale *s)
{
    uint32_t version = odd_version(t->version);

    WRITE_ONCE(t->version, version);
    barrier(); // stores stay in order on x86
    fill_time_info(t, s);
    barrier();
    WRITE_ONCE(t->version, version + 1);
}

// The copy that the guest may show to its user programs; its version is the first one's.
static int write_secondary(uint64_t to, uint32_t version, const struct tsc_scale *s)
{
    struct vcpu_time_info t = {.version = version - 1};

    if (vcpu_area_write(to, &t.version, sizeof(t.version)))
        return -EFAULT;
    fill_time_info(&t, s);
    if (vcpu_area_write(to, &t, sizeof(t)))
        return -EFAULT;
    return vcpu_area_write(to, &version, sizeof(version));
}

void pv_time_update(struct vcpu *v)
{
    struct tsc_scale scale;

    guest_tsc_scale(v->domain, &scale);
    if (likely(v->time_generation == scale.generation))
        return;
    write_primary(&v->info->time, &scale);
    if (v->time_info_guest && write_secondary(v->time_info_guest, v->info->time.version, &scale))
        return; // next time
    v->time_generation = scale.generation;
}

static void publish_locked(struct domain *d)
{
    struct shared_info *s = d->shared_info;
    // A machine without a clock boots before 1970.
    int64_t base = MAX(wallclock_base + SECONDS(d->time_offset_seconds), 0);
    uint32_t version = odd_version(s->wc_version);

    WRITE_ONCE(s->wc_version, version);
    barrier();
    s->wc_sec = (uint32_t)(base / SECONDS(1));
    s->wc_sec_hi = (uint32_t)((uint64_t)(base / SECONDS(1)) >> 32);
    s->wc_nsec = (uint32_t)(base % SECONDS(1));
    barrier();
    WRITE_ONCE(s->wc_version, version + 1);
}

int64_t wallclock_at_start(void)
{
    return READ_ONCE(wallclock_base);
}

void wallclock_publish(struct domain *d)
{
    spin_lock(&wallclock_lock);
    publish_locked(d);
    spin_unlock(&wallclock_lock);
}

void wallclock_set(int64_t sec, uint32_t nsec, nsec_t system_time)
{
    struct domain *d;

    spin_lock(&domains_lock);
    spin_lock(&wallclock_lock);
    wallclock_base = SECONDS(sec) + nsec - system_time;
    for_each_domain (d) {
        if (d->shared_info)
            publish_locked(d);
    }
    spin_unlock(&wallclock_lock);
    spin_unlock(&domains_lock);
}

void pv_time_init(void)
{
    wallclock_set(wallclock_read(), 0, time_now());
}
