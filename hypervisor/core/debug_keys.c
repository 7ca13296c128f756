// Debug keys: one character each, from the console after Ctrl-A three times, or from the toolstack.
#include "core/console.h"
#include "core/domain.h"
#include "core/event.h"
#include "core/grant.h"
#include "core/pirq.h"
#include "core/sched.h"
#include "core/timer.h"
#include "cpu/irq.h"
#include "cpu/smp.h"
#include "cpu/traps.h"
#include "lib/log.h"
#include "mm/frame.h"
#include "platform/reset.h"

struct debug_key {
    char key;
    void (*fn)(void);
    const char *help;
};

static const struct debug_key keys[];

static void dump_this_cpu(void *unused)
{
    log_err("CPU %u runs d%uv%u\n", this_cpu(), current->domain->id, current->id);
    if (!is_idle(current))
        show_registers(&cpu_info()->regs);
}

static void dump_registers(void)
{
    unsigned cpu;

    for_each_cpu (cpu, cpus_online)
        smp_call(cpumask_of(cpu), dump_this_cpu, NULL);
}

// What keeps a dying domain: the first frames that somebody still holds.
static void dump_held_frames(struct domain *d)
{
    unsigned left = 8;

    spin_lock(&d->mem.lock);
    for (struct frame *f = frame_list_first(&d->mem.pages); f && left--; f = frame_list_next(f)) {
        uint64_t s = frame_state(f);

        log_err("  frame %lx, the guest's %lx: %llu references, %llu of type %u, flags %lx\n",
                frame_to_mfn(f), m2p_get(frame_to_mfn(f)), s & FS_REFS,
                (s & FS_COUNT) / FS_COUNT_ONE, frame_type_of(s), s >> 59);
    }
    spin_unlock(&d->mem.lock);
}

static void dump_domain(struct domain *d)
{
    struct vcpu *v;

    log_err("domain %u (%s): %u pages of %u, %u shared by the hypervisor, refs %u, pauses %d%s%s\n",
            d->id, d->ops->name, d->mem.nr_pages, d->mem.max_pages, d->mem.shared.count, d->refs,
            d->pause_count, d->dying ? ", dying" : "", d->shutting_down ? ", shut down" : "");
    for_each_vcpu (d, v)
        log_err("  vCPU %u: CPU %u%s, pause flags %lx, count %d, events %s%s\n", v->id, v->cpu,
                v->running ? ", running" : "", v->pause_flags, v->pause_count,
                v->info->evtchn_upcall_pending ? "pending" : "none",
                v->info->evtchn_upcall_mask ? ", masked" : "");
    if (d->dying)
        dump_held_frames(d);
}

// No domain goes meanwhile.
static void each_domain(void (*fn)(struct domain *d))
{
    struct domain *d;

    spin_lock(&domains_lock);
    for_each_domain (d)
        fn(d);
    spin_unlock(&domains_lock);
}

static void dump_domains(void)
{
    each_domain(dump_domain);
}

static void dump_events(void)
{
    each_domain(event_dump);
}

static void dump_grants(void)
{
    each_domain(grant_dump);
}

static void dump_interrupts(void)
{
    irq_dump();
    each_domain(pirq_dump);
}

static void dump_memory(void)
{
    log_err("memory: %lu pages, %lu free\n", frames_total(), frames_free());
}

static void reboot(void)
{
    machine_reboot();
}

static void help(void)
{
    for (const struct debug_key *k = keys; k->key; k++)
        log_err("  %c  %s\n", k->key, k->help);
}

static const struct debug_key keys[] = {
    {'h', help, "this list"},
    {'a', timer_dump, "timers"},
    {'d', dump_registers, "registers of all CPUs"},
    {'e', dump_events, "event channels"},
    {'g', dump_grants, "grant tables"},
    {'i', dump_interrupts, "interrupts"},
    {'m', dump_memory, "memory"},
    {'q', dump_domains, "domains and vCPUs"},
    {'r', sched_dump, "run queues"},
    {'R', reboot, "reboot the machine"},
    {0, NULL, NULL},
};

void debug_key(char key)
{
    for (const struct debug_key *k = keys; k->key; k++)
        if (k->key == key) {
            log_err("'%c': %s\n", key, k->help);
            k->fn();
            return;
        }
}
