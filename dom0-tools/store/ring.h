// A domain's ring: one page that it shares with the store. The domain may write anything anywhere
// in it at any time, so every number is read once and checked, and every message copied before it
// is looked at.
#pragma once

#include <stdbool.h>

#include "pv-abi/io/xs_wire.h"
#include "store/connection.h"

// Later Xen's: WATCH may have a depth.
#define RING_FEATURE_WATCH_DEPTH 16

// Begins with a ring: `fresh`, from its beginning; else as it is, for a connection that has taken
// nothing from it yet.
void ring_begin(struct connection *connection, struct xenstore_domain_interface *page, bool fresh);

// Goes on with a ring whose connection was restored from a state file: what was handled is not
// handled again, what was sent is not sent again.
void ring_resume(struct connection *connection, struct xenstore_domain_interface *page);

// Handles up to `budget` of the messages that wait. 1: there may be more; 0: not now; -EIO: the
// indexes make no sense; -EPROTO: a message is too long. *notify is set if the domain should look
// again.
int ring_receive(struct connection *connection, struct xenstore_domain_interface *page,
                 unsigned budget, bool *notify);

// Sends as much of the queue as there is room for: 0, or -EIO as above.
int ring_send(struct connection *connection, struct xenstore_domain_interface *page, bool *notify);

// Tells the domain of -EIO or -EPROTO.
void ring_report(struct xenstore_domain_interface *page, int error);
