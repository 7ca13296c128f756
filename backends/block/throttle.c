// How many requests a guest may make of its disk in a second, and of how many bytes. A request may
// take more than is left; the next one is not taken from the ring before that is paid.
#include <errno.h>

#include "backends/block/disk.h"

#define INTERVAL_US  50000
#define REQUEST_COST 20 // in an interval, a 20th of a second, as much is given as requests a second
#define WAIT_MOST_US 60000000

static uint64_t now_us(void)
{
    return worker_now() * 1000;
}

static void on_allowed(evutil_socket_t fd, short what, void *of)
{
    disk_settle(of);
}

int throttle_start(struct disk *disk)
{
    credit_parse(&disk->rate, disk->start.rate, now_us());
    disk->requests = (struct credit){.bytes = disk->start.iops,
                                     .interval_us = INTERVAL_US,
                                     .left = disk->start.iops,
                                     .refilled_us = now_us()};
    disk->allowed = evtimer_new(disk->worker->base, on_allowed, disk);
    return disk->allowed ? 0 : worker_fail(disk->worker, -ENOMEM, "no events");
}

bool throttle_allows(struct disk *disk)
{
    uint64_t wait = credit_wait(&disk->rate, now_us());
    uint64_t other = credit_wait(&disk->requests, now_us());

    if (other > wait)
        wait = other;
    if (!wait)
        return true;
    if (wait > WAIT_MOST_US)
        wait = WAIT_MOST_US;
    struct timeval pause = {(time_t)(wait / 1000000), (suseconds_t)(wait % 1000000)};

    return evtimer_add(disk->allowed, &pause) != 0;
}

void throttle_spend(struct disk *disk, const struct blk_request *request)
{
    credit_spend(&disk->requests, REQUEST_COST);
    if (request->segments)
        credit_spend(&disk->rate, request->length);
}
