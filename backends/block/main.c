// vellum-blkback: disks of guests, kept in raw files and block devices.
//
// Here is the keeper's part: what the nodes of both ends say, and are told.
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backends/block/disk.h"
#include "backends/common/keys.h"

// The type of devices that the toolstack leaves to this program, and Linux's own.
#define OWN_TYPE   "vvbd"
#define LINUX_TYPE "vbd"

struct kept {
    struct disk_start start;
    bool cdrom;
    char refused[sizeof(((struct disk_start *)NULL)->path)]; // as a medium, and said so
};

// --- the back end's own nodes ---

static bool is_text(struct device *device, const char *name, const char *value)
{
    char *text = keys_text(device, device_back_path(device), name, 32);
    bool is = text && !strcmp(text, value);

    free(text);
    return is;
}

// Only the toolstack knows that who holds the lock is about to give it up: of a domain that moves
// from one number to another on this machine, or to this one.
static int check_lock(struct device *device, const struct kept *kept)
{
    int rc = is_text(device, "incoming", "1") || !kept->start.path[0]
                 ? 0
                 : image_in_use(kept->start.path, kept->start.read_only);

    return rc ? device_fail(device, rc, "%.200s is served to a guest already, or locked",
                            kept->start.path)
              : 0;
}

// The image must be there, and be of a kind that can be served.
static int check_image(struct device *device, const struct kept *kept)
{
    const char *path = kept->start.path;
    struct stat status;

    if (!path[0] && kept->cdrom)
        return 0;
    if (path[0] != '/')
        return device_fail(device, -EINVAL, "%s/params is '%.200s', no absolute path",
                           device_back_path(device), path);
    if (stat(path, &status) || access(path, kept->start.read_only ? R_OK : R_OK | W_OK))
        return device_fail(device, -errno, "%.200s", path);
    if (!S_ISREG(status.st_mode) && !S_ISBLK(status.st_mode))
        return device_fail(device, -EINVAL, "%.200s is neither a file nor a block device", path);
    return 0;
}

static int read_limits(struct device *device, struct kept *kept)
{
    const char *back = device_back_path(device);
    uint64_t iops;
    int rc = keys_optional(device, back, "iops", 0, 1000000000, 0, &iops);

    kept->start.iops = (uint32_t)iops;
    return rc ? rc : keys_rate(device, back, kept->start.rate);
}

static int read_own(struct device *device, struct kept *kept)
{
    char *path =
        keys_text(device, device_back_path(device), "params", sizeof(kept->start.path) - 1);
    int rc;

    kept->cdrom = is_text(device, "device-type", "cdrom");
    if (!path && !kept->cdrom)
        return device_fail(device, -ENOENT, "%s/params names no image", device_back_path(device));
    snprintf(kept->start.path, sizeof(kept->start.path), "%s", path ? path : "");
    free(path);
    kept->start.read_only = kept->cdrom || !is_text(device, "mode", "w");
    kept->start.discard = !kept->start.read_only && !is_text(device, "discard-enable", "0");
    rc = read_limits(device, kept);
    return rc ? rc : check_image(device, kept);
}

static int prepare(struct device *device)
{
    struct kept *kept = device_of_kind(device);
    int rc = read_own(device, kept);

    if (!rc)
        rc = check_lock(device, kept);
    if (rc)
        return rc;
    device_write_number(device, "max-ring-page-order", DISK_ORDER_MOST);
    device_write_number(device, "multi-queue-max-queues", DISK_QUEUES_MOST);
    device_write_number(device, "feature-max-indirect-segments", BLK_SEGMENTS_MOST);
    device_write_number(device, "feature-flush-cache", 1);
    device_write_number(device, "feature-barrier", 1);
    return 0;
}

// --- the front end's offer ---

static int read_protocol(struct device *device)
{
    char *protocol = keys_text(device, device_front_path(device), "protocol", 32);
    bool native = !protocol || !strcmp(protocol, "x86_64-abi");
    int rc = native ? 0
                    : device_fail(device, -EPROTONOSUPPORT,
                                  "%s/protocol is '%s'; only x86_64-abi is served",
                                  device_front_path(device), protocol);

    free(protocol);
    return rc;
}

static int read_queue(struct device *device, const char *path, uint64_t order, bool numbered,
                      struct backend_queue *queue)
{
    uint64_t port = 0;
    int rc = keys_ring(device, path, "ring-", 1u << order, numbered, &queue->rings[0]);

    if (!rc)
        rc = keys_number(device, path, "event-channel", 1, UINT32_MAX, &port);
    queue->ports[0] = (uint32_t)port;
    return rc;
}

