// Which interrupts of the machine a domain has numbers for. See core/pirq.c.
#include "core/event.h"
#include "core/guest_frame.h"
#include "core/pirq_impl.h"
#include "cpu/ioapic.h"
#include "lib/errno.h"
#include "lib/log.h"
#include "mm/alloc.h"
#include "platform/msi.h"

#define MESSAGE_PIRQS  256 // numbers above the GSIs
#define FIRST_FREE_GSI 16  // numbers below are ISA interrupts', never given out as "any"

unsigned pirq_limit(void)
{
    return gsi_count() + MESSAGE_PIRQS;
}

// The domain's table, made at first need: most domains never have one. NULL: no memory.
static struct pirq_table *get_table(struct domain *d)
{
    struct pirq_table *t = __atomic_load_n(&d->pirqs, __ATOMIC_ACQUIRE), *none = NULL;
    unsigned nr = pirq_limit();

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

static struct pirq *pirq_find(struct domain *d, unsigned pirq)
{
    struct pirq_table *t = __atomic_load_n(&d->pirqs, __ATOMIC_ACQUIRE);

    return t && pirq < t->nr ? &t->entries[index_nospec(pirq, t->nr)] : NULL;
}

struct irq *pirq_to_irq(struct domain *d, unsigned pirq)
{
    struct pirq *p = pirq_find(d, pirq);

    return p ? READ_ONCE(p->irq) : NULL;
}

void pirq_note_eoi(struct pirq_table *t, unsigned pirq, bool needed)
{
    uint64_t *map = __atomic_load_n(&t->eoi_map, __ATOMIC_ACQUIRE);

    if (map && pirq < PAGE_SIZE * 8) {
        if (needed)
            bit_set(map, pirq);
        else
            bit_clear(map, pirq);
    }
}

int pirq_share_eoi_map(struct domain *d, gfn_t gfn)
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
    __atomic_store_n(&t->eoi_map, va, __ATOMIC_RELEASE);
    for (unsigned i = 0; i < t->nr; i++)
        pirq_note_eoi(t, i, t->entries[i].irq && t->entries[i].irq->level);
    spin_unlock(&t->lock);
    return 0;
}

// Below, down to pirq_map_gsi: with the table's lock held.

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
    struct pirq *p = pirq_find(d, pirq);
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
    pirq_leave(irq, d, pirq);
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

void pirq_domain_relinquish(struct domain *d)
{
    struct pirq_table *t = d->pirqs;
    struct frame *frame;

    if (!t)
        return;
    for (unsigned i = 0; i < t->nr; i++)
        pirq_unmap(d, i);
    // Now nobody has anything to note there.
    spin_lock(&t->lock);
    frame = t->eoi_frame;
    t->eoi_frame = NULL;
    __atomic_store_n(&t->eoi_map, NULL, __ATOMIC_RELEASE);
    spin_unlock(&t->lock);
    if (frame)
        guest_area_put(frame);
}

void pirq_domain_destroy(struct domain *d)
{
    xfree(d->pirqs);
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
                     pirq_answer_owed(irq) ? ", answer owed" : "");
    }
}
