// A limit on what a guest may do: so many bytes, or whatever is counted, in each interval.
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct credit {
    uint64_t bytes;       // in an interval; 0: no limit
    uint64_t interval_us; // of time as `now_us` below counts it
    int64_t left;         // less than 0: the last one took more than there was
    uint64_t refilled_us;
};

// From the text of the "rate" node, BYTES,MICROSECONDS, as toolstacks write it; empty or NULL: no
// limit. False: it is not of that form.
#define CREDIT_TEXT 48
bool credit_parse(struct credit *credit, const char *text, uint64_t now_us);

// 0: the next one may pass. Otherwise the microseconds until it may.
uint64_t credit_wait(struct credit *credit, uint64_t now_us);

void credit_spend(struct credit *credit, uint64_t bytes);
