// What the scheduler keeps in every domain and vCPU (struct domain and struct vcpu embed it). Owned
// by core/sched*.c.
#pragma once

#include "core/timer.h"
#include "cpu/percpu.h"
#include "cpu/spinlock.h"
#include "cpu/time.h"
#include "lib/heap.h"
#include "lib/list.h"

struct sched_domain {
    uint16_t weight; // of each vCPU: 1 .. 65535
    uint16_t cap;    // per cent of one CPU for all vCPUs together; 0: none
    spinlock_t lock; // guards what follows
    nsec_t budget;   // left of this period; negative: overdrawn
    nsec_t period_end;
    struct list parked; // vCPUs that wait for the next period
    struct timer replenish;
};

struct sched_vcpu {
    struct heap_node node; // in a run queue while it waits; the key is its virtual time
    bool queued, parked, yielded;
    unsigned last_cpu; // where it ran last
    cpumask_t hard_affinity, soft_affinity;
    cpumask_t pin_override; // SCHEDOP_pin_override's single CPU, 0: none
    nsec_t charged;         // its running time is accounted up to here
    nsec_t budget;          // capped: of the domain's budget, what this vCPU has drawn
    struct list parked_link;
};
