// Who may do what to whom: the one table beside the hypercall table. X(operation, who)
//
// A hypercall that is not named here concerns the calling domain only, and everyone may make it.
// What needs more than this, because it depends on what a domain was given (frames, ports,
// interrupts, grants), is decided where that is known: core/rangeset.h, core/grant_map.c,
// pv/mmu_l1.c.
#pragma once

#include "pv-abi/xen.h"

struct domain;

enum permission_who {
    WHO_CONTROL, // the control domain, to any domain or the machine
    WHO_SELF,    // a domain to itself, the control domain to any
    WHO_OTHER,   // the control domain, to any domain but itself
};

// clang-format off
#define PERMISSION_TABLE(X)                                                                       \
    /* the machine */                                                                             \
    X(sysctl,             WHO_CONTROL)                                                            \
    X(platform_op,        WHO_CONTROL)                                                            \
    X(console_io,         WHO_CONTROL)                                                            \
    X(command_line,       WHO_CONTROL) /* of the hypervisor, by xen_version */                    \
    X(machine_memory_map, WHO_CONTROL)                                                            \
    X(physdev_machine,    WHO_CONTROL) /* PCI devices, interrupt controllers, debug port */       \
    X(pin_override,       WHO_CONTROL)                                                            \
    /* domains */                                                                                 \
    X(domctl,             WHO_CONTROL) /* core/domctl.c says which not to oneself */              \
    X(map_pirq,           WHO_CONTROL)                                                            \
    X(remote_shutdown,    WHO_CONTROL)                                                            \
    X(claim_pages,        WHO_CONTROL)                                                            \
    X(acquire_resource,   WHO_OTHER)                                                              \
    X(page_tables,        WHO_CONTROL) /* mmu_update and kin in another's name */                 \
    X(memory_info,        WHO_SELF)    /* maximum_gpfn, current_reservation, ... */               \
    X(memory_reservation, WHO_SELF)    /* increase, decrease, populate, exchange */               \
    X(memory_map,         WHO_SELF)    /* XENMEM_set_memory_map */                                \
    X(physmap,            WHO_SELF)                                                               \
    X(dm_op,              WHO_OTHER)   /* what a device model does to its guest */                \
    X(hvm_param,          WHO_SELF)    /* hvm/params.c says which of a guest's own are not its to set */ \
    X(event_alloc,        WHO_SELF)                                                               \
    X(event_status,       WHO_SELF)                                                               \
    X(event_reset,        WHO_SELF)                                                               \
    X(grant_table,        WHO_SELF)    /* set up, ask its size and version */
// clang-format on

#define PERMISSION_NAME(operation, who) PERMIT_##operation,
enum permission { PERMISSION_TABLE(PERMISSION_NAME) NR_PERMISSIONS };
#undef PERMISSION_NAME

// May the current domain do this to `target` (NULL: the machine, or a domain yet to be found)? 0 or
// -EPERM. Who may do it to nobody learns so before he learns whether the target exists.
int permit(enum permission operation, const struct domain *target);

// The same for the domain that a caller's argument names (DOMID_SELF too), with a reference in *d.
// 0, -ESRCH, -EPERM.
int permit_domain(enum permission operation, domid_t id, struct domain **d);
