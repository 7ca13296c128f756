// Linux's tap devices: the guest's cable in domain 0.
//
// A tap device lasts until tap_remove(), whoever serves it: what it was joined with (a bridge,
// routes, filters) stays so while a server dies and another takes over. Its alias names its owner,
// the back end's path in xenstore, by which the leftovers of a server that was away are told.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TAP_NAME_MAX 16 // with the NUL

// Makes the device, unless this owner has it already. -EEXIST: the name is another's. Otherwise as
// TUNSETIFF.
int tap_create(const char *name, const char *owner);

// Removes the device if it is `owner`'s.
void tap_remove(const char *name, const char *owner);

// Calls `lives` with the owner of each tap device that has one, and removes the device if it says
// no.
void tap_sweep(bool (*lives)(void *context, const char *owner), void *context);

// Opens a (further) queue: a descriptor, not blocking, of frames behind a struct virtio_net_hdr.
// The device has a carrier as long as there is one.
int tap_open(const char *name);

// TUN_F_*: what is left to who reads there. 0 or -errno.
int tap_set_offload(int fd, unsigned flags);

// Whether a name can be one: not empty, no '/', white space or ':', not too long.
bool tap_name_is_good(const char *name);
