// The scheduler with CPUs that really run at once: threads. Guests hand tokens to each other and
// sleep when they have none; a wake-up that were lost would lose its token. Meanwhile affinities,
// weights, caps and pauses change, and no vCPU may ever be on two CPUs.
//
// sources: hypervisor/core/sched.c hypervisor/core/sched_queue.c hypervisor/core/sched_balance.c
// sources: hypervisor/core/sched_cap.c hypervisor/core/sched_setup.c hypervisor/core/runstate.c
// sources: hypervisor/core/vcpu_timers.c hypervisor/core/timer.c hypervisor/lib/heap.c
// sources: tests/unit/fake/platform.c
#include <CUnit/Basic.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <time.h>

#include "core/event.h"
#include "core/pv_time.h"
#include "core/sched_impl.h"
#include "lib/symbols.h"
#include "tests/suite.h"
#include "tests/unit/fake/platform.h"

#define CPUS     4
#define DOMAINS  3
#define VCPUS    4
#define TOKENS   5
#define DURATION SECONDS(4)
#define PATIENCE SECONDS(3) // so long without progress is a loss

static void (*work_functions[NR_CPU_WORK])(void);
static nsec_t deadlines[CPUS];
static struct domain *domains_here[DOMAINS];
static atomic_int owner[DOMAINS][VCPUS]; // the CPU that runs it, + 1
static atomic_uint tokens[DOMAINS][VCPUS];
static atomic_ulong passed, errors, switches;
static atomic_bool stop;
static pthread_barrier_t barrier_all;
static pthread_mutex_t control = PTHREAD_MUTEX_INITIALIZER;
static __thread uint64_t seed;

nsec_t time_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return SECONDS(t.tv_sec) + t.tv_nsec;
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
    __atomic_fetch_or(&cpu_infos[cpu]->work, 1u << work, __ATOMIC_SEQ_CST);
}

unsigned async_take(struct vcpu *v)
{
    return 0;
}

void event_move_pirqs(struct vcpu *v)
{
}

void pv_time_update(struct vcpu *v)
{
}

void event_send_virq(struct vcpu *v, unsigned virq)
{
}

void event_poll_begin(struct vcpu *v, unsigned port)
{
}

bool event_poll_end(struct vcpu *v)
{
    return false;
}

const char *symbol_describe(uint64_t addr)
{
    return "?";
}

static atomic_int *owner_of(const struct vcpu *v)
{
    return &owner[v->domain->id - 1][v->id];
}

void context_switch(struct vcpu *prev, struct vcpu *next)
{
    atomic_fetch_add(&switches, 1);
    if (!is_idle(prev) && atomic_exchange(owner_of(prev), 0) != (int)this_cpu() + 1)
        atomic_fetch_add(&errors, 1);
    if (!is_idle(next) && atomic_exchange(owner_of(next), (int)this_cpu() + 1) != 0)
        atomic_fetch_add(&errors, 1);
    fake_run(next);
    sched_switched(prev);
}

// What guests do
// ----------------------------------------------------------------------------------------

static unsigned below(unsigned n)
{
    seed = seed * 6364136223846793005ull + 1442695040888963407ull;
    return (unsigned)(seed >> 33) % n;
}

static struct vcpu *any_vcpu(void)
{
    return domains_here[below(DOMAINS)]->vcpus[below(VCPUS)];
}

static void give_token(struct vcpu *v)
{
    atomic_fetch_add(&tokens[v->domain->id - 1][v->id], 1);
    if (!__atomic_exchange_n(&v->info->evtchn_upcall_pending, 1, __ATOMIC_SEQ_CST))
        vcpu_kick(v);
}

// One at a time, as two vCPUs that wait for each other's stop would for ever.
static void control_operation(struct vcpu *self)
{
    struct vcpu *v = any_vcpu();

    if (v == self || pthread_mutex_trylock(&control))
        return;
    switch (below(6)) {
    case 0:
        vcpu_set_hard_affinity(v, 1 + below((1u << CPUS) - 1));
        break;
    case 1:
        vcpu_set_hard_affinity(v, CPUMASK_ALL);
        break;
    case 2:
        sched_set_domain(v->domain, 1 + below(1000), below(3) ? 0 : 50 + below(300));
        break;
    default:
        __atomic_add_fetch(&v->pause_count, 1, __ATOMIC_SEQ_CST);
        vcpu_sleep_sync(v);
        if (atomic_load(owner_of(v)) || v->running)
            atomic_fetch_add(&errors, 1);
        if (__atomic_sub_fetch(&v->pause_count, 1, __ATOMIC_SEQ_CST) == 0)
            vcpu_wake(v);
    }
    pthread_mutex_unlock(&control);
}

