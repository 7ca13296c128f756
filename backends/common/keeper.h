// What the files of the keeper share.
#pragma once

#include <event2/event.h>

#include "backends/common/backend.h"

// The worker of a device, or that there is none.
struct process {
    int pid;                               // 0: none
    int socket;                            // -1: it has closed it
    struct event *event;                   // of the socket
    struct event *again;                   // pending: it is started anew when this is over
    struct backend_connection *connection; // NULL: there is none that it would serve
    int state;                             // its file, -1
    bool ready, stopping;
    bool replaced;      // it is being killed because its successor has other orders
    unsigned accidents; // in a row, of workers that did not live for a while
    uint64_t since;     // worker_now(), when it was ready
};

struct device {
    struct keeper *keeper;
    struct device *next;
    char type[32];
    domid_t domain;
    uint32_t number;
    char name[80];
    char back[BACKEND_PATH_MAX];
    char *front;   // NULL: not known yet
    bool prepared; // and the front end may connect
    bool begun;    // this program has written its state
    bool failed;   // given up; closes as soon as the front end does
    bool gone;     // freed as soon as its worker has ended
    struct process process;
    void *of_kind;
};

struct keeper {
    const struct backend_kind *kind;
    struct event_base *base;
    struct xs_handle *store; // NULL: not reached at the moment
    struct event *store_event, *store_again, *children;
    struct device *devices;
    const char *folder; // of the state files
    uint32_t first_user;
};

// device.c: brings the device in line with what the store says of both ends. May free it.
void device_update(struct device *device);
struct device *device_new(struct keeper *keeper, const char *type, domid_t domain, uint32_t number);
// The front end is asked to close, and is not served any more.
void device_give_up(struct device *device);
// After xenstored was away: watches the front end again.
void device_watch(struct device *device);

// process.c -------------------------------------------------------------------------------------

// Starts a worker for device->process.connection. What fails is said and tried again later.
void process_start(struct device *device);

// Asks the worker to end, or kills it; device_update() is called when it has. At once, without that
// call, if there is none.
void process_stop(struct device *device, bool kill);

// Ends the connection: no worker, no state file.
void process_forget(struct device *device);

// Opens the state file, empty unless it belongs to the very connection that is to be resumed; says
// so in connection->resume.
int process_open_state(struct device *device, struct backend_connection *connection);

// Reaps workers that have ended.
void process_reap(struct keeper *keeper);
