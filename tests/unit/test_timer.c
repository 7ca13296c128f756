// Timers of several CPUs against a model: each fires once, on its CPU, not early and not late.
//
// sources: hypervisor/core/timer.c hypervisor/lib/heap.c tests/unit/fake/platform.c
#include <CUnit/Basic.h>

#include "core/timer.h"
#include "lib/symbols.h"
#include "tests/suite.h"
#include "tests/unit/fake/platform.h"

#define CPUS   4
#define TIMERS 60

static nsec_t now, deadlines[CPUS];
static unsigned programmed[CPUS];
static bool pending[CPUS];
static void (*handler)(void);

nsec_t time_now(void)
{
    return now;
}

void time_set_deadline(nsec_t when)
{
    deadlines[this_cpu()] = when;
    programmed[this_cpu()]++;
}

void work_register(enum cpu_work work, void (*fn)(void))
{
    if (work == WORK_TIMER)
        handler = fn;
}

void work_raise(unsigned cpu, enum cpu_work work)
{
    if (work == WORK_TIMER)
        pending[cpu] = true;
}

const char *symbol_describe(uint64_t addr)
{
    return "?";
}

static void on_cpu(unsigned cpu)
{
    fake_cpu_info.cpu = cpu;
}

static void settle(void)
{
    for (bool busy = true; busy;) {
        busy = false;
        for (unsigned cpu = 0; cpu < CPUS; cpu++) {
            if (!pending[cpu] && deadlines[cpu] > now)
                continue;
            pending[cpu] = false;
            deadlines[cpu] = NSEC_NEVER;
            on_cpu(cpu);
            handler();
            busy = true;
        }
    }
}

// Lets time pass, stopping wherever the hardware would interrupt.
static void pass(nsec_t duration)
{
    nsec_t end = now + duration;

    settle();
    while (now < end) {
        nsec_t next = end;

        for (unsigned cpu = 0; cpu < CPUS; cpu++)
            next = MIN(next, deadlines[cpu]);
        now = next;
        settle();
    }
}

// The model
// -------------------------------------------------------------------------------------------

static struct timer timers[TIMERS];
static struct {
    bool armed, killed;
    nsec_t due;
    unsigned cpu, fired;
} model[TIMERS];
static bool rearm; // some re-arm themselves when they fire

static void fired(void *data)
{
    unsigned i = (unsigned)(uintptr_t)data;

    CU_ASSERT(model[i].armed);
    CU_ASSERT_EQUAL(now, model[i].due);
    CU_ASSERT_EQUAL(this_cpu(), model[i].cpu);
    CU_ASSERT(!timer_is_set(&timers[i]));
    model[i].armed = false;
    model[i].fired++;
    if (rearm && i % 3 == 0) {
        model[i].due = now + 1 + fake_below(1000);
        model[i].armed = true;
        timer_set(&timers[i], model[i].due);
    }
}

static void start(void)
{
    fake_reset();
    nr_cpus = CPUS;
    cpus_online = (1u << CPUS) - 1;
    timer_module_init();
    for (unsigned cpu = 0; cpu < CPUS; cpu++) {
        deadlines[cpu] = NSEC_NEVER;
        pending[cpu] = true;
    }
    settle();
    memset(model, 0, sizeof(model));
    for (unsigned i = 0; i < TIMERS; i++) {
        model[i].cpu = i % CPUS;
        timer_init(&timers[i], fired, (void *)(uintptr_t)i, i % CPUS);
    }
}

static void kill_all(void)
{
    for (unsigned i = 0; i < TIMERS; i++)
        timer_kill(&timers[i]);
}

static void set(unsigned i, nsec_t expires, bool here)
{
    if (here && !model[i].killed)
        model[i].cpu = this_cpu();
    if (!model[i].killed) {
        model[i].armed = true;
        model[i].due = MAX(expires, now);
    }
    if (here)
        timer_set_here(&timers[i], expires);
    else
        timer_set(&timers[i], expires);
}

static void random_operation(unsigned i)
{
    nsec_t when = now + (nsec_t)fake_below(20000) - 2000;

    on_cpu(fake_below(CPUS));
    switch (fake_below(10)) {
    case 0:
        timer_stop(&timers[i]);
        model[i].armed = false;
        break;
    case 1:
        model[i].cpu = fake_below(CPUS);
        timer_migrate(&timers[i], model[i].cpu);
        break;
    case 2:
        if (fake_below(20))
            break;
        timer_kill(&timers[i]);
        model[i].armed = false;
        model[i].killed = true;
        break;
    case 3:
    case 4:
        set(i, when, true);
        break;
    default:
        set(i, when, false);
    }
    CU_ASSERT_EQUAL(timer_is_set(&timers[i]), model[i].armed);
}

static void check_overdue(void)
{
    for (unsigned i = 0; i < TIMERS; i++)
        if (model[i].armed)
            CU_ASSERT(model[i].due > now);
}

static void test_random(void)
{
    for (unsigned round = 0; round < 20; round++) {
        fake_seed(round + 1);
        rearm = round % 2;
        start();
        for (unsigned step = 0; step < 2000; step++) {
            random_operation(fake_below(TIMERS));
            if (fake_below(2)) {
                pass((nsec_t)fake_below(3000));
                check_overdue();
            }
        }
        kill_all();
    }
    rearm = false;
}

static void test_past(void)
{
    start();
    now = 5000000;
    on_cpu(0);
    set(0, -5, false);
    set(1, 1000, false);
    set(2, INT64_MAX, false);
    settle();
    CU_ASSERT_EQUAL(model[0].fired + model[1].fired, 2);
    CU_ASSERT_EQUAL(model[2].fired, 0);
    kill_all();
}

// Putting a timer off, or stopping it, does not touch the hardware: it fires once in vain.
static void test_lazy(void)
{
    unsigned before;

    start();
    on_cpu(0);
    set(0, now + 1000, false);
    before = programmed[0];
    for (int i = 1; i < 100; i++)
        set(0, now + 1000 + i, false);
    timer_stop(&timers[0]);
    model[0].armed = false;
    set(0, now + 5000, false);
    CU_ASSERT_EQUAL(programmed[0], before);
    pass(10000);
    CU_ASSERT_EQUAL(model[0].fired, 1);
    kill_all();
}

// Many timers at one moment fire in one go, each once.
static void test_burst(void)
{
    start();
    for (unsigned i = 0; i < TIMERS; i++)
        set(i, now + 100, false);
    pass(99);
    for (unsigned i = 0; i < TIMERS; i++)
        CU_ASSERT_EQUAL(model[i].fired, 0);
    pass(1);
    for (unsigned i = 0; i < TIMERS; i++)
        CU_ASSERT_EQUAL(model[i].fired, 1);
    kill_all();
}

static void kill_self(void *data)
{
    timer_kill(data);
    timer_set(data, now + 1);
}

static void test_kill(void)
{
    static struct timer t, never_initialised;

    start();
    timer_init(&t, kill_self, &t, 0);
    timer_set(&t, now + 10);
    pass(100);
    CU_ASSERT(!timer_is_set(&t));
    timer_kill(&never_initialised);
    kill_all();
}

int main(void)
{
    static CU_TestInfo tests[] = {
        {"random against the model", test_random},
        {"times in the past", test_past},
        {"the hardware is left alone", test_lazy},
        {"many at once", test_burst},
        {"kill", test_kill},
        CU_TEST_INFO_NULL,
    };

    return run_suite("timers", tests);
}
