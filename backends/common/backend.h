// What every back end of the split drivers shares: its life as xenstore drives it, and the
// processes that it consists of. A program is a `struct backend_kind` and a main() that calls
// backend_main().
//
// There are two kinds of processes, of one executable:
//
//   The keeper, one a program, with all rights. It watches the devices of its types below
//   /local/domain/0/backend/, follows the XenbusState handshake with each front end, reads the
//   front end's keys within bounds, and starts a worker when both ends are ready. It never looks at
//   memory that a guest can write. It does not wait for anything but xenstore.
//
//   A worker, one a connected device, with the rights that are left when all is opened: a user of
//   its own, no files but the descriptors that it holds, event channels of its one guest only. It
//   serves the rings. It has no way to xenstore: it and the keeper send each other messages.
//
// A connection is what lies between a front end's saying Initialised (or Connected) and its end. A
// worker serves one connection and ends with it. A worker that dies otherwise, of kill -9 or of a
// mistake, is started anew and told to resume: with the descriptor of the connection's `state`
// file, in which it and its predecessors wrote what their successor must know. The file lies below
// /run, so it outlives the keeper, too: a keeper that is started anew resumes what was connected.
//
// docs/split-drivers.md tells why.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pv-abi/io/xenbus.h"
#include "pv-abi/xen.h"
#include "xenstore/xenstore.h"

#define BACKEND_QUEUES_MAX     8
#define BACKEND_RINGS_MAX      2 // of a queue
#define BACKEND_RING_PAGES_MAX 16
#define BACKEND_KIND_BYTES     8192 // of what a kind tells its worker about a connection
#define BACKEND_PATH_MAX       256

// A ring that the front end offers.
struct backend_ring {
    uint32_t pages; // 0: there is none
    uint32_t references[BACKEND_RING_PAGES_MAX];
};

// Up to two rings and two event channels; a kind that has one of them uses the first.
struct backend_queue {
    struct backend_ring rings[BACKEND_RINGS_MAX];
    uint32_t ports[BACKEND_RINGS_MAX]; // the front end's; 0: none
};

// All that a worker is told. The keeper fills in what stands first, the kind's connect() the rest.
struct backend_connection {
    domid_t domain;
    uint32_t device; // its number: .../DOMAIN/DEVICE
    bool resume;     // the state file holds what a worker of this very connection left
    uint32_t user;   // the number of the user and group whose rights it shall have
    char name[64];   // for messages: "domain 3, vbd 51712"

    uint32_t queues;
    struct backend_queue queue[BACKEND_QUEUES_MAX];
    uint32_t kind_bytes; // of `kind_data` that are used
    _Alignas(16) uint8_t kind_data[BACKEND_KIND_BYTES];
};

// --- the keeper's side ---

struct device;
struct worker;

// Whose device this is; nodes of it, read and written. Paths are the store's own.
domid_t device_domain(const struct device *device);
uint32_t device_number(const struct device *device);
const char *device_type(const struct device *device);      // "vbd", as in the path
const char *device_back_path(const struct device *device); // /local/domain/0/backend/...
const char *device_front_path(const struct device *device);
const char *device_name(const struct device *device); // for messages: "domain 3, vbd 51712"

// A line in the log, with the device's name before it.
__attribute__((format(printf, 2, 3))) void device_note(const struct device *device,
                                                       const char *format, ...);

// The same as an error, which is also written to the store where tools look for it
// (error/backend/TYPE/DOMAIN/DEVICE/error, and the back end's own hotplug-error). Returns `error`.
__attribute__((format(printf, 3, 4))) int device_fail(struct device *device, int error,
                                                      const char *format, ...);

// Writes a node of the back end's; what fails is logged.
void device_write(struct device *device, const char *name, const char *value);
void device_write_number(struct device *device, const char *name, uint64_t value);

// Room of `device_bytes` that the kind asked for, zeroed when the device appeared.
void *device_of_kind(struct device *device);

// Sends the worker, if there is one, a message (WORKER_KIND and above).
void device_tell(struct device *device, uint32_t type, const void *data, size_t length);

// What the worker was told by connect() is out of date: it is replaced by another, which takes over
// the rings and goes by `data`. Nothing, if nobody is connected.
void device_replace_worker(struct device *device, const void *data, size_t length);

// Writes the state anew, though it has not changed, so that the front end looks at the other nodes.
void device_announce(struct device *device);

struct backend_kind {
    const char *program;      // "vellum-blkback"
    const char *summary;      // a line or more for --help: what it serves
    const char *const *types; // NULL at the end; of them, ...
    const char *shared_type;  // ...devices of this are left to Linux's own driver if it is loaded
                              // when they appear; or NULL
    size_t device_bytes;

    // A back end of this kind is in state Initialising: checks its own nodes, and writes those that
    // the front end may want to know of before it offers rings. 0, or what device_fail() returned:
    // the device is closed. Also called when a connection has ended and the front end starts over.
    int (*prepare)(struct device *device);

    // The front end has offered its rings: reads its nodes (keys.h) into `connection`.
    int (*connect)(struct device *device, struct backend_connection *connection);

    // The worker is ready and says this: writes the nodes that the front end reads once it sees the
    // state Connected, which is set afterwards. Also called with WORKER_CHANGED, later on.
    void (*ready)(struct device *device, const void *data, size_t length);

    // A node of the back end's own has changed, or NULL.
    void (*changed)(struct device *device);

    // The device has gone; lets go of what the others took hold of. Or NULL.
    void (*release)(struct device *device);

    // The worker's side (worker.h): with all rights, before anything else, opens what needs them;
    // then, without, maps the rings and registers events. 0 or -errno; what failed has been said.
    int (*worker_open)(struct worker *worker);
    int (*worker_start)(struct worker *worker);
    void (*worker_message)(struct worker *worker, uint32_t type, const void *data, size_t length);
    // Asked to end: answers what is under way, and then calls worker_end().
    void (*worker_stop)(struct worker *worker);
};

// The program. Returns its exit status.
int backend_main(const struct backend_kind *kind, int argc, char **argv);
