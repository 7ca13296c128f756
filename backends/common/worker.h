// A worker's side of backends/common: the process that serves one connection.
#pragma once

#include <event2/event.h>

#include "backends/common/backend.h"

// How a worker ends. Any other end is an accident, after which it is started anew to resume.
enum worker_status {
    WORKER_DONE = 0,        // asked to end, and everything is answered
    WORKER_GUEST_WRONG = 3, // the front end broke the protocol: the device is closed
    WORKER_CANNOT = 4,      // it cannot start, and would not next time: the device is closed
    WORKER_ORPHANED = 5,    // the keeper is gone; the next one resumes
};

// Messages between keeper and worker. Those of a kind's own begin at WORKER_KIND.
enum worker_message_type {
    WORKER_START,   // to the worker: struct backend_connection, with the state file
    WORKER_READY,   // from it, with what backend_kind.ready() gets
    WORKER_CHANGED, // from it: the same, anew
    WORKER_FAILED,  // from it: a text, why it ends; not ended by a NUL
    WORKER_STOP,    // to it
    WORKER_KIND = 64,
};
#define WORKER_STATE_OFFSET 4096 // where in the state file the kind's own part begins

struct worker {
    const struct backend_kind *kind;
    struct backend_connection connection;
    struct event_base *base;
    int keeper; // the socket
    int evtchn; // /dev/xen/evtchn, which the other guests' ports cannot be bound with
    int grants; // /dev/xen/gntdev
    int state;  // the connection's state file, locked: no other worker of this connection lives
    void *of_kind;
    struct event *from_keeper;
};

uint64_t worker_now(void); // monotonic, ms

// Tells the keeper.
void worker_tell(struct worker *worker, uint32_t type, const void *data, size_t length);

// A line in the log, with the device's name before it. A guest can provoke as many as it likes of
// what is said with worker_complain(): of these a few a minute are shown, and the rest counted.
__attribute__((format(printf, 2, 3))) void worker_note(struct worker *worker, const char *format,
                                                       ...);
__attribute__((format(printf, 2, 3))) void worker_complain(struct worker *worker,
                                                           const char *format, ...);

// The same for what the device is given up for: tells the keeper, too, which writes it to the
// store. Returns `error`.
__attribute__((format(printf, 3, 4))) int worker_fail(struct worker *worker, int error,
                                                      const char *format, ...);

// Ends the process, once what is under way in this event is done, or at once.
void worker_end(struct worker *worker, enum worker_status status);

// The front end broke the protocol: says how, and ends at once.
__attribute__((format(printf, 2, 3), noreturn)) void worker_guest_wrong(struct worker *worker,
                                                                        const char *format, ...);

// Maps a ring's pages; NULL if they cannot be, which has been said. `what` names it.
void *worker_map_ring(struct worker *worker, const struct backend_ring *ring, const char *what);

// Binds to the front end's port; a local port, or -errno, which has been said. When an event comes,
// `handler` is called with it masked: it calls evtchn_unmask() when it wants the next.
typedef void worker_port_handler(struct worker *worker, uint32_t port, void *of);
int worker_bind(struct worker *worker, uint32_t remote_port, worker_port_handler *handler,
                void *of);

// The process of a worker, as backend_main() starts it with its socket in place of standard input.
int worker_main(const struct backend_kind *kind);
