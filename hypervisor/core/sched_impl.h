// The scheduler, the inside: shared by core/sched*.c only. core/sched.c tells how it works.
#pragma once

#include "core/sched.h"
#include "lib/bits.h"
#include "pv-abi/vcpu.h"

// A vCPU of this weight gains a nanosecond of virtual time by running for a nanosecond.
#define WEIGHT_DEFAULT 256
#define WEIGHT_MAX     65535

// In virtual time: by how much two run queues may differ, and by how much a vCPU that wakes up may
// be behind the others.
#define QUEUE_LAG_MAX MILLISECONDS(100)
#define WAKE_CREDIT   MILLISECONDS(20)

#define CAP_PERIOD MILLISECONDS(100)

struct run_queue {
    spinlock_t lock;
    unsigned cpu;
    struct heap waiting; // vCPUs that could run and do not, by virtual time
    unsigned nr_waiting;
    struct vcpu *running; // whom this CPU runs; changed by the CPU itself only
    struct vcpu *idle;
    int64_t vtime;      // virtual time of the vCPU picked last, never backwards
    int64_t offset;     // from this queue's virtual time to the machine's
    struct timer slice; // ends the running vCPU's turn; armed only if somebody else waits

    // Machine-wide virtual times, for other CPUs to read without the lock: hints only.
    int64_t first_waiting; // of the first in the queue; INT64_MAX: none waits
    int64_t run_vtime;     // of the running vCPU, at run_start
    nsec_t run_start;
    unsigned run_weight; // 0: idle

    uint64_t switches, wakes, steals, pulls;
} __attribute__((aligned(64)));

extern struct run_queue run_queues[MAX_CPUS];
extern struct sched_params sched_params;

static inline struct vcpu *sched_to_vcpu(const struct heap_node *n)
{
    return container_of(container_of(n, struct sched_vcpu, node), struct vcpu, sched);
}

// ---- sched_queue.c: virtual time and the queues. All need the queue's lock unless said.

// Locks the queue of the CPU that the vCPU belongs to; the vCPU stays there while it is locked.
struct run_queue *queue_lock_of(struct vcpu *v);
void queue_insert(struct run_queue *q, struct vcpu *v);
void queue_remove(struct run_queue *q, struct vcpu *v);
// The first waiting vCPU that may run on `cpu`; NULL: none.
struct vcpu *queue_first_for(struct run_queue *q, unsigned cpu);
// Charges a vCPU that runs here for its time up to now.
void queue_charge(struct vcpu *v, nsec_t now);
// A vCPU runs here from now on, or begins another turn.
void queue_run(struct run_queue *q, struct vcpu *v, nsec_t now);
// Brings the queue's virtual time up to date, and within QUEUE_LAG_MAX of the one furthest on.
void queue_sync(struct run_queue *q, nsec_t now);
// Gives a vCPU over to another CPU's queue; both locked, in neither queue, not running.
void queue_move(struct run_queue *from, struct run_queue *to, struct vcpu *v, nsec_t now);
// The least virtual time of the queue's vCPUs now; its own if it has none.
int64_t queue_least(const struct run_queue *q, nsec_t now);
// A vCPU that joins the queue may not be behind all others by more than `most`.
void queue_limit_lag(struct run_queue *q, struct vcpu *v, int64_t most, nsec_t now);
// Virtual time that a vCPU of some weight gains in ns.
int64_t weighted(nsec_t ns, unsigned weight);
unsigned vcpu_weight(const struct vcpu *v);
// Machine-wide virtual time of what a CPU runs now, by its hints. INT64_MAX for an idle CPU. No
// lock.
int64_t queue_running_vtime(const struct run_queue *q, nsec_t now);

// ---- sched_balance.c

// CPUs that the vCPU may use; all that are online if its affinity names none of those.
cpumask_t vcpu_cpus(const struct vcpu *v);
// The CPU for a vCPU that starts to wait; its queue is locked. If it is an idle one, that is no
// longer marked so: the caller has it schedule, whatever becomes of the vCPU.
unsigned balance_place(struct run_queue *q, struct vcpu *v, nsec_t now);
// Fetches a vCPU from the most promising queue not tried yet, if it should run here rather than
// `candidate` (NULL: nobody). false: no queue promises anything. true: the queue's lock was dropped
// meanwhile, choose again and try the next.
bool balance_pull(struct run_queue *q, struct vcpu *candidate, cpumask_t *tried, nsec_t now);
// After a choice that left others waiting: has another CPU look at them if it should.
void balance_push(struct run_queue *q, nsec_t now);
// A CPU that was marked idle has found something to run: should somebody have had it in mind for
// something else, another idle CPU is told. No lock is held.
void balance_pass_on(void);
// Has an idle CPU, if there is one, fetch the vCPU that was just queued.
void balance_kick_idle(struct run_queue *q, struct vcpu *v);
void balance_mark_idle(unsigned cpu);
void balance_mark_busy(unsigned cpu);

// ---- sched_cap.c

// May the vCPU run now? If its domain's budget is spent, it waits for the next period (parked) and
// must be in no queue. Its queue is locked.
bool cap_admit(struct vcpu *v, nsec_t now);
// The vCPU has used some of its budget / stops running and returns what it has left.
void cap_charge(struct vcpu *v, nsec_t ran);
void cap_return(struct vcpu *v);
// The vCPU is going for good.
void cap_forget(struct vcpu *v);
static inline bool vcpu_capped(const struct vcpu *v)
{
    return v->domain->sched.cap != 0;
}

// ---- sched.c

// Puts a vCPU that could run into a queue if it is in none; `wakeup`: after a sleep.
void sched_enqueue(struct vcpu *v, bool wakeup);
// Of run_queue.slice.
void sched_slice_over(void *queue);

// ---- runstate.c

// RUNSTATE_* of a vCPU that does not run. Its queue is locked, as for the next.
int runstate_waiting(const struct vcpu *v);
void runstate_change(struct vcpu *v, int state, nsec_t now);

// ---- vcpu_timers.c

void vcpu_timers_init(struct vcpu *v);
void vcpu_timers_kill(struct vcpu *v);
// The vCPU has been switched to: its periodic timer, which rests while it does not run, goes on.
void vcpu_periodic_resume(struct vcpu *v);