static int read_queues(struct device *device, uint64_t order, bool numbered,
                       struct backend_connection *connection)
{
    const char *front = device_front_path(device);
    uint64_t queues;
    int rc =
        keys_optional(device, front, "multi-queue-num-queues", 1, DISK_QUEUES_MOST, 0, &queues);
    char path[BACKEND_PATH_MAX + 16];

    if (rc)
        return rc;
    connection->queues = queues < 2 ? 1 : (uint32_t)queues;
    if (queues < 2)
        return read_queue(device, front, order, numbered, &connection->queue[0]);
    for (uint32_t i = 0; i < connection->queues && !rc; i++) {
        snprintf(path, sizeof(path), "%s/queue-%u", front, i);
        rc = read_queue(device, path, order, numbered, &connection->queue[i]);
    }
    return rc;
}

#define NO_ORDER UINT32_MAX

static int connect_front(struct device *device, struct backend_connection *connection)
{
    struct kept *kept = device_of_kind(device);
    uint64_t order;
    int rc = read_own(device, kept); // anew: the keeper may have been, or the medium

    if (!rc)
        rc = read_protocol(device);
    if (!rc)
        rc = keys_optional(device, device_front_path(device), "ring-page-order", 0, DISK_ORDER_MOST,
                           NO_ORDER, &order);
    if (!rc)
        rc = read_queues(device, order == NO_ORDER ? 0 : order, order != NO_ORDER, connection);
    memcpy(connection->kind_data, &kept->start, sizeof(kept->start));
    connection->kind_bytes = sizeof(kept->start);
    return rc;
}

// --- what the front end is told ---

static void ready(struct device *device, const void *data, size_t length)
{
    const struct kept *kept = device_of_kind(device);
    struct disk_ready ready;

    if (length != sizeof(ready))
        return;
    memcpy(&ready, data, sizeof(ready));
    if (ready.discard_granularity) {
        device_write_number(device, "discard-granularity", ready.discard_granularity);
        device_write_number(device, "discard-alignment", 0);
        device_write_number(device, "discard-secure", 0);
        device_write_number(device, "feature-discard", 1);
    }
    device_write_number(device, "sector-size", ready.sector_size);
    device_write_number(device, "physical-sector-size", ready.sector_size);
    device_write_number(device, "info",
                        (kept->start.read_only ? VDISK_READONLY : 0) |
                            (kept->cdrom ? VDISK_CDROM | VDISK_REMOVABLE : 0));
    device_write_number(device, "sectors", ready.sectors);
    if (kept->cdrom)
        device_write(device, "medium", kept->start.path);
}

// The medium of a drive may be another by now, or none: another worker serves it. One that cannot
// be served is told of, and the former stays.
static void look_at_medium(struct device *device)
{
    struct kept *kept = device_of_kind(device), now = *kept;
    char *path;

    if (!kept->cdrom)
        return;
    path = keys_text(device, device_back_path(device), "params", sizeof(now.start.path) - 1);
    snprintf(now.start.path, sizeof(now.start.path), "%s", path ? path : "");
    free(path);
    if (!strcmp(now.start.path, kept->start.path)) {
        kept->refused[0] = '\0';
        return;
    }
    if (now.start.path[0] && !strcmp(now.start.path, kept->refused))
        return;
    if (check_image(device, &now) || check_lock(device, &now)) {
        snprintf(kept->refused, sizeof(kept->refused), "%s", now.start.path);
        return;
    }
    kept->refused[0] = '\0';
    kept->start = now.start;
    device_replace_worker(device, &kept->start, sizeof(kept->start));
}

static void changed(struct device *device)
{
    look_at_medium(device);
    device_tell(device, DISK_LOOK, NULL, 0);
}

int main(int argc, char **argv)
{
    static const char *const types[] = {OWN_TYPE, LINUX_TYPE, NULL};
    static const struct backend_kind kind = {
        .program = "vellum-blkback",
        .summary =
            "Serves the disks of guests from raw files and block devices: those that vl leaves to "
            "it\n"
            "(" OWN_TYPE
            " below /local/domain/0/backend), and as long as Linux's xen-blkback is not loaded,\n"
            "also those meant for that (" LINUX_TYPE "). Stays in the foreground.\n",
        .types = types,
        .shared_type = LINUX_TYPE,
        .device_bytes = sizeof(struct kept),
        .prepare = prepare,
        .connect = connect_front,
        .ready = ready,
        .changed = changed,
        .worker_open = disk_open,
        .worker_start = disk_start,
        .worker_message = disk_message,
        .worker_stop = disk_stop,
    };

    return backend_main(&kind, argc, argv);
}
