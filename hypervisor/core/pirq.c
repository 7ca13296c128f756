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
#include "core/pirq.h"

#include "core/event.h"
#include "core/guest_frame.h"
#include "cpu/ioapic.h"
#include "cpu/irq.h"
#include "lib/errno.h"
#include "lib/log.h"
#include "mm/alloc.h"
#include "platform/msi.h"
#include "pv-abi/physdev.h"

#define MESSAGE_PIRQS   256 // numbers above the GSIs
#define FIRST_FREE_GSI  16  // numbers below are ISA interrupts', never given out as "any"
#define MAX_LINE_GUESTS 4

struct pirq {
    struct irq *irq; // NULL: not mapped
    bool reserved;
};

struct pirq_table {
    spinlock_t lock;
    unsigned nr;
    uint64_t *eoi_map; // shared with the guest; NULL: none
    struct frame *eoi_frame;
    bool eoi_unmasks;
    struct pirq entries[];
};

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

// The domain's table, made at first need: most domains never have one. NULL: no memory.
static struct pirq_table *get_table(struct domain *d)
{
    struct pirq_table *t = __atomic_load_n(&d->pirqs, __ATOMIC_ACQUIRE), *none = NULL;
    unsigned nr = gsi_count() + MESSAGE_PIRQS;

    if (t)
        return t;
    t = xzalloc_bytes(sizeof(*t) + nr * sizeof(t->entries[0]));
    if (!t)
        return NULL;
    t->nr = nr;
    if (!__atomic_compare_exchange_n(&d->pirqs, &none, t, false, __ATOMIC_ACQ_REL,
                                     __ATOMIC_ACQUIRE)) {
        xfree(t);
        t = none;
    }
    return t;
}

static struct pirq *find(struct domain *d, unsigned pirq)
{
    struct pirq_table *t = __atomic_load_n(&d->pirqs, __ATOMIC_ACQUIRE);

    return t && pirq < t->nr ? &t->entries[index_nospec(pirq, t->nr)] : NULL;
}

struct irq *pirq_to_irq(struct domain *d, unsigned pirq)
{
    struct pirq *p = find(d, pirq);

    return p ? READ_ONCE(p->irq) : NULL;
}

int pirq_domain_init(struct domain *d)
{
    return 0;
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
    if (!rc && d->pirqs->eoi_unmasks)
        event_unmask(d, event_pirq_port(d, pirq));
    return rc;
}

// --- Binding ---

static void note_eoi(struct pirq_table *t, unsigned pirq, bool needed)
{
    uint64_t *map = __atomic_load_n(&t->eoi_map, __ATOMIC_ACQUIRE);

    if (map && pirq < PAGE_SIZE * 8) {
        if (needed)
            bit_set(map, pirq);
        else
            bit_clear(map, pirq);
    }
}

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
    note_eoi(d->pirqs, pirq, irq->level);
    rc = join_line(line, irq, d, pirq, will_share);
    spin_unlock(&line->lock);
    if (rc)
        guest_warn("pirq %u (vector %#x) not bound: error %d\n", pirq, irq->vector, rc);
    return rc;
}

static void leave_line(struct irq *irq, struct domain *d, unsigned pirq)
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
    note_eoi(d->pirqs, pirq, false);
}

void pirq_guest_unbind(struct domain *d, unsigned pirq)
{
    struct irq *irq = pirq_to_irq(d, pirq);

    if (irq)
        leave_line(irq, d, pirq);
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

    if (pirq >= gsi_count() + MESSAGE_PIRQS)
        return -EINVAL;
    if (!irq)
        return 0;
    return (irq->level ? XENIRQSTAT_needs_eoi : 0) |
           (line_of(irq)->nr_guests > 1 ? XENIRQSTAT_shared : 0);
}

int pirq_share_eoi_map(struct domain *d, gfn_t gfn, bool unmask)
{
    struct pirq_table *t = get_table(d);
    struct frame *frame;
    void *va;
    int rc;

    if (!t)
        return -ENOMEM;
    rc = guest_area_get(d, gfn, &frame, &va);
    if (rc)
        return rc;
    spin_lock(&t->lock);
    if (t->eoi_map) {
        spin_unlock(&t->lock);
        guest_area_put(frame);
        return -EBUSY;
    }
    t->eoi_frame = frame;
    t->eoi_unmasks = unmask;
    __atomic_store_n(&t->eoi_map, va, __ATOMIC_RELEASE);
    for (unsigned i = 0; i < t->nr; i++)
        note_eoi(t, i, t->entries[i].irq && t->entries[i].irq->level);
    spin_unlock(&t->lock);
    return 0;
}

// --- Mapping; with the table's lock held ---

static bool is_free(const struct pirq *p)
{
    return !p->irq && !p->reserved;
}

// `count` free numbers in a row: GSIs from below, messages from above, as Xen gives them out.
static int find_free(const struct pirq_table *t, unsigned count, bool message)
{
    unsigned first = message ? gsi_count() : FIRST_FREE_GSI;
    unsigned last = message ? t->nr : gsi_count();

    for (unsigned n = first; n + count <= last; n++) {
        unsigned at = message ? last - count - (n - first) : n, free = 0;

        while (free < count && is_free(&t->entries[at + free]))
            free++;
        if (free == count)
            return (int)at;
    }
    return -ENOSPC;
}

