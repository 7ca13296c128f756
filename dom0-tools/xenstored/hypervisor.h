// What the daemon asks the hypervisor and domain 0's kernel.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "pv-abi/io/xs_wire.h"

struct hypervisor;

// Opens the devices of /dev/xen. 0 or -errno, which it has reported.
int hypervisor_open(struct hypervisor **out);
void hypervisor_close(struct hypervisor *hypervisor);
int hypervisor_events(const struct hypervisor *hypervisor); // the file descriptor of event channels

// Whether there is such a domain; -errno if that cannot be found out.
int hypervisor_has(struct hypervisor *hypervisor, uint16_t domid);

// Calls `visit` for each domain that exists; `dying`: only its remains do. 0 or -errno.
int hypervisor_each(struct hypervisor *hypervisor,
                    void (*visit)(void *arg, uint16_t domid, bool shut_down, bool dying),
                    void *arg);

// Maps the ring of a domain, by the grant that is reserved for it or, failing that, by its frame.
// Of domain 0, the page that its kernel has ready, and its event channel in *port. NULL and errno.
struct xenstore_domain_interface *hypervisor_map(struct hypervisor *hypervisor, uint16_t domid,
                                                 uint64_t frame, bool *granted);
struct xenstore_domain_interface *hypervisor_map_own(struct hypervisor *hypervisor, uint32_t *port);
void hypervisor_unmap(struct hypervisor *hypervisor, struct xenstore_domain_interface *page,
                      bool granted);
