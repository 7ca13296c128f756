// All domains: a list in the order of their numbers, and a table to find one by its number. A
// domain is on both, under domains_lock, from the end of its creation until its last reference is
// given back.
#include "core/domain.h"

#define BUCKETS 256

struct list domains = LIST_INIT(domains);
spinlock_t domains_lock;
static struct domain *buckets[BUCKETS]; // chained by hash_next

static struct domain *find(uint32_t id)
{
    struct domain *d = buckets[id % BUCKETS];

    while (d && d->id != id)
        d = d->hash_next;
    return d;
}

bool domain_list_add(struct domain *d)
{
    struct list *after = domains.prev; // most often the place, for numbers go up
    bool free;

    spin_lock(&domains_lock);
    free = !find(d->id);
    if (free) {
        while (after != &domains && list_entry(after, struct domain, link)->id > d->id)
            after = after->prev;
        list_add(&d->link, after);
        d->hash_next = buckets[d->id % BUCKETS];
        buckets[d->id % BUCKETS] = d;
    }
    spin_unlock(&domains_lock);
    return free;
}

void domain_list_remove(struct domain *d)
{
    struct domain **at = &buckets[d->id % BUCKETS];

    spin_lock(&domains_lock);
    while (*at != d)
        at = &(*at)->hash_next;
    *at = d->hash_next;
    list_del(&d->link);
    spin_unlock(&domains_lock);
}

bool domain_get(struct domain *d)
{
    uint32_t refs = d->refs;

    do {
        if (!refs)
            return false;
    } while (!__atomic_compare_exchange_n(&d->refs, &refs, refs + 1, false, __ATOMIC_SEQ_CST,
                                          __ATOMIC_RELAXED));
    return true;
}

struct domain *domain_get_by_id(domid_t id)
{
    struct domain *d;

    if (id == DOMID_SELF)
        return domain_get(current->domain) ? current->domain : NULL;
    spin_lock(&domains_lock);
    d = find(id);
    if (d && !domain_get(d))
        d = NULL;
    spin_unlock(&domains_lock);
    return d;
}

// Whoever goes through all asks for the number behind the last one: then nothing is passed over.
struct domain *domain_get_next(uint32_t id)
{
    struct domain *d, *found = NULL;
    const struct list *at;

    spin_lock(&domains_lock);
    d = id ? find(id - 1) : NULL;
    for (at = d ? d->link.next : domains.next; at != &domains && !found; at = at->next) {
        d = list_entry(at, struct domain, link);
        if (d->id >= id && domain_get(d))
            found = d;
    }
    spin_unlock(&domains_lock);
    return found;
}
