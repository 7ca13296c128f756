// What the scheduler keeps in every vCPU (struct vcpu embeds it). Owned by core/sched*.c.
#pragma once

#include "cpu/percpu.h"
#include "cpu/time.h"
#include "lib/list.h"

struct sched_vcpu {
    struct list link; // in a run queue while waiting to run
    cpumask_t hard_affinity, soft_affinity;
};
