#include "backends/net/filter.h"

#include <string.h>

static const uint8_t broadcast[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

static uint32_t find(const struct net_filter *filter, const uint8_t address[6])
{
    uint32_t i = 0;

    while (i < filter->groups_count && memcmp(filter->groups[i], address, 6))
        i++;
    return i;
}

bool filter_may_send(const struct net_filter *filter, const uint8_t *frame)
{
    return !filter->own_source_only || !memcmp(frame + 6, filter->mac, 6);
}

bool filter_gets(const struct net_filter *filter, const uint8_t *frame)
{
    if (!filter->chosen_multicast || !(frame[0] & 1) || !memcmp(frame, broadcast, 6))
        return true;
    return find(filter, frame) < filter->groups_count;
}

bool filter_add_group(struct net_filter *filter, const uint8_t address[6])
{
    uint32_t at = find(filter, address);

    if (!(address[0] & 1))
        return false;
    if (at < filter->groups_count)
        return true;
    if (at == FILTER_GROUPS_MAX)
        return false;
    memcpy(filter->groups[at], address, 6);
    filter->groups_count++;
    return true;
}

void filter_remove_group(struct net_filter *filter, const uint8_t address[6])
{
    uint32_t at = find(filter, address);

    if (at < filter->groups_count)
        memcpy(filter->groups[at], filter->groups[--filter->groups_count], 6);
}
