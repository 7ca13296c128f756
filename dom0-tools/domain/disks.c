// Disks as devices: the nodes of both ends, as libxl writes them for blkfront and xen-blkback.
//
// Who serves a disk follows from backendtype=. Without it, vellum-blkback does, and the back end's
// kind is its own, "vvbd". With backendtype=phy Linux's xen-blkback does, whose kind is "vbd".
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "domain/devices.h"
#include "domain/script.h"
#include "domain/vifs.h"

static int refuse(const struct toolstack *t, const struct disk_config *disk, const char *why)
{
    fprintf(t->messages, "disk %s: %s\n", disk->vdev, why);
    return -ENOSYS;
}

static int check_script(const struct toolstack *t, const struct disk_config *disk)
{
    const char *name = disk_script_name(disk);
    char path[DOMAIN_PATH_MAX];

    if (!name)
        return 0;
    script_find(name, path);
    if (access(path, X_OK))
        return domain_fail(t, -errno, "disk %s: the script %s", disk->vdev, path);
    return 0;
}

int disk_check(const struct toolstack *t, const struct disk_config *disk)
{
    if (disk->backend_type == DISK_BACKEND_QDISK || disk->backend_type == DISK_BACKEND_STANDALONE)
        return refuse(t, disk,
                      "backendtype=qdisk and =standalone mean programs of others; leave "
                      "backendtype= out for vellum-blkback");
    if (!disk->target && disk->backend_type == DISK_BACKEND_PHY)
        return refuse(t, disk, "xen-blkback serves no drive without a medium; give target=");
    if (disk->backend_type == DISK_BACKEND_PHY && (disk->rate.bytes || disk->iops))
        return refuse(t, disk, "xen-blkback knows neither rate= nor iops=; leave backendtype= out");
    if (disk->backend_domain && strcmp(disk->backend_domain, "0") &&
        strcmp(disk->backend_domain, "Domain-0"))
        return refuse(t, disk, "its back end can be in domain 0 only");
    return check_script(t, disk);
}

void disk_target(const struct disk_config *disk, char path[DISK_TARGET_MAX])
{
    const char *target = disk->target ? disk->target : "";

    snprintf(path, DISK_TARGET_MAX, "%s%s", !*target || *target == '/' ? "" : "/dev/", target);
}

// What xen-blkback wants to know beforehand: the device's number, which a script would write.
static int physical(const struct toolstack *t, const struct disk_config *disk, const char *path,
                    struct device *device)
{
    struct stat status;

    if (stat(path, &status))
        return domain_fail(t, -errno, "disk %s: %s", disk->vdev, path);
    if (!S_ISBLK(status.st_mode))
        return refuse(t, disk,
                      "backendtype=phy serves block devices only, and target= is none; make one "
                      "of it with losetup(8), or leave backendtype= out");
    device->back_kind = "vbd";
    device->server = "Linux's xen-blkback";
    device_node(&device->back, "physical-device", "%x:%x", major(status.st_rdev),
                minor(status.st_rdev));
    device_node(&device->back, "physical-device-path", "%s", path);
    device_node(&device->back, "hotplug-status", "connected");
    return 0;
}

static void describe(const struct disk_config *disk, const char *path, struct device *device)
{
    const char *type = disk->cdrom ? "cdrom" : "disk";

    device_node(&device->front, "virtual-device", "%u", disk->device);
    device_node(&device->front, "device-type", "%s", type);
    device_node(&device->front, "trusted", "%d", disk->trusted);
    device_node(&device->back, "params", "%s", path);
    device_node(&device->back, "type", "%s", strcmp(device->back_kind, "vbd") ? "vellum" : "phy");
    device_node(&device->back, "dev", "%s", disk->vdev);
    device_node(&device->back, "mode", "%s", disk->writable ? "w" : "r");
    device_node(&device->back, "device-type", "%s", type);
    device_node(&device->back, "removable", "%d", disk->cdrom);
    device_node(&device->back, "bootable", "1");
    device_node(&device->back, "discard-enable", "%d", disk->discard);
    device_node(&device->back, "direct-io-safe", "%d", disk->direct_io_safe);
    device_rate(&device->back, &disk->rate);
    if (disk->iops)
        device_node(&device->back, "iops", "%u", disk->iops);
}

int disk_device(const struct toolstack *t, domid_t id, const struct disk_config *disk,
                bool incoming, struct device *device)
{
    char path[DISK_TARGET_MAX];
    int rc = disk_check(t, disk);

    *device = (struct device){
        .kind = "vbd", .back_kind = "vvbd", .number = disk->device, .server = "vellum-blkback"};
    snprintf(device->label, sizeof(device->label), "disk %.30s", disk->vdev);
    if (rc)
        return rc;
    disk_target(disk, path);
    if (disk_script_name(disk))
        rc = disk_script_add(t, id, disk, incoming, path, device->script);
    if (!rc && disk->backend_type == DISK_BACKEND_PHY)
        rc = physical(t, disk, path, device);
    if (rc) {
        disk_script_remove(t, id, device->script);
        device_free(device);
    } else {
        describe(disk, path, device);
    }
    return rc;
}

static int make_device(const struct toolstack *t, domid_t id, const struct domain_config *config,
                       size_t i, bool incoming, struct device *device)
{
    return i < config->disks_count
               ? disk_device(t, id, &config->disks[i], incoming, device)
               : vif_device(t, id, &config->vifs[i - config->disks_count], device);
}

// All are written first, so that their back ends work at once.
int devices_add_all(const struct toolstack *t, domid_t id, const struct domain_config *config,
                    bool incoming)
{
    size_t count = config->disks_count + config->vifs_count, made = 0;
    struct device *devices = calloc(count + 1, sizeof(*devices));
    int rc = devices ? 0 : domain_fail(t, -ENOMEM, "the devices");

    while (!rc && made < count) {
        rc = make_device(t, id, config, made, incoming, &devices[made]);
        if (!rc && incoming)
            device_node(&devices[made].back, "incoming", "1");
        if (!rc)
            rc = device_write(t, id, &devices[made++]);
    }
    for (size_t i = 0; i < made && !rc; i++)
        rc = device_wait(t, id, &devices[i]);
    for (size_t i = 0; i < config->vifs_count && !rc; i++)
        rc = vif_script(t, id, config->vifs[i].devid, "online");
    for (size_t i = 0; i < made; i++)
        device_free(&devices[i]);
    free(devices);
    return rc;
}
