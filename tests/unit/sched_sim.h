// A machine in simulated time for tests of the scheduler and timers: CPUs with clocks and pending
// work, guests that run, sleep and wake each other as told. All in one thread, the same every time.
#pragma once

#include "core/sched_impl.h"
#include "tests/unit/fake/platform.h"

#define SIM_MAX_VCPUS 64

// What a guest's vCPU does: runs for `run` (0: for ever), sleeps for `sleep`, over and over; a
// spread varies each by up to so many per cent.
struct sim_guest {
    struct vcpu *v;
    nsec_t run, sleep;
    unsigned spread;
    // Where it stands.
    nsec_t left;     // to run until it sleeps; NSEC_NEVER: for ever
    nsec_t wakes_at; // NSEC_NEVER: somebody else must wake it
    nsec_t woken_at; // waits for its CPU since; NSEC_NEVER: does not
    // What it has met with.
    nsec_t ran, longest_wait;
    unsigned wakeups;
};

extern struct sim_guest sim_guests[SIM_MAX_VCPUS];
extern unsigned sim_nr_guests;
extern nsec_t sim_now;
extern unsigned sim_violations; // of what must hold at every moment; the first is explained

void sim_start(unsigned cpus);
void sim_stop(void); // frees everything
// A domain of n vCPUs that are down.
struct domain *sim_domain(unsigned n, unsigned weight, unsigned cap);
// Brings a vCPU up, to behave so.
struct sim_guest *sim_up(struct vcpu *v, nsec_t run, nsec_t sleep, unsigned spread);
// Brings up all vCPUs of a domain, spinning.
void sim_spin(struct domain *d);
void sim_run(nsec_t duration);
// Executes on a CPU: this_cpu() and current are its own until the next call.
void sim_on_cpu(unsigned cpu);
// Lets all CPUs do their pending work.
void sim_settle(void);
// Forgets what the guests have met with.
void sim_reset_counts(void);
nsec_t sim_domain_ran(const struct domain *d);
