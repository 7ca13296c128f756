// Whose frames a guest may send, and which it gets.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FILTER_GROUPS_MAX 64

struct net_filter {
    uint8_t mac[6];
    bool own_source_only;  // frames from other addresses are dropped
    bool chosen_multicast; // of multicasts the guest gets those that it asked for, and broadcasts
    uint32_t groups_count;
    uint8_t groups[FILTER_GROUPS_MAX][6];
};

bool filter_may_send(const struct net_filter *filter, const uint8_t *frame);
bool filter_gets(const struct net_filter *filter, const uint8_t *frame);

// False: it is no multicast address, or there are too many.
bool filter_add_group(struct net_filter *filter, const uint8_t address[6]);
void filter_remove_group(struct net_filter *filter, const uint8_t address[6]);
