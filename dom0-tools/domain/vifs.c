#include "domain/vifs.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "domain/script.h"
#include "domain/userdata.h"

// --- the device ---

static int refuse(const struct toolstack *t, const struct vif_config *vif, const char *why)
{
    fprintf(t->messages, "network card %u: %s\n", vif->devid, why);
    return -ENOSYS;
}

static void find_script(const struct vif_config *vif, char path[DOMAIN_PATH_MAX])
{
    script_find(vif->script ? vif->script : VIF_SCRIPT, path);
}

int vif_check(const struct toolstack *t, const struct vif_config *vif)
{
    char script[DOMAIN_PATH_MAX];

    if (vif->backend_domain && strcmp(vif->backend_domain, "0") &&
        strcmp(vif->backend_domain, "Domain-0"))
        return refuse(t, vif, "its back end can be in domain 0 only");
    if (vif->own_source_only && vif->backend_type == VIF_BACKEND_LINUX)
        return refuse(t, vif, "xen-netback does not know antispoof; leave backendtype= out");
    find_script(vif, script);
    if (access(script, X_OK))
        return domain_fail(t, -errno, "network card %u: the script %s", vif->devid, script);
    return 0;
}

static void optional(struct device_nodes *nodes, const char *name, const char *value)
{
    if (value)
        device_node(nodes, name, "%s", value);
}

static void describe(const struct vif_config *vif, const char *script, struct device *device)
{
    const uint8_t *m = vif->mac;
    struct device_nodes *both[] = {&device->front, &device->back};

    for (int i = 0; i < 2; i++) {
        device_node(both[i], "handle", "%u", vif->devid);
        device_node(both[i], "mac", "%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3], m[4],
                    m[5]);
        if (vif->mtu)
            device_node(both[i], "mtu", "%u", vif->mtu);
    }
    device_node(&device->front, "trusted", "%d", vif->trusted);
    device_node(&device->back, "type", "vif");
    device_node(&device->back, "script", "%s", script);
    device_node(&device->back, "hotplug-status", "%s", "");
    optional(&device->back, "bridge", vif->bridge);
    optional(&device->back, "gatewaydev", vif->gatewaydev);
    optional(&device->back, "vifname", vif->ifname);
    optional(&device->back, "ip", vif->ip);
    device_rate(&device->back, &vif->rate);
    if (vif->own_source_only)
        device_node(&device->back, "anti-spoof", "1");
}

int vif_device(const struct toolstack *t, domid_t id, const struct vif_config *vif,
               struct device *device)
{
    bool linux_serves = vif->backend_type == VIF_BACKEND_LINUX;
    char script[DOMAIN_PATH_MAX];
    int rc;

    *device = (struct device){
        .kind = VIF_KIND,
        .back_kind = linux_serves ? "vif" : "vvif",
        .number = vif->devid,
        .server = linux_serves ? "Linux's xen-netback" : "vellum-netback",
    };
    snprintf(device->label, sizeof(device->label), "network card %u", vif->devid);
    rc = vif_check(t, vif);
    if (rc)
        return rc;
    find_script(vif, script);
    describe(vif, script, device);
    return 0;
}

// --- attached and detached ---

// Keeps the configuration without card `number` and, unless NULL, with `vif`.
static int keep(const struct toolstack *t, domid_t id, uint32_t number,
                const struct vif_config *vif)
{
    struct domain_config *config, changed;
    struct vif_config *vifs;
    size_t count = 0;
    int rc = userdata_load(t, id, &config);

    if (rc)
        return rc == -ENOENT ? 0 : rc;
    vifs = calloc(config->vifs_count + 1, sizeof(*vifs));
    if (!vifs)
        rc = -ENOMEM;
    for (size_t i = 0; i < config->vifs_count && !rc; i++) {
        if (config->vifs[i].devid != number)
            vifs[count++] = config->vifs[i];
    }
    if (vif && !rc)
        vifs[count++] = *vif;
    changed = *config; // shares all but the cards, and is only written
    changed.vifs = vifs;
    changed.vifs_count = count;
    if (!rc)
        rc = userdata_store(t, id, &changed);
    free(vifs);
    domain_config_free(config);
    return rc;
}

int vif_attach(const struct toolstack *t, domid_t id, const struct vif_config *vif)
{
    struct device device;
    int rc = vif_device(t, id, vif, &device);

    if (!rc)
        rc = device_add(t, id, &device);
    device_free(&device);
    if (rc)
        return rc;
    rc = vif_script(t, id, vif->devid, "online");
    if (rc)
        device_remove(t, id, VIF_KIND, vif->devid, true);
    return rc ? rc : keep(t, id, vif->devid, vif);
}

int vif_detach(const struct toolstack *t, domid_t id, uint32_t number, bool force)
{
    int rc = vif_script(t, id, number, "offline");

    if (rc == -ENOENT)
        return rc;
    rc = device_remove(t, id, VIF_KIND, number, force);
    if (rc)
        vif_script(t, id, number, "online"); // it stays
    return rc ? rc : keep(t, id, number, NULL);
}
