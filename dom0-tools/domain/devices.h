// Devices of a domain whose two ends talk through shared memory: their nodes in xenstore, as libxl
// lays them out, whatever their kind; and the waiting for who serves them. disks.c and its like
// make a `struct device` of a configuration.
#pragma once

#include "domain/domain.h"

#define DEVICE_NODES_MAX 28
#define DEVICE_PATH_MAX  256

// Nodes of one end beyond those that every device has.
struct device_nodes {
    struct {
        const char *name;
        char *value; // malloc'ed
    } node[DEVICE_NODES_MAX];
    unsigned count;
    bool overflow; // a value could not be had
};

struct device {
    const char *kind;      // of the front end, as in device/KIND/NUMBER: "vbd"
    const char *back_kind; // of the back end, as in backend/KIND/DOMAIN/NUMBER: "vvbd"
    uint32_t number;
    domid_t backend_domain;
    char label[40];     // for messages: "disk xvda"
    const char *server; // for messages: who serves it, "vellum-blkback"
    struct device_nodes front, back;
    char script[DEVICE_PATH_MAX]; // disks: the folder of the script that made what is served; or ""
};

void device_node(struct device_nodes *nodes, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
// The node "rate", if there is a limit.
struct rate_config;
void device_rate(struct device_nodes *nodes, const struct rate_config *rate);
void device_nodes_free(struct device_nodes *nodes);
void device_free(struct device *device);

// Writes the nodes of both ends. -EEXIST: the domain has such a device already.
int device_write(const struct toolstack *t, domid_t id, const struct device *device);

// Waits until its back end has taken notice. What it said, if it refuses, is said; -ETIMEDOUT:
// nobody serves it.
int device_wait(const struct toolstack *t, domid_t id, const struct device *device);

// Both; on failure nothing is left.
int device_add(const struct toolstack *t, domid_t id, const struct device *device);

// What a domain has of one kind.
struct device_entry {
    uint32_t number;
    char *back_path; // malloc'ed
};
// How many, in *out, malloc'ed; negative -errno.
int device_list(const struct toolstack *t, domid_t id, const char *kind, struct device_entry **out);
void device_list_free(struct device_entry *entries, int count);

// Asks both ends to let go and removes the nodes. -ETIMEDOUT: the guest has not let go, and the
// device stays, unless `force`. -ENOENT: there is no such device; not said.
int device_remove(const struct toolstack *t, domid_t id, const char *kind, uint32_t number,
                  bool force);

// At a domain's end, which is paused and will not answer: has all back ends finish what they have
// begun, and let go. Waits a while, and removes nothing but the front ends.
void devices_close(const struct toolstack *t, domid_t id);

// disks.c (vifs.h has what it has, for network cards)
struct disk_config;
// -ENOSYS: a disk of this kind cannot be served, which is said.
int disk_check(const struct toolstack *t, const struct disk_config *disk);
// The path of what it consists of; "": a drive without a medium.
#define DISK_TARGET_MAX 4096
void disk_target(const struct disk_config *disk, char path[DISK_TARGET_MAX]);
// Makes a device of a disk, by a script if it needs one; what cannot be served is said.
// device_free() it; if it is not added, disk_script_remove() comes before. `incoming` as below.
int disk_device(const struct toolstack *t, domid_t id, const struct disk_config *disk,
                bool incoming, struct device *device);

// disk_script.c: what makes files and block devices of images that the back ends do not know. Each
// medium has a folder of its own for the script, .../vbd/NUMBER/script/0 or the next that is free,
// which there is from before the script is called to add it until it was called to remove it.

// The script of a disk as it is named; NULL: none is needed.
const char *disk_script_name(const struct disk_config *disk);

// Has it add the disk. `path` is what is to be served then, `folder` its folder. On failure, which
// has been said, there is none.
int disk_script_add(const struct toolstack *t, domid_t id, const struct disk_config *disk,
                    bool incoming, char path[DISK_TARGET_MAX], char folder[DEVICE_PATH_MAX]);

// Has it remove what it added in this folder, "": nothing. What fails is said.
void disk_script_remove(const struct toolstack *t, domid_t id, const char *folder);

// The same for all that was added for a disk, but `except` (NULL: no exception), and for those of
// all disks of a domain.
void disk_scripts_remove(const struct toolstack *t, domid_t id, uint32_t number,
                         const char *except);
void disks_offline(const struct toolstack *t, domid_t id);

// Adds all devices of the configuration, and waits for them. `incoming`: the domain comes from
// another number or machine, where its disks may be in use for a moment yet.
int devices_add_all(const struct toolstack *t, domid_t id, const struct domain_config *config,
                    bool incoming);

// Gives a running domain a disk, and its kept configuration, too.
int domain_attach_disk(const struct toolstack *t, domid_t id, const struct disk_config *disk);

// The opposite; as device_remove() says.
int domain_detach_disk(const struct toolstack *t, domid_t id, uint32_t number, bool force);

// Puts the medium of `disk`, or none, into a running domain's drive of its name, and notes it in
// its kept configuration. -ENOENT: the domain has no such drive; -ENODEV: it has no removable
// medium that vellum-blkback serves. Neither is said.
int domain_change_medium(const struct toolstack *t, domid_t id, const struct disk_config *disk);
