#include "backends/common/credit.h"

#include <inttypes.h>
#include <stdio.h>

#define BYTES_MAX    1000000000000000
#define INTERVAL_MAX UINT32_MAX

bool credit_parse(struct credit *credit, const char *text, uint64_t now_us)
{
    uint64_t bytes, interval;
    char rest;

    *credit = (struct credit){0};
    if (!text || !*text)
        return true;
    if (sscanf(text, "%19" SCNu64 ",%19" SCNu64 "%c", &bytes, &interval, &rest) != 2)
        return false;
    if (bytes > BYTES_MAX || interval > INTERVAL_MAX)
        return false;
    if (!bytes || !interval)
        return true;
    *credit = (struct credit){bytes, interval, (int64_t)bytes, now_us};
    return true;
}

// Full intervals since the last time are paid; what is saved up is at most one's worth.
static void refill(struct credit *credit, uint64_t now_us)
{
    uint64_t intervals = (now_us - credit->refilled_us) / credit->interval_us;
    uint64_t missing = (uint64_t)((int64_t)credit->bytes - credit->left);

    credit->refilled_us += intervals * credit->interval_us;
    if (intervals > missing / credit->bytes)
        credit->left = (int64_t)credit->bytes;
    else
        credit->left += (int64_t)(intervals * credit->bytes);
}

uint64_t credit_wait(struct credit *credit, uint64_t now_us)
{
    uint64_t missing, intervals;

    if (!credit->bytes)
        return 0;
    refill(credit, now_us);
    if (credit->left > 0)
        return 0;
    missing = (uint64_t)-credit->left + 1;
    intervals = (missing + credit->bytes - 1) / credit->bytes;
    return credit->refilled_us + intervals * credit->interval_us - now_us;
}

void credit_spend(struct credit *credit, uint64_t bytes)
{
    if (credit->bytes)
        credit->left -= (int64_t)bytes;
}
