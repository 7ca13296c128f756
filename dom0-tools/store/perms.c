#include "store/perms.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/alloc.h"

static const char letters[] = "nrwb"; // by access

struct perms *perms_new(const struct permission *entries, uint32_t count, uint64_t generation)
{
    struct perms *perms = allocate(sizeof(*perms) + count * sizeof(*entries));

    perms->references = 1;
    perms->count = count;
    perms->generation = generation;
    memcpy(perms->entry, entries, count * sizeof(*entries));
    return perms;
}

struct perms *perms_ref(struct perms *perms)
{
    perms->references++;
    return perms;
}

void perms_unref(struct perms *perms)
{
    if (!--perms->references)
        free(perms);
}

bool perms_equal(const struct perms *a, const struct perms *b)
{
    return a == b || (a->count == b->count && a->generation == b->generation &&
                      !memcmp(a->entry, b->entry, a->count * sizeof(a->entry[0])));
}

struct perms *perms_inherit(struct perms *parent, int64_t owner)
{
    struct perms *perms;

    if (owner < 0 || parent->entry[0].domid == owner)
        return perms_ref(parent);
    perms = perms_new(parent->entry, parent->count, parent->generation);
    perms->entry[0].domid = (uint32_t)owner;
    return perms;
}

static bool names(const struct perms *perms, uint32_t i, uint32_t domid, uint64_t since)
{
    return perms->entry[i].domid == domid && since <= perms->generation;
}

unsigned perms_access(const struct perms *perms, const struct identity *who)
{
    uint32_t owner = perms->entry[0].domid;

    if (who->privileged || owner == who->domid || (who->has_target && owner == who->target))
        return ACCESS_ALL;
    for (uint32_t i = 1; i < perms->count; i++)
        if (names(perms, i, who->domid, who->since) ||
            (who->has_target && names(perms, i, who->target, who->target_since)))
            return perms->entry[i].access;
    return perms->entry[0].access;
}

int perms_parse(struct permission *entry, const char *text)
{
    const char *letter = text[0] ? strchr(letters, text[0]) : NULL;
    char *end;
    unsigned long domid;

    if (!letter || !text[1])
        return -EINVAL;
    domid = strtoul(text + 1, &end, 0);
    if (*end)
        return -EINVAL;
    entry->access = (uint32_t)(letter - letters);
    entry->domid = (uint32_t)domid;
    return 0;
}

size_t perms_print(const struct perms *perms, char *out)
{
    char *at = out;

    for (uint32_t i = 0; i < perms->count; i++)
        at += sprintf(at, "%c%u", letters[perms->entry[i].access & 3], perms->entry[i].domid) + 1;
    return (size_t)(at - out);
}
