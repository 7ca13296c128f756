// Physical interrupts of guests.
//
// A pirq is mapped (it names a struct irq) and then bound (an event channel waits for it). Bound
// pirqs of several domains may share one level triggered line; struct line keeps who they are.
//
// A level triggered line that has interrupted stays masked while any guest owes its answer: `owed`
// counts the guests that have been told and have not said PHYSDEVOP_eoi (or unbound) since. When it
// falls to 0 the line is opened, and interrupts again if a device still pulls it. Edge triggered
// lines and messages need no answer. The domain learns which is which from
// PHYSDEVOP_irq_status_query or the shared map.
//
// A domain's table lock guards mapping and unmapping, a line's lock who is bound to it. Lock order:
// event lock, table lock, line lock, irq->lock. Lines and irqs live in arrays, so that an interrupt
// that is just being delivered finds them whatever is unbound or unmapped meanwhile; whoever is in
// a line under its lock is bound, therefore alive.
#include "core/event.h"
#include "core/pirq_impl.h"
#include "lib/errno.h"
#include "lib/log.h"
#include "pv-abi/physdev.h"

#define MAX_LINE_GUESTS 4

struct line_guest {
    struct domain *domain;
    uint16_t pirq;
    bool owes; // has been told, has not answered
};

struct line {
    spinlock_t lock;
    uint8_t nr_guests, owed;
    bool shareable;
    struct line_guest guests[MAX_LINE_GUESTS];
};
static struct line lines[NR_IRQS];

static struct line *line_of(const struct irq *irq)
{
    return &lines[irq->vector - VECTOR_FIRST_DYNAMIC];
}

// --- Delivery ---

// Tells one guest; with the line's lock held.
static void tell(struct line *line, struct line_guest *g, bool level)
{
    if (level && !g->owes) {
        g->owes = true;
        line->owed++;
    }
    // Without a port nobody would ever answer.
    if (!event_send_pirq(g->domain, g->pirq) && level) {
        g->owes = false;
        line->owed--;
    }
}

static bool guest_interrupt(struct irq *irq, void *data)
{
    struct line *line = data;
    bool done;

    spin_lock(&line->lock);
    for (unsigned i = 0; i < line->nr_guests; i++)
        tell(line, &line->guests[i], irq->level);
    done = !line->owed;
    spin_unlock(&line->lock);
    return done;
}

static struct line_guest *find_guest(struct line *line, const struct domain *d, unsigned pirq)
{
    for (unsigned i = 0; i < line->nr_guests; i++)
        if (line->guests[i].domain == d && line->guests[i].pirq == pirq)
            return &line->guests[i];
    return NULL;
}

// With the line's lock held. true: the last answer, the line is to be opened.
static bool settle(struct line *line, struct line_guest *g)
{
    if (!g->owes)
        return false;
    g->owes = false;
    return --line->owed == 0;
}

int pirq_eoi(struct domain *d, unsigned pirq)
{
    struct irq *irq = pirq_to_irq(d, pirq);
    struct line_guest *g;
    struct line *line;
    int rc = -EINVAL;

    if (!irq)
        return -EINVAL;
    line = line_of(irq);
    spin_lock(&line->lock);
    g = find_guest(line, d, pirq);
    if (g) {
        rc = 0;
        if (settle(line, g))
            irq_finish(irq);
    }
    spin_unlock(&line->lock);
    return rc;
}

// --- Binding ---

// With the line's lock held.
static int join_line(struct line *line, struct irq *irq, struct domain *d, unsigned pirq,
                     bool will_share)
{
    int rc = 0;

    if (find_guest(line, d, pirq))
        return -EEXIST;
    if (line->nr_guests && !(line->shareable && will_share))
        return -EBUSY;
    if (line->nr_guests == MAX_LINE_GUESTS)
        return -ENOSPC;
    line->guests[line->nr_guests++] = (struct line_guest){d, (uint16_t)pirq, false};
    if (line->nr_guests > 1)
        return 0;
    line->shareable = will_share;
    line->owed = 0;
    rc = irq_bind(irq, guest_interrupt, line); // -EBUSY: the hypervisor's own
    if (rc)
        line->nr_guests = 0;
    return rc;
}

int pirq_guest_bind(struct vcpu *v, unsigned pirq, bool will_share)
{
    struct domain *d = v->domain;
    struct irq *irq = pirq_to_irq(d, pirq);
    struct line *line;
    int rc;

    if (!irq)
        return -EINVAL;
    line = line_of(irq);
    spin_lock(&line->lock);
    if (pirq_to_irq(d, pirq) != irq) { // unmapped meanwhile
        spin_unlock(&line->lock);
        return -EINVAL;
    }
    if (!line->nr_guests)
        irq_set_cpu(irq, v->cpu);
    pirq_note_eoi(d->pirqs, pirq, irq->level);
    rc = join_line(line, irq, d, pirq, will_share);
    spin_unlock(&line->lock);
    if (rc)
        guest_warn("pirq %u (vector %#x) not bound: error %d\n", pirq, irq->vector, rc);
    return rc;
}

void pirq_leave(struct irq *irq, struct domain *d, unsigned pirq)
{
    struct line *line = line_of(irq);
    struct line_guest *g;

    spin_lock(&line->lock);
    g = find_guest(line, d, pirq);
    if (g) {
        bool open = settle(line, g);

        *g = line->guests[--line->nr_guests];
        if (!line->nr_guests)
            irq_unbind(irq);
        else if (open)
            irq_finish(irq);
    }
    spin_unlock(&line->lock);
    pirq_note_eoi(d->pirqs, pirq, false);
}

void pirq_guest_unbind(struct domain *d, unsigned pirq)
{
    struct irq *irq = pirq_to_irq(d, pirq);

    if (irq)
        pirq_leave(irq, d, pirq);
}

void pirq_guest_set_affinity(struct domain *d, unsigned pirq, unsigned cpu)
{
    struct irq *irq = pirq_to_irq(d, pirq);

    // A shared line stays with who had it first.
    if (irq && line_of(irq)->nr_guests == 1)
        irq_set_cpu(irq, cpu);
}

int pirq_status(struct domain *d, unsigned pirq)
{
    struct irq *irq = pirq_to_irq(d, pirq);

    if (pirq >= pirq_limit())
        return -EINVAL;
    if (!irq)
        return 0;
    return (irq->level ? XENIRQSTAT_needs_eoi : 0) |
           (line_of(irq)->nr_guests > 1 ? XENIRQSTAT_shared : 0);
}

bool pirq_answer_owed(const struct irq *irq)
{
    return line_of(irq)->owed != 0;
}
