// Event channels of this program, through Linux's /dev/xen/evtchn. Ports are local ones.
#pragma once

#include <stdint.h>

#include "pv-abi/xen.h"

// A file descriptor to be polled for reading, non-blocking and close-on-exec, or -errno.
int evtchn_open(void);

// Each returns the new local port or -errno.
int evtchn_bind_interdomain(int fd, domid_t domain, uint32_t remote_port);
int evtchn_bind_unbound(int fd, domid_t domain);
int evtchn_bind_virq(int fd, uint32_t virq);

// 0 or -errno.
int evtchn_unbind(int fd, uint32_t port);
int evtchn_notify(int fd, uint32_t port);

// The next port with an event pending, which stays masked until evtchn_unmask(); -EAGAIN: none.
int evtchn_pending(int fd);
int evtchn_unmask(int fd, uint32_t port);

// From now on only this domain's ports can be bound by this descriptor.
int evtchn_restrict(int fd, domid_t domain);
