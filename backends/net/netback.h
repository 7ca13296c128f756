// What the two kinds of processes of vellum-netback share.
#pragma once

#include "backends/common/worker.h"
#include "backends/net/queue.h"
#include "backends/net/tap.h"

#define NETBACK_QUEUES_MAX 4

// Besides the rings, what a worker is told of its connection.
struct netback_connection {
    char tap[TAP_NAME_MAX];
    struct net_guest guest;
    uint8_t mac[6];
    bool own_source_only, chosen_multicast;
    char rate[CREDIT_TEXT]; // as credit_parse() takes it
    struct backend_ring control_ring;
    uint32_t control_port;
};
_Static_assert(sizeof(struct netback_connection) <= BACKEND_KIND_BYTES, "");

// The first ring and port of a queue are for sending, the second ones for receiving. There may be
// but the first port, for both.
enum { NETBACK_TX, NETBACK_RX };

// To a worker: tells its statistics, as WORKER_CHANGED with a line of JSON.
#define NETBACK_TELL_STATISTICS WORKER_KIND

// device.c: the keeper's side
int netback_prepare(struct device *device);
int netback_connect(struct device *device, struct backend_connection *connection);
void netback_ready(struct device *device, const void *data, size_t length);
void netback_changed(struct device *device);
void netback_release(struct device *device);

// serve.c: the worker's side
int netback_worker_open(struct worker *worker);
int netback_worker_start(struct worker *worker);
void netback_worker_message(struct worker *worker, uint32_t type, const void *data, size_t length);
void netback_worker_stop(struct worker *worker);
