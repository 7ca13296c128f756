#include "tests/unit/sched_sim.h"

#include <stdio.h>
#include <string.h>

#include "core/event.h"
#include "core/pv_time.h"
#include "cpu/time.h"
#include "lib/symbols.h"
#include "mm/alloc.h"

struct sim_guest sim_guests[SIM_MAX_VCPUS];
unsigned sim_nr_guests, sim_violations;
nsec_t sim_now;

static struct cpu_info infos[MAX_CPUS];
static nsec_t deadlines[MAX_CPUS];
static void (*work_functions[NR_CPU_WORK])(void);
static struct domain *sim_domains[SIM_MAX_VCPUS];
static unsigned nr_sim_domains;
static unsigned here; // the CPU whose data fake_cpu_info is

// What the hypervisor under test calls
// ---------------------------------------------------------------

nsec_t time_now(void)
{
    return sim_now;
}

void time_set_deadline(nsec_t when)
{
    deadlines[this_cpu()] = when;
}

void work_register(enum cpu_work work, void (*fn)(void))
{
    work_functions[work] = fn;
}

void work_raise(unsigned cpu, enum cpu_work work)
{
    (cpu == here ? &fake_cpu_info : &infos[cpu])->work |= 1u << work;
}

void context_switch(struct vcpu *prev, struct vcpu *next)
{
    fake_run(next);
    sched_switched(prev);
}

__attribute__((weak)) unsigned async_take(struct vcpu *v)
{
    return 0;
}

__attribute__((weak)) void event_move_pirqs(struct vcpu *v)
{
}

__attribute__((weak)) void pv_time_update(struct vcpu *v)
{
}

__attribute__((weak)) void event_send_virq(struct vcpu *v, unsigned virq)
{
}

__attribute__((weak)) void event_poll_begin(struct vcpu *v, unsigned port)
{
}

__attribute__((weak)) bool event_poll_end(struct vcpu *v)
{
    return false;
}

const char *symbol_describe(uint64_t addr)
{
    return "?";
}

// The machine
// -----------------------------------------------------------------------------------------

void sim_on_cpu(unsigned cpu)
{
    infos[here] = fake_cpu_info;
    fake_cpu_info = infos[cpu];
    here = cpu;
}

void sim_start(unsigned cpus)
{
    fake_reset();
    memset(infos, 0, sizeof(infos));
    memset(&fake_cpu_info, 0, sizeof(fake_cpu_info));
    here = 0;
    sim_nr_guests = nr_sim_domains = sim_violations = 0;
    nr_cpus = cpus;
    cpus_online = cpus == 64 ? ~0ull : (1ull << cpus) - 1;
    timer_module_init();
    sched_module_init();
    for (unsigned cpu = 0; cpu < cpus; cpu++) {
        infos[cpu].cpu = cpu;
        cpu_infos[cpu] = &infos[cpu];
        deadlines[cpu] = NSEC_NEVER;
        sched_cpu_init(cpu);
    }
    fake_cpu_info = infos[0];
    for (unsigned cpu = 0; cpu < cpus; cpu++) {
        work_raise(cpu, WORK_SCHEDULE);
        work_raise(cpu, WORK_TIMER); // the timers remember the clocks of the machine before
    }
    sim_settle();
}

void sim_stop(void)
{
    for (unsigned i = 0; i < nr_sim_domains; i++) {
        struct domain *d = sim_domains[i];
        struct vcpu *v;

        d->pause_count = 1;
        for_each_vcpu (d, v)
            vcpu_sleep_nosync(v);
    }
    sim_settle();
    for (unsigned i = 0; i < nr_sim_domains; i++) {
        struct domain *d = sim_domains[i];
        struct vcpu *v;

        for_each_vcpu (d, v)
            sched_vcpu_destroy(v);
        sched_domain_destroy(d);
        fake_domain_remove(d);
        fake_domain_free(d);
    }
    for (unsigned cpu = 0; cpu < nr_cpus; cpu++) {
        timer_kill(&run_queues[cpu].slice);
        xfree(run_queues[cpu].idle);
    }
}

struct domain *sim_domain(unsigned n, unsigned weight, unsigned cap)
{
    struct domain *d = fake_domain((domid_t)(nr_sim_domains + 1), n, false);
    struct vcpu *v;

    sched_domain_init(d);
    if (sched_set_domain(d, weight, cap))
        panic("sched_set_domain refuses %u, %u\n", weight, cap);
    for_each_vcpu (d, v) {
        v->pause_flags = VPF_DOWN;
        sched_vcpu_init(v);
    }
    sim_domains[nr_sim_domains++] = d;
    return d;
}

static nsec_t spread(const struct sim_guest *g, nsec_t mean)
{
    nsec_t range = mean / 100 * g->spread;

    return range ? mean - range + (nsec_t)(fake_random() % (uint64_t)(2 * range)) : mean;
}

static nsec_t next_run(const struct sim_guest *g)
{
    return g->run ? spread(g, g->run) : NSEC_NEVER;
}

struct sim_guest *sim_up(struct vcpu *v, nsec_t run, nsec_t sleep, unsigned spread_percent)
{
    struct sim_guest *g = &sim_guests[sim_nr_guests++];

    *g = (struct sim_guest){.v = v,
                            .run = run,
                            .sleep = sleep,
                            .spread = spread_percent,
                            .wakes_at = NSEC_NEVER,
                            .woken_at = sim_now};
    g->left = next_run(g);
    v->pause_flags = 0;
    vcpu_wake(v);
    return g;
}

void sim_spin(struct domain *d)
{
    struct vcpu *v;

    for_each_vcpu (d, v)
        sim_up(v, 0, 0, 0);
}

