// What the tests of the client library share: a handle, connected to a peer that the test leads.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#ifdef ORACLE
#include <xenstore.h>
#else
#include "xenstore/xenstore.h"
#endif
#include "tests/tools/xenstore_peer.h"

#define TEXT(text)        text, sizeof(text)     // with its end
#define BYTES(text)       text, sizeof(text) - 1 // without
#define OK(type)          type, TEXT("OK")
#define ANSWER(t, x, ...) peer_reply(t, x, __VA_ARGS__, OK(t))

extern struct xs_handle *h;

// Starts the peer and connects h to it; closes it and sees that the peer got what it expected.
void begin(void);
void end(void);

// Whether a descriptor gets readable within this time.
bool readable(int fd, int milliseconds);

// Adds an event to what the peer will send.
void event(struct bytes *to, const char *path, const char *token);

// Whether this is the event; frees it.
bool event_is(char **vector, const char *path, const char *token);

// Sets a watch, which the peer allows.
void watch(const char *path, const char *token);
