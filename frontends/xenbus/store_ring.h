// The ring to xenstore, as a stream of messages. For store.c.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "pv-abi/io/xs_wire.h"

// Called for each message, its payload ended by a 0. From an event handler.
typedef void store_receiver(const struct xsd_sockmsg *message, const char *payload);

int store_ring_init(store_receiver *receiver);
// Waits for room. False: the ring is dead, or nobody has read for STORE_PATIENCE. One at a time.
bool store_ring_send(const void *bytes, size_t size);
bool store_ring_dead(void);
