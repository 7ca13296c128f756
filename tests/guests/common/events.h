// Event channels of the runtime: the upcall, counters per port, waiting with a time limit.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "pv-abi/event_channel.h"
#include "pv-abi/xen.h"

#define MAX_TEST_PORTS 1024

// Where the hypervisor keeps this vCPU's vcpu_info: the shared page unless a test moved it.
struct vcpu_info *vcpu_info_of(unsigned vcpu);
void vcpu_info_moved(unsigned vcpu, struct vcpu_info *info);

void events_init(void);
// Called with events masked, for every upcall: takes every pending, unmasked port of the 2-level
// ABI, or whatever the hook does.
void events_upcall(void);
// If set, takes the place of the 2-level scan (the FIFO tests).
extern void (*events_scan_hook)(void);
void events_scan_two_level(void);

void events_enable(void);
void events_disable(void);
// Enables events on this vCPU and blocks until one arrives.
void events_block(void);

extern volatile unsigned event_count[MAX_TEST_PORTS];
extern volatile unsigned upcall_count;
// vCPU that took the last event of a port.
extern volatile unsigned event_vcpu[MAX_TEST_PORTS];

// Blocks until the one-shot timer fires after `ns`.
void events_sleep(uint64_t ns);
// Waits, blocking, until event_count[port] is no longer `seen`; false after `ns` nanoseconds.
bool event_wait(unsigned port, unsigned seen, uint64_t ns);

void port_mask(unsigned port);
void port_clear_mask(unsigned port); // the bit alone, without the hypercall
void port_unmask(unsigned port);     // EVTCHNOP_unmask
bool port_pending(unsigned port);
void port_clear_pending(unsigned port);

// Shorthands; a port number or a negative error.
long port_alloc_unbound(unsigned dom, unsigned remote);
long port_bind_interdomain(unsigned remote_dom, unsigned remote_port);
long port_bind_virq(unsigned virq, unsigned vcpu);
long port_bind_ipi(unsigned vcpu);
long port_close(unsigned port);
long port_send(unsigned port);
// A pair of connected ports of this domain: *a was allocated unbound, *b bound to it.
void port_pair(unsigned *a, unsigned *b);

extern unsigned timer_port; // VIRQ_TIMER of vCPU 0, bound by the runtime
// How long the first three ticks of the periodic timer took that a vCPU starts with; 0 if none
// came.
extern uint64_t first_ticks_ns;
