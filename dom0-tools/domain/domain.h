// The life of a domain: making one of a configuration, ending it, and what lies between.
//
// Functions return 0 or -errno. An error has been said, in a line or more on the toolstack's
// `messages`, when they return; "gone" below is -ESRCH: there is no such domain (any more).
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "config/domain_config.h"
#include "control/control.h"
#include "xenstore/xenstore.h"

// What all of them work with; owned by the caller.
struct toolstack {
    struct control *control;
    struct xs_handle *store;
    FILE *messages;
    bool verbose; // say there what is done, and how long each step took
};

// Makes the domain of `config`, paused, with its nodes in xenstore and its configuration kept
// (userdata.h); a monitor is not started. On failure nothing is left.
//   -EEXIST  a domain has that name already
//   -ENOSYS  it asks for what cannot be given (devices of a kind that is not supported, a CPU pool)
//   as guest_image_open() and guest_image_build() say, or what the hypervisor or xenstore said
int domain_create(const struct toolstack *t, const struct domain_config *config, domid_t *id);

// Ends it without asking: its devices, its memory, its nodes, its kept configuration. Also removes
// what a domain that is gone left behind; -ESRCH if there was not even that.
int domain_destroy(const struct toolstack *t, domid_t id);

int domain_pause(const struct toolstack *t, domid_t id);
int domain_unpause(const struct toolstack *t, domid_t id);

// What a guest is asked to do; each is the text in its control/shutdown node.
enum domain_request { REQUEST_POWEROFF, REQUEST_REBOOT, REQUEST_HALT, REQUEST_SUSPEND };

// Asks the guest and waits up to `seconds` until it has taken notice. -ETIMEDOUT: it has not, and
// the request is withdrawn.
int domain_request(const struct toolstack *t, domid_t id, enum domain_request request,
                   unsigned seconds);

// Waits until the domain has shut down, which gives the reason (SHUTDOWN_*, pv-abi/sched.h), or is
// gone, -ESRCH. -ETIMEDOUT after `seconds`, unless that is 0.
int domain_wait(const struct toolstack *t, domid_t id, unsigned seconds);

// -EEXIST: another domain has that name.
int domain_rename(const struct toolstack *t, domid_t id, const char *name);

// The number of the domain of this name, or -ESRCH, or what kept the store from telling; nothing is
// said.
int domain_find(const struct toolstack *t, const char *name);

// The names of `count` domains; NULL for one without. Each is the caller's to free. 0 or -errno,
// which is not said.
int domain_names(struct xs_handle *store, const domid_t *ids, size_t count, char **names);

// Stays with the domain until it is gone, and does what its kept configuration says when it shuts
// down; a domain that is made again is monitored on. domain_monitor_start() does so in a process
// of its own, which writes to LOG_FOLDER/vl-NAME.log and survives the caller, and returns.
int domain_monitor(const struct toolstack *t, domid_t id);
int domain_monitor_start(const struct toolstack *t, domid_t id);

// Monotonic, in nanoseconds.
uint64_t domain_now(void);

// Writes the domain into a file, or to who restores it elsewhere, in the format of `xl save`, from
// `fd`'s position on. `live`: it runs on while most is written. Afterwards it is suspended: either
// domain_destroy() or domain_resume() it; *asked is when it was asked to suspend (domain_now();
// NULL: not wanted). On failure it runs as before.
//   -EOPNOTSUPP  its kernel, or for `live` the hypervisor, cannot do that
//   -EBUSY       it is being saved already
//   -EINTR       stream_interrupted is set (stream/stream.h)
int domain_save(const struct toolstack *t, domid_t id, int fd, bool live, uint64_t *asked);

// Lets a suspended domain run on, as if it had not been.
int domain_resume(const struct toolstack *t, domid_t id);

// Makes a domain of what domain_save() or xl wrote, paused as after domain_create(), and reads no
// further. `config` replaces the configuration that comes with it, unless NULL. `incoming`: it runs
// elsewhere, or here, until its sender gives it up, and is called NAME--incoming till then; its
// namesake here may be itself, and nobody else (-EEXIST).
int domain_restore(const struct toolstack *t, int fd, const struct domain_config *config,
                   bool incoming, domid_t *id);

// What is put behind a domain's name while it moves: its new copy's and, once that has been given
// leave to run, its old one's.
#define DOMAIN_INCOMING     "--incoming"
#define DOMAIN_MIGRATEDAWAY "--migratedaway"

// Writes registers and memory of a domain, which is paused meanwhile unless `live`, to a new file
// in the format of Xen's core dumps.
int domain_dump_core(const struct toolstack *t, domid_t id, const char *path, bool live);

#define DOMAIN_LOG_FOLDER  "/var/log/xen"
#define DOMAIN_DUMP_FOLDER "/var/lib/xen/dump"
