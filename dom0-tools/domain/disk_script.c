// The scripts of disks. What a script is told lies in a folder of xenstore that only the toolstack
// sees, laid out as libxl's scripts know it from back ends' folders (docs/split-drivers.md): the
// back end itself is made when the script is done, and is told of nothing but the outcome.
//
// The folder is there from before "add" until after "remove", so whoever takes the disk or the
// domain away knows what is still to be removed, even if who added it was killed meanwhile.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "domain/devices.h"
#include "domain/script.h"

#define IMAGES_SCRIPT "block-qemu-nbd"

const char *disk_script_name(const struct disk_config *disk)
{
    if (!disk->target)
        return NULL;
    if (disk->script)
        return disk->script;
    return disk->format == DISK_RAW ? NULL : IMAGES_SCRIPT;
}

static char *read_node(const struct toolstack *t, const char *folder, const char *name)
{
    char path[DEVICE_PATH_MAX + 32];

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    return xs_read(t->store, XBT_NULL, path, NULL);
}

// --- the folder ---

static int find_folder(const struct toolstack *t, domid_t id, uint32_t number,
                       char folder[DEVICE_PATH_MAX])
{
    char *there;
    unsigned i = 0;

    do {
        snprintf(folder, DEVICE_PATH_MAX, "/libxl/%u/device/vbd/%u/script/%u", id, number, i++);
        there = read_node(t, folder, "script");
        free(there);
    } while (there);
    return errno == ENOENT ? 0 : domain_fail(t, -errno, "%s", folder);
}

static void tell_disk(struct device_nodes *nodes, domid_t id, const struct disk_config *disk,
                      bool incoming)
{
    char script[DOMAIN_PATH_MAX], target[DISK_TARGET_MAX];

    script_find(disk_script_name(disk), script);
    disk_target(disk, target);
    device_node(nodes, "script", "%s", script);
    device_node(nodes, "frontend", "/local/domain/%u/device/vbd/%u", id, disk->device);
    device_node(nodes, "frontend-id", "%u", id);
    device_node(nodes, "params", "%s", disk->script ? disk->target : target);
    device_node(nodes, "format", "%s", disk_format_name(disk->format));
    device_node(nodes, "type", "phy");
    device_node(nodes, "dev", "%s", disk->vdev);
    device_node(nodes, "mode", "%s", disk->writable ? "w" : "r");
    device_node(nodes, "device-type", "%s", disk->cdrom ? "cdrom" : "disk");
    device_node(nodes, "discard-enable", "%d", disk->discard);
    device_node(nodes, "incoming", "%d", incoming);
}

static int write_folder(const struct toolstack *t, const char *folder,
                        const struct device_nodes *nodes)
{
    char path[DEVICE_PATH_MAX + 32];

    if (nodes->overflow)
        return domain_fail(t, -ENOMEM, "%s", folder);
    for (unsigned i = 0; i < nodes->count; i++) {
        const char *value = nodes->node[i].value;

        snprintf(path, sizeof(path), "%s/%s", folder, nodes->node[i].name);
        if (!xs_write(t->store, XBT_NULL, path, value, (unsigned)strlen(value)))
            return domain_fail(t, -errno, "%s cannot be written", path);
    }
    return 0;
}

// The folder, and those above it, up to the disk's own, if there is nothing else in them.
static void remove_folder(const struct toolstack *t, const char *folder)
{
    char path[DEVICE_PATH_MAX];
    unsigned count = 0;

    snprintf(path, sizeof(path), "%s", folder);
    xs_rm(t->store, XBT_NULL, path);
    for (unsigned up = 0; up < 2; up++) {
        *strrchr(path, '/') = '\0';
        char **names = xs_directory(t->store, XBT_NULL, path, &count);
        free(names);
        if (!names || count)
            return;
        xs_rm(t->store, XBT_NULL, path);
    }
}

// --- the script ---

