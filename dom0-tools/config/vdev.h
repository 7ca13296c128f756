// Names of virtual disks as guests see them, and their numbers in xenstore (xen-vbd-interface(7)).
#pragma once

#include <stdbool.h>
#include <stdint.h>

// "xvda1", "hdc", "sdb5", "d16p1", or a number. False if `name` is none of these.
bool vdev_number(const char *name, uint32_t *out);

// Which disk of its guest this is, counted from 0, and which partition of it, 0 being the whole.
// False: of a kind that is not counted with the others, sd's.
bool vdev_place(uint32_t number, uint32_t *disk, uint32_t *partition);
