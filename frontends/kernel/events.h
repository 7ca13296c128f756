// Event channels, without interrupts.
//
// Events stay masked while the guest runs. The scheduler looks for them whenever a thread waits or
// yields, and unmasks them only to block. So a handler never comes between two instructions of a
// thread, and nothing in the guest needs a lock; in return a thread that computes for long is to
// yield. Handlers must not wait.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "pv-abi/event_channel.h"

typedef void event_handler(void *arg);

void events_init(void);

// Ports; negative errors of the hypervisor's. A port whose number is beyond the table is refused
// with ENOSPC.
long event_alloc(domid_t remote, event_handler *handler, void *arg); // for REMOTE to bind to
long event_bind_virq(unsigned virq, event_handler *handler, void *arg);
long event_attach(evtchn_port_t port, event_handler *handler, void *arg); // which is bound already
void event_close(evtchn_port_t port);
void event_send(evtchn_port_t port);

// For the scheduler: calls the handlers of what is pending, once each.
void events_poll(void);
// True inside of a handler.
bool events_in_handler(void);
