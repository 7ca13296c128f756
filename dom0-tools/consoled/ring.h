// The two rings of a guest's console page, from the daemon's side.
//
// The guest can write the whole page at any moment. So every index is read once, into a local copy
// that is checked before it is used, and what a guest makes of its own indices harms only its own
// console.
#pragma once

#include <stddef.h>
#include <sys/types.h>

#include "pv-abi/io/console.h"

#define RING_OUT_SIZE sizeof(((struct xencons_interface *)NULL)->out)

// Copies what the guest has printed, RING_OUT_SIZE bytes at most; it stays in the ring until
// ring_taken() says that it is safe elsewhere. -EPROTO if its indices are further apart than the
// ring is long: all that they seem to say is skipped.
ssize_t ring_read(struct xencons_interface *ring, char to[RING_OUT_SIZE]);
void ring_taken(struct xencons_interface *ring, size_t len);

// How many bytes can be given to the guest now; 0, too, if its indices make no sense.
size_t ring_room(struct xencons_interface *ring);

// Gives the guest bytes, no more than ring_room() said.
void ring_give(struct xencons_interface *ring, const char *from, size_t len);
