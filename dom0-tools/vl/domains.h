// The domains there are.
#pragma once

#include "vl/vl.h"

struct vl_domain {
    struct xen_domctl_getdomaininfo info;
    char *name; // "(null)" if xenstore knows none
};

// All, by number, of one moment. Ends the program if the hypervisor does not tell.
size_t vl_domains(struct vl_domain **out);
void vl_domains_free(struct vl_domain *domains, size_t count);

// The domain of this name or number; ends with VL_FAILED if there is none.
domid_t vl_domain(const char *name);

// The same, but not domain 0: `deed` says what shall be done to it ("destroyed").
domid_t vl_guest(const char *name, const char *deed);

// malloc'ed; "(null)" if it has none.
char *vl_domain_name(domid_t domain);

// False if there is no such domain (any more).
bool vl_domain_info(domid_t domain, struct xen_domctl_getdomaininfo *out);

// Its six letters as xl prints them ("r-----"), in a buffer of seven.
void vl_domain_state(const struct xen_domctl_getdomaininfo *info, char state[7]);

// "poweroff", "reboot", "suspend", "crash", "watchdog", "soft-reset", or "-" if it runs.
const char *vl_shutdown_reason(const struct xen_domctl_getdomaininfo *info);
