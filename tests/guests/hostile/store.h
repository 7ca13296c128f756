// The guest's ring to xenstore, to be used well or ill.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "pv-abi/io/xs_wire.h"

volatile struct xenstore_domain_interface *store_ring(void);
void store_notify(void);

// Puts bytes on the ring as they are; false if there was no room for a second.
bool store_put(const void *bytes, unsigned length);
// Sends a message and waits up to two seconds for its reply, passing over watch events. Returns the
// reply's type (XS_ERROR: the error's name is in store_reply) or -1 if none came.
int store_request(unsigned type, unsigned transaction, const void *payload, unsigned length);
extern char store_reply[XENSTORE_PAYLOAD_MAX + 1];
extern unsigned store_reply_length;
extern unsigned store_events; // watch events passed over

// XS_WRITE of a value at a path; XS_READ and the like of a path alone. As store_request().
int store_write(const char *path, const char *value);
int store_path(unsigned type, const char *path);
// Is the last reply this error?
bool store_said(const char *error);
// Asks the server to start anew after the ring has been broken; false if it does not.
bool store_reconnect(void);
