// Devices that come and go while a domain runs. Its kept configuration follows, so that it has
// them, or not, when it is restarted or saved.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "domain/devices.h"
#include "domain/impl.h"
#include "domain/userdata.h"

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
    int rc = disk_device(t, id, disk, &device);

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
