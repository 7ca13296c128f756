// Devices that come and go while a domain runs. Its kept configuration follows, so that it has
// them, or not, when it is restarted or saved.
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "domain/device_model.h"
#include "domain/devices.h"
#include "domain/impl.h"
#include "domain/userdata.h"

#define MEDIUM_SECONDS 10

// Keeps the configuration without disk `number` and, unless NULL, with `disk`.
static int keep_disks(const struct toolstack *t, domid_t id, uint32_t number,
                      const struct disk_config *disk)
{
    struct domain_config *config, changed;
    struct disk_config *disks;
    size_t count = 0;
    int rc = userdata_load(t, id, &config);

    if (rc)
        return rc == -ENOENT ? 0 : rc;
    disks = calloc(config->disks_count + 1, sizeof(*disks));
    if (!disks)
        rc = -ENOMEM;
    for (size_t i = 0; i < config->disks_count && !rc; i++) {
        if (config->disks[i].device != number)
            disks[count++] = config->disks[i];
    }
    if (disk && !rc)
        disks[count++] = *disk;
    changed = *config; // shares all but the disks, and is only written
    changed.disks = disks;
    changed.disks_count = count;
    if (!rc)
        rc = userdata_store(t, id, &changed);
    free(disks);
    domain_config_free(config);
    return rc;
}

int domain_attach_disk(const struct toolstack *t, domid_t id, const struct disk_config *disk)
{
    struct device device;
    int rc = disk_device(t, id, disk, false, &device);

    if (rc)
        return rc;
    rc = device_add(t, id, &device);
    device_free(&device);
    return rc ? rc : keep_disks(t, id, disk->device, disk);
}

int domain_detach_disk(const struct toolstack *t, domid_t id, uint32_t number, bool force)
{
    int rc = device_remove(t, id, "vbd", number, force);

    return rc ? rc : keep_disks(t, id, number, NULL);
}

// The back end's path, malloc'ed; NULL: there is no such disk.
static char *find_disk(const struct toolstack *t, domid_t id, uint32_t number)
{
    struct device_entry *entries;
    int count = device_list(t, id, "vbd", &entries);
    char *path = NULL;

    for (int i = 0; i < count; i++) {
        if (entries[i].number == number)
            path = strdup(entries[i].back_path);
    }
    if (count >= 0)
        device_list_free(entries, count);
    return path;
}

static char *read_below(const struct toolstack *t, const char *folder, const char *name)
{
    char path[2 * DOMAIN_PATH_MAX];

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    return xs_read(t->store, XBT_NULL, path, NULL);
}

static bool is(const struct toolstack *t, const char *folder, const char *name, const char *value)
{
    char *text = read_below(t, folder, name);
    bool same = text && !strcmp(text, value);

    free(text);
    return same;
}

static int write_params(const struct toolstack *t, domid_t id, uint32_t number, const char *back,
                        const char *target)
{
    char path[2 * DOMAIN_PATH_MAX];

    snprintf(path, sizeof(path), "%s/hotplug-error", back);
    xs_rm(t->store, XBT_NULL, path);
    snprintf(path, sizeof(path), "/libxl/%u/device/vbd/%u/params", id, number);
    if (!xs_write(t->store, XBT_NULL, path, target, (unsigned)strlen(target)))
        return domain_fail(t, -errno, "%s", path);
    snprintf(path, sizeof(path), "%s/params", back);
    if (!xs_write(t->store, XBT_NULL, path, target, (unsigned)strlen(target)))
        return domain_fail(t, -errno, "%s", path);
    return 0;
}

// Until the back end says that it serves the medium, or why it does not. A drive that the guest has
// not connected to will have it when it does.
static int wait_medium(const struct toolstack *t, const struct disk_config *disk, const char *back,
                       const char *target)
{
    const uint64_t until = domain_now() + MEDIUM_SECONDS * 1000000000ull;
    const struct timespec pause = {.tv_nsec = 20000000};
    char *why;

    while (is(t, back, "state", "4") && !is(t, back, "medium", target)) {
        why = read_below(t, back, "hotplug-error");
        if (why)
            fprintf(t->messages, "disk %s: vellum-blkback refuses it: %s\n", disk->vdev, why);
        free(why);
        if (why)
            return -EIO;
        if (domain_now() > until)
            return domain_fail(t, -ETIMEDOUT, "disk %s: vellum-blkback", disk->vdev);
        nanosleep(&pause, NULL);
    }
    return 0;
}

// What the drive had before is let go of only when it has the new one.
static int change_medium(const struct toolstack *t, domid_t id, const struct disk_config *disk,
                         const char *back)
{
    char target[DISK_TARGET_MAX], script[DEVICE_PATH_MAX] = "";
    char *before;
    int rc = 0;

    disk_target(disk, target);
    if (disk_script_name(disk))
        rc = disk_script_add(t, id, disk, false, target, script);
    if (rc)
        return rc;
    if (*target && access(target, R_OK)) {
        domain_fail(t, -errno, "disk %s: %s", disk->vdev, target);
        disk_script_remove(t, id, script);
        return -EINVAL;
    }
    before = read_below(t, back, "params");
    rc = write_params(t, id, disk->device, back, target);
    if (!rc)
        rc = wait_medium(t, disk, back, target);
    if (rc && before)
        write_params(t, id, disk->device, back, before);
    free(before);
    if (rc)
        disk_script_remove(t, id, script);
    else
        disk_scripts_remove(t, id, disk->device, script);
    return rc;
}

int domain_change_medium(const struct toolstack *t, domid_t id, const struct disk_config *disk)
{
    char *back = find_disk(t, id, disk->device);
    int rc = disk_check(t, disk);

    if (!rc && device_model_of(t, id))
        rc = domain_fail(t, -EOPNOTSUPP,
                         "domain %u has a device model, whose media cannot be changed yet", id);
    if (!rc && !back)
        rc = -ENOENT;
    if (!rc && (!strstr(back, "/vvbd/") || !is(t, back, "device-type", "cdrom")))
        rc = -ENODEV;
    if (!rc)
        rc = change_medium(t, id, disk, back);
    free(back);
    return rc ? rc : keep_disks(t, id, disk->device, disk);
}
