// Network cards as devices: the nodes of both ends, as libxl writes them for netfront and
// xen-netback, and the scripts that join the back end's network device with a bridge or routes.
#pragma once

#include "config/device_config.h"
#include "domain/devices.h"

#define VIF_KIND   "vif"
#define VIF_SCRIPT "vif-bridge"

// -ENOSYS and the like: such a card cannot be served, which is said.
int vif_check(const struct toolstack *t, const struct vif_config *vif);

// Makes a device of a card; what cannot be served is said. device_free() it.
int vif_device(const struct toolstack *t, domid_t id, const struct vif_config *vif,
               struct device *device);

// Has the device's script do "online" or "offline", as its nodes say. What fails is said, by the
// script itself first. "online" tells the back end, which may wait for it.
int vif_script(const struct toolstack *t, domid_t id, uint32_t number, const char *verb);

// device_add() and the script; on failure nothing is left. The kept configuration follows, as it
// does below.
int vif_attach(const struct toolstack *t, domid_t id, const struct vif_config *vif);

// The script and device_remove(). -ENOENT: there is no such card; not said.
int vif_detach(const struct toolstack *t, domid_t id, uint32_t number, bool force);

// At a domain's end, before its nodes go: "offline" for all its cards. What fails is said.
void vifs_offline(const struct toolstack *t, domid_t id);