static void spin_for(nsec_t ns)
{
    for (nsec_t end = time_now() + ns; time_now() < end && !fake_cpu_info.work;)
        ;
}

static void guest(struct vcpu *v)
{
    atomic_uint *mine = &tokens[v->domain->id - 1][v->id];

    __atomic_store_n(&v->info->evtchn_upcall_pending, 0, __ATOMIC_SEQ_CST);
    if (atomic_load(mine)) {
        if (below(8) == 0)
            spin_for(MICROSECONDS(below(300)));
        atomic_fetch_sub(mine, 1);
        atomic_fetch_add(&passed, 1);
        give_token(any_vcpu());
        return;
    }
    if (below(50) == 0)
        control_operation(v);
    else if (below(50) == 0)
        vcpu_yield();
    else {
        if (below(4) == 0)
            sched_yield(); // a chance for a token to come between the look and the sleep
        vcpu_block();
    }
}

static void cpu_loop(unsigned cpu)
{
    while (!atomic_load(&stop)) {
        if (deadlines[cpu] <= time_now()) {
            deadlines[cpu] = NSEC_NEVER;
            work_raise(cpu, WORK_TIMER);
        }
        for (unsigned work; fake_cpu_info.work; work_functions[work]()) {
            work = (unsigned)__builtin_ctz(fake_cpu_info.work);
            __atomic_fetch_and(&fake_cpu_info.work, ~(1u << work), __ATOMIC_SEQ_CST);
        }
        if (is_idle(current))
            sched_yield();
        else
            guest(current);
    }
}

static void *cpu_thread(void *arg)
{
    unsigned cpu = (unsigned)(uintptr_t)arg;

    seed = cpu + 1;
    fake_cpu_info.cpu = cpu;
    cpu_infos[cpu] = &fake_cpu_info;
    deadlines[cpu] = NSEC_NEVER;
    pthread_barrier_wait(&barrier_all);
    sched_cpu_init(cpu);
    pthread_barrier_wait(&barrier_all); // main makes the domains
    pthread_barrier_wait(&barrier_all);
    work_raise(cpu, WORK_SCHEDULE);
    cpu_loop(cpu);
    pthread_barrier_wait(&barrier_all);
    return NULL;
}

static void make_domains(void)
{
    for (unsigned i = 0; i < DOMAINS; i++) {
        struct domain *d = domains_here[i] = fake_domain((domid_t)(i + 1), VCPUS, false);
        struct vcpu *v;

        sched_domain_init(d);
        for_each_vcpu (d, v)
            sched_vcpu_init(v);
    }
}

// Waits for the end, or until nothing moves any more.
static bool watch(void)
{
    nsec_t start = time_now(), last_change = start;
    unsigned long last = 0;

    while (time_now() - start < DURATION) {
        nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
        if (atomic_load(&passed) != last)
            last_change = time_now();
        last = atomic_load(&passed);
        if (time_now() - last_change > PATIENCE)
            return false;
    }
    return true;
}

static void test_threads(void)
{
    pthread_t threads[CPUS];
    struct vcpu *v;
    bool alive;

    fake_reset();
    pthread_barrier_init(&barrier_all, NULL, CPUS + 1);
    nr_cpus = CPUS;
    cpus_online = (1u << CPUS) - 1;
    timer_module_init();
    sched_module_init();
    for (uintptr_t cpu = 0; cpu < CPUS; cpu++)
        pthread_create(&threads[cpu], NULL, cpu_thread, (void *)cpu);
    pthread_barrier_wait(&barrier_all);
    pthread_barrier_wait(&barrier_all);
    make_domains();
    for (unsigned i = 0; i < TOKENS; i++)
        atomic_fetch_add(&tokens[i % DOMAINS][i % VCPUS], 1);
    for (unsigned i = 0; i < DOMAINS; i++)
        for_each_vcpu (domains_here[i], v)
            vcpu_wake(v);
    pthread_barrier_wait(&barrier_all);
    alive = watch();
    atomic_store(&stop, true);
    pthread_barrier_wait(&barrier_all);
    for (unsigned cpu = 0; cpu < CPUS; cpu++)
        pthread_join(threads[cpu], NULL);
    for (unsigned i = 0; i < DOMAINS; i++) {
        fake_domain_remove(domains_here[i]);
        fake_domain_free(domains_here[i]);
    }
    CU_ASSERT(alive);
    CU_ASSERT_EQUAL(atomic_load(&errors), 0);
    CU_ASSERT(atomic_load(&passed) > 1000);
    fprintf(stderr, " %lu tokens passed, %lu switches ", atomic_load(&passed),
            atomic_load(&switches));
}

int main(void)
{
    static CU_TestInfo tests[] = {
        {"threads", test_threads},
        CU_TEST_INFO_NULL,
    };

    return run_suite("scheduler on threads", tests);
}
