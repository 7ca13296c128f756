// One guest's console, from the page that it shares to the pty and the log.
//
// The log gets every byte. The pty gets what its reader takes in time; the rest waits in the
// backlog, whose oldest bytes go first. So the guest is never held up by a reader, only by its own
// allowance: so many bytes and events in each period. Beyond that its port stays masked until the
// period ends, and the guest's own ring, being full, holds it up.
#pragma once

#include "consoled/consoled.h"
#include "consoled/ring.h"
#include "consoled/terminal.h"

#define PERIOD_MS        200
#define ALLOWANCE_BYTES  (256 << 10)
#define ALLOWANCE_EVENTS 512

struct guest {
    struct consoled *daemon;
    domid_t domid;
    xen_domain_handle_t handle; // its UUID
    bool seen;                  // by the scan that is under way
    bool finished;              // it is dying, its console closed
    char name[64];              // as in file names

    struct xencons_interface *page;
    bool granted;      // how the page was mapped
    uint64_t ring_ref; // what the nodes said, for the connection that there is
    uint32_t remote_port;
    int port; // -1: not connected
    bool masked;

    bool complained;        // of its indices
    unsigned bytes, events; // in this period
    struct event *period;   // pending while the period lasts

    struct terminal *terminal; // NULL: there is none
    struct log_file log;
};

// A guest whose console is not connected yet. NULL: no memory.
struct guest *guest_new(struct consoled *daemon, domid_t domid, const xen_domain_handle_t handle);

// Connects it to the page and the port that its nodes name, if they are there and say something
// new.
void guest_connect(struct guest *guest);

// Its port has an event: takes what it printed, as far as it is allowed.
void guest_event(struct guest *guest);

// Takes what is left and lets go of the guest, whose number may go to another as soon as nobody
// holds its page any more. Its last words wait in the pty a while.
void guest_finish(struct guest *guest);

void guest_free(struct guest *guest);
