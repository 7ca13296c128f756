// A limit on what a guest may send: so many bytes in each interval.
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct net_credit {
    uint64_t bytes;       // in an interval; 0: no limit
    uint64_t interval_us; // of time as `now_us` below counts it
    int64_t left;         // less than 0: the last frame took more than there was
    uint64_t refilled_us;
};

// From the text of the "rate" node, BYTES,MICROSECONDS, as toolstacks write it; empty or NULL: no
// limit. False: it is not of that form.
bool credit_parse(struct net_credit *credit, const char *text, uint64_t now_us);

// 0: a frame may be sent now. Otherwise the microseconds until one may.
uint64_t credit_wait(struct net_credit *credit, uint64_t now_us);

void credit_spend(struct net_credit *credit, uint64_t bytes);
