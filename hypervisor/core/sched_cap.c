// Caps: how much CPU time all vCPUs of a domain may use together in each period.
//
// A domain with a cap has a budget, which vCPUs draw from in small portions as they run and return
// the rest of when they stop. A vCPU that finds nothing left is parked until the period ends. What
// is overdrawn is taken off the next period's budget, so that the long run is exact. The timer that
// ends periods runs only while the domain uses its budget.
#include "core/sched_impl.h"

#include "lib/errno.h"

#define PORTION MILLISECONDS(5)

static nsec_t quota(const struct sched_domain *s)
{
    return CAP_PERIOD / 100 * s->cap;
}

static void return_budget(struct sched_domain *s, struct vcpu *v)
{
    s->budget += v->sched.budget;
    v->sched.budget = 0;
}

static void draw(struct sched_domain *s, struct vcpu *v)
{
    nsec_t portion;

    return_budget(s, v);
    portion = MIN(s->budget, PORTION);
    if (portion <= 0)
        return;
    s->budget -= portion;
    v->sched.budget = portion;
}

bool cap_admit(struct vcpu *v, nsec_t now)
{
    struct sched_domain *s = &v->domain->sched;

    if (likely(!s->cap) || v->sched.budget > 0)
        return true;
    spin_lock(&s->lock);
    if (!timer_is_set(&s->replenish)) {
        s->budget = quota(s);
        timer_set(&s->replenish, now + CAP_PERIOD);
    }
    draw(s, v);
    if (v->sched.budget <= 0 && s->cap) {
        v->sched.parked = true;
        list_add_tail(&v->sched.parked_link, &s->parked);
    }
    spin_unlock(&s->lock);
    return !v->sched.parked;
}

void cap_charge(struct vcpu *v, nsec_t ran)
{
    v->sched.budget -= ran;
}

void cap_return(struct vcpu *v)
{
    struct sched_domain *s = &v->domain->sched;

    spin_lock(&s->lock);
    return_budget(s, v);
    spin_unlock(&s->lock);
}

static void unpark(struct vcpu *v)
{
    struct run_queue *q = queue_lock_of(v);

    v->sched.parked = false;
    spin_unlock(&q->lock);
    sched_enqueue(v, false);
}

static unsigned count_parked(const struct sched_domain *s)
{
    unsigned n = 0;

    for (const struct list *l = s->parked.next; l != &s->parked; l = l->next)
        n++;
    return n;
}

// Lets go those that are parked now; they may be parked again meanwhile.
static void unpark_all(struct sched_domain *s)
{
    unsigned left;

    spin_lock(&s->lock);
    for (left = count_parked(s); left && !list_empty(&s->parked); left--) {
        struct vcpu *v = container_of(list_first(&s->parked, struct sched_vcpu, parked_link),
                                      struct vcpu, sched);

        list_del(&v->sched.parked_link);
        spin_unlock(&s->lock);
        unpark(v);
        spin_lock(&s->lock);
    }
    spin_unlock(&s->lock);
}

static void period_over(void *domain)
{
    struct sched_domain *s = &((struct domain *)domain)->sched;
    bool go_on;

    spin_lock(&s->lock);
    if (s->cap && s->budget < quota(s)) {
        s->budget = MIN(s->budget + quota(s), quota(s));
        timer_set(&s->replenish, timer_expires(&s->replenish) + CAP_PERIOD);
    }
    go_on = !s->cap || s->budget > 0;
    spin_unlock(&s->lock);
    if (go_on)
        unpark_all(s);
}

void sched_domain_init(struct domain *d)
{
    struct sched_domain *s = &d->sched;

    s->weight = WEIGHT_DEFAULT;
    s->cap = 0;
    spin_init(&s->lock);
    list_init(&s->parked);
    timer_init(&s->replenish, period_over, d, 0);
}

void sched_domain_destroy(struct domain *d)
{
    timer_kill(&d->sched.replenish);
}

int sched_set_domain(struct domain *d, unsigned weight, unsigned cap)
{
    struct sched_domain *s = &d->sched;

    if (weight < 1 || weight > WEIGHT_MAX || cap > 100 * MAX_VCPUS)
        return -EINVAL;
    spin_lock(&s->lock);
    s->weight = (uint16_t)weight;
    s->cap = (uint16_t)cap;
    s->budget = MIN(s->budget, quota(s));
    spin_unlock(&s->lock);
    unpark_all(s); // what the new cap does not allow is parked again
    return 0;
}

void cap_forget(struct vcpu *v)
{
    struct sched_domain *s = &v->domain->sched;

    spin_lock(&s->lock);
    list_del(&v->sched.parked_link);
    spin_unlock(&s->lock);
}