static int call(const struct toolstack *t, domid_t id, const char *folder, const char *verb)
{
    char *script = read_node(t, folder, "script"), *disk = NULL;
    int rc = script ? 0 : domain_fail(t, -errno, "%s/script", folder);
    char *arguments[] = {script, (char *)verb, NULL};
    struct script_words words = {0};
    char whose[64];

    if (!rc) {
        disk = read_node(t, folder, "dev");
        snprintf(whose, sizeof(whose), "disk %.30s of domain %u", disk ? disk : "?", id);
        script_tell_device(&words, "vbd", folder);
        script_tell(&words, "script", script);
        rc = script_run(t, whose, arguments, &words, folder);
    }
    script_forget(&words);
    free(script);
    free(disk);
    return rc;
}

// What the script has made of the disk; if it says nothing of it, its target is served as it is.
static int read_outcome(const struct toolstack *t, domid_t id, const struct disk_config *disk,
                        const char *folder, char path[DISK_TARGET_MAX])
{
    char *made = read_node(t, folder, "physical-device-path");

    if (!made && errno != ENOENT)
        return domain_fail(t, -errno, "%s/physical-device-path", folder);
    disk_target(disk, path);
    if (made)
        snprintf(path, DISK_TARGET_MAX, "%s", made);
    free(made);
    if (path[0] == '/')
        return 0;
    fprintf(t->messages,
            "disk %s of domain %u: its script wants '%s' served, which is no absolute path\n",
            disk->vdev, id, path);
    return -EINVAL;
}

// A script that fails by itself has left nothing.
static int add(const struct toolstack *t, domid_t id, const struct disk_config *disk,
               const char *folder, char path[DISK_TARGET_MAX])
{
    int rc = call(t, id, folder, "add");
    bool removed = rc && rc != -ETIMEDOUT;

    if (!rc)
        rc = read_outcome(t, id, disk, folder, path);
    if (rc && !removed)
        call(t, id, folder, "remove");
    return rc;
}

int disk_script_add(const struct toolstack *t, domid_t id, const struct disk_config *disk,
                    bool incoming, char path[DISK_TARGET_MAX], char folder[DEVICE_PATH_MAX])
{
    struct device_nodes nodes = {0};
    int rc = find_folder(t, id, disk->device, folder);

    if (!rc) {
        tell_disk(&nodes, id, disk, incoming);
        rc = write_folder(t, folder, &nodes);
        device_nodes_free(&nodes);
        if (!rc)
            rc = add(t, id, disk, folder, path);
        if (rc)
            remove_folder(t, folder);
    }
    if (rc)
        folder[0] = '\0';
    return rc;
}

void disk_script_remove(const struct toolstack *t, domid_t id, const char *folder)
{
    if (!folder[0])
        return;
    call(t, id, folder, "remove");
    remove_folder(t, folder);
}

static char **list(const struct toolstack *t, const char *path, unsigned *count)
{
    char **names = xs_directory(t->store, XBT_NULL, path, count);

    if (!names && errno != ENOENT)
        domain_fail(t, -errno, "what scripts are to remove below %s", path);
    if (!names)
        *count = 0;
    return names;
}

void disk_scripts_remove(const struct toolstack *t, domid_t id, uint32_t number, const char *except)
{
    char path[DEVICE_PATH_MAX / 2], folder[DEVICE_PATH_MAX];
    unsigned count = 0;
    char **names;

    snprintf(path, sizeof(path), "/libxl/%u/device/vbd/%u/script", id, number);
    names = list(t, path, &count);
    for (unsigned i = 0; i < count; i++) {
        snprintf(folder, sizeof(folder), "%s/%.16s", path, names[i]);
        if (!except || strcmp(folder, except))
            disk_script_remove(t, id, folder);
    }
    free(names);
}

void disks_offline(const struct toolstack *t, domid_t id)
{
    char path[DEVICE_PATH_MAX];
    unsigned count = 0;
    char **names;

    snprintf(path, sizeof(path), "/libxl/%u/device/vbd", id);
    names = list(t, path, &count);
    for (unsigned i = 0; i < count; i++)
        disk_scripts_remove(t, id, (uint32_t)strtoul(names[i], NULL, 10), NULL);
    free(names);
}
