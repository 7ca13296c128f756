#include "store/quota.h"

#include <string.h>

#include "store/log.h"
#include "store/store.h"

#define QUOTA_NAME(constant, name, value, description)        name,
#define QUOTA_DESCRIPTION(constant, name, value, description) description,
#define QUOTA_DEFAULT(constant, name, value, description)     value,

const char *const quota_names[QUOTA_COUNT] = {QUOTA_LIST(QUOTA_NAME)};
const char *const quota_descriptions[QUOTA_COUNT] = {QUOTA_LIST(QUOTA_DESCRIPTION)};
static const uint32_t defaults[QUOTA_COUNT] = {QUOTA_LIST(QUOTA_DEFAULT)};

enum quota quota_by_name(const char *name, bool soft)
{
    unsigned i = soft ? QUOTA_HARD_COUNT : 0, end = soft ? QUOTA_COUNT : QUOTA_HARD_COUNT;

    while (i < end && strcmp(name, quota_names[i]))
        i++;
    return i < end ? (enum quota)i : QUOTA_COUNT;
}

void quota_defaults(uint32_t limits[QUOTA_COUNT])
{
    memcpy(limits, defaults, sizeof(defaults));
}

bool quota_hit(struct store *store, struct domain *domain, enum quota quota, uint64_t value)
{
    uint32_t limit = store->limits[quota];

    if (!domain || !domain->domid || !limit || value <= limit)
        return false;
    if (!domain->hits[quota]++)
        log_error("domain %u hit its quota \"%s\" of %u (%s); further hits are only counted: see "
                  "CONTROL quota %u",
                  domain->domid, quota_names[quota], limit, quota_descriptions[quota],
                  domain->domid);
    return true;
}

void quota_memory(struct store *store, struct domain *domain, int64_t bytes)
{
    if (!domain)
        return;
    domain->memory += (uint64_t)bytes;
    if (bytes > 0)
        quota_hit(store, domain, QUOTA_SOFT_MEMORY, domain->memory);
}