void sim_settle(void)
{
    for (bool busy = true; busy;) {
        busy = false;
        for (unsigned cpu = 0; cpu < nr_cpus; cpu++) {
            sim_on_cpu(cpu);
            while (fake_cpu_info.work) {
                unsigned work = (unsigned)__builtin_ctz(fake_cpu_info.work);

                fake_cpu_info.work &= ~(1u << work);
                work_functions[work]();
                busy = true;
            }
        }
    }
}

static void violation(const char *what, const struct vcpu *v)
{
    if (sim_violations++ == 0)
        fprintf(stderr, "\n  at %lld ns: d%uv%u on CPU %u: %s\n", (long long)sim_now, v->domain->id,
                v->id, v->cpu, what);
}

// What must hold whenever all work is done.
static void check(void)
{
    for (unsigned i = 0; i < sim_nr_guests; i++) {
        struct vcpu *v = sim_guests[i].v;
        const struct run_queue *q = &run_queues[v->cpu];
        bool runs = infos[v->cpu].vcpu == v || (here == v->cpu && fake_cpu_info.vcpu == v);

        if (v->running != runs || (runs && q->running != v))
            violation("is not where it is said to run", v);
        if (v->running + v->sched.queued + v->sched.parked != vcpu_runnable(v) &&
            !(v->sched.parked && !v->running && !v->sched.queued))
            violation("could run and is nowhere, or the reverse", v);
        if ((v->running || v->sched.queued) && !(vcpu_cpus(v) & cpumask_of(v->cpu)))
            violation("is where its affinity forbids", v);
        if (!v->sched.queued)
            continue;
        for (unsigned cpu = 0; cpu < nr_cpus; cpu++)
            if (is_idle(run_queues[cpu].running) && vcpu_cpus(v) & cpumask_of(cpu))
                violation("waits though a CPU idles", v);
    }
}

static struct sim_guest *guest_of(const struct vcpu *v)
{
    for (unsigned i = 0; i < sim_nr_guests; i++)
        if (sim_guests[i].v == v)
            return &sim_guests[i];
    return NULL;
}

static struct sim_guest *guest_on(unsigned cpu)
{
    const struct vcpu *v = run_queues[cpu].running;

    return is_idle(v) ? NULL : guest_of(v);
}

static nsec_t next_event(nsec_t end)
{
    nsec_t next = end;

    for (unsigned cpu = 0; cpu < nr_cpus; cpu++) {
        struct sim_guest *g = guest_on(cpu);

        next = MIN(next, MAX(deadlines[cpu], sim_now));
        if (g && g->left != NSEC_NEVER)
            next = MIN(next, sim_now + g->left);
    }
    for (unsigned i = 0; i < sim_nr_guests; i++)
        next = MIN(next, MAX(sim_guests[i].wakes_at, sim_now));
    return next;
}

static void advance(nsec_t to)
{
    for (unsigned cpu = 0; cpu < nr_cpus; cpu++) {
        struct sim_guest *g = guest_on(cpu);

        if (!g)
            continue;
        g->ran += to - sim_now;
        if (g->left != NSEC_NEVER)
            g->left -= to - sim_now;
    }
    sim_now = to;
}

// The guest on this CPU has done what it wanted and sleeps.
static void guest_sleeps(struct sim_guest *g)
{
    g->left = next_run(g);
    g->wakes_at = g->sleep == NSEC_NEVER ? NSEC_NEVER : sim_now + spread(g, g->sleep);
    vcpu_block();
}

static void guest_wakes(struct sim_guest *g)
{
    g->wakes_at = NSEC_NEVER;
    if (!(g->v->pause_flags & VPF_BLOCKED))
        return;
    sim_on_cpu((unsigned)(fake_random() % nr_cpus));
    g->woken_at = sim_now;
    g->wakeups++;
    vcpu_kick(g->v);
}

static void note_waits(void)
{
    for (unsigned i = 0; i < sim_nr_guests; i++) {
        struct sim_guest *g = &sim_guests[i];

        if (g->woken_at == NSEC_NEVER || !g->v->running)
            continue;
        g->longest_wait = MAX(g->longest_wait, sim_now - g->woken_at);
        g->woken_at = NSEC_NEVER;
    }
}

static void step(void)
{
    for (unsigned cpu = 0; cpu < nr_cpus; cpu++) {
        struct sim_guest *g = guest_on(cpu);

        sim_on_cpu(cpu);
        if (deadlines[cpu] <= sim_now) {
            deadlines[cpu] = NSEC_NEVER;
            work_raise(cpu, WORK_TIMER);
        }
        if (g && g->left == 0)
            guest_sleeps(g);
    }
    for (unsigned i = 0; i < sim_nr_guests; i++)
        if (sim_guests[i].wakes_at <= sim_now)
            guest_wakes(&sim_guests[i]);
    sim_settle();
    note_waits();
    check();
}

void sim_run(nsec_t duration)
{
    nsec_t end = sim_now + duration;

    sim_settle();
    note_waits();
    while (sim_now < end) {
        advance(next_event(end));
        step();
    }
}

void sim_reset_counts(void)
{
    for (unsigned i = 0; i < sim_nr_guests; i++)
        sim_guests[i].ran = sim_guests[i].longest_wait = sim_guests[i].wakeups = 0;
}

nsec_t sim_domain_ran(const struct domain *d)
{
    nsec_t sum = 0;

    for (unsigned i = 0; i < sim_nr_guests; i++)
        if (sim_guests[i].v->domain == d)
            sum += sim_guests[i].ran;
    return sum;
}