// Numbers for `count` interrupts: the wanted ones, if they are not mapped, or any.
static int choose(const struct pirq_table *t, int wanted, unsigned count, bool message)
{
    if (wanted < 0)
        return find_free(t, count, message);
    if ((unsigned)wanted >= t->nr || count > t->nr - (unsigned)wanted)
        return -EINVAL;
    for (unsigned i = 0; i < count; i++)
        if (t->entries[(unsigned)wanted + i].irq)
            return -EEXIST;
    return wanted;
}

static void set(struct pirq_table *t, unsigned pirq, struct irq *irq)
{
    t->entries[pirq].reserved = false;
    WRITE_ONCE(t->entries[pirq].irq, irq);
}

static int find_mapping(const struct pirq_table *t, const struct irq *irq)
{
    for (unsigned i = 0; i < t->nr; i++)
        if (t->entries[i].irq == irq)
            return (int)i;
    return -1;
}

int pirq_map_gsi(struct domain *d, unsigned gsi, int *pirq)
{
    struct pirq_table *t = get_table(d);
    struct irq *irq;
    int number;

    if (!t)
        return -ENOMEM;
    if (gsi >= gsi_count())
        return -EINVAL;
    irq = gsi_irq(gsi);
    if (!irq)
        return -EINVAL;
    spin_lock(&t->lock);
    number = find_mapping(t, irq);
    if (number < 0) {
        number = choose(t, *pirq, 1, false);
        if (number >= 0)
            set(t, (unsigned)number, irq);
    } else if (*pirq >= 0 && *pirq != number) {
        number = -EEXIST;
    }
    spin_unlock(&t->lock);
    if (number < 0)
        return number;
    *pirq = number;
    return 0;
}

int pirq_map_msi(struct domain *d, pci_sbdf_t sbdf, unsigned count, int *pirq)
{
    struct pirq_table *t = get_table(d);
    struct irq *irq;
    int number, rc = 0;

    if (!t)
        return -ENOMEM;
    spin_lock(&t->lock);
    number = choose(t, *pirq, count, true);
    rc = number < 0 ? number : msi_setup(sbdf, count, &irq);
    for (unsigned i = 0; !rc && i < count; i++)
        set(t, (unsigned)number + i, irq + i);
    spin_unlock(&t->lock);
    if (!rc)
        *pirq = number;
    return rc;
}

int pirq_map_msix(struct domain *d, pci_sbdf_t sbdf, unsigned entry, uint64_t table_base, int *pirq)
{
    struct pirq_table *t = get_table(d);
    struct irq *irq;
    int number, rc;

    if (!t)
        return -ENOMEM;
    spin_lock(&t->lock);
    number = choose(t, *pirq, 1, true);
    rc = number < 0 ? number : msix_setup(sbdf, entry, table_base, &irq);
    if (!rc)
        set(t, (unsigned)number, irq);
    spin_unlock(&t->lock);
    if (!rc)
        *pirq = number;
    return rc;
}

int pirq_unmap(struct domain *d, unsigned pirq)
{
    struct pirq *p = find(d, pirq);
    pci_sbdf_t sbdf;
    struct irq *irq;

    if (!p)
        return -EINVAL;
    spin_lock(&d->pirqs->lock);
    irq = p->irq;
    p->reserved = false;
    WRITE_ONCE(p->irq, NULL);
    spin_unlock(&d->pirqs->lock);
    if (!irq)
        return -EINVAL;
    // Nobody can bind it any more: binding looks again under the line's lock.
    leave_line(irq, d, pirq);
    if (msi_device(irq, &sbdf))
        msi_teardown(irq);
    return 0;
}

int pirq_reserve(struct domain *d, bool message)
{
    struct pirq_table *t = get_table(d);
    int number;

    if (!t)
        return -ENOMEM;
    spin_lock(&t->lock);
    number = find_free(t, 1, message);
    if (number >= 0)
        t->entries[number].reserved = true;
    spin_unlock(&t->lock);
    return number;
}

// --- The end ---

void pirq_domain_relinquish(struct domain *d)
{
    struct pirq_table *t = d->pirqs;

    for (unsigned i = 0; t && i < t->nr; i++)
        pirq_unmap(d, i);
}

void pirq_domain_destroy(struct domain *d)
{
    struct pirq_table *t = d->pirqs;

    if (!t)
        return;
    if (t->eoi_frame)
        guest_area_put(t->eoi_frame);
    xfree(t);
    d->pirqs = NULL;
}

void pirq_dump(struct domain *d)
{
    struct pirq_table *t = d->pirqs;

    for (unsigned i = 0; t && i < t->nr; i++) {
        const struct irq *irq = t->entries[i].irq;

        if (irq)
            log_info("d%u pirq %u: vector %#x %s %u, port %u%s\n", d->id, i, irq->vector,
                     irq->chip->name, irq->source, event_pirq_port(d, i),
                     line_of(irq)->owed ? ", answer owed" : "");
    }
}
