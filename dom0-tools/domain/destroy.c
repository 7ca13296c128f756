// The end of a domain.
#include <errno.h>

#include "domain/device_model.h"
#include "domain/devices.h"
#include "domain/impl.h"
#include "domain/userdata.h"
#include "domain/vifs.h"

int domain_destroy(const struct toolstack *t, domid_t id)
{
    struct xen_domctl_getdomaininfo info;
    struct xen_domctl op = {0};
    int there = domain_info(t, id, &info), rc, nodes;

    if (there && there != -ESRCH)
        return domain_fail(t, there, "domain %u cannot be looked up", id);
    // It must not see its devices go: what it would do then is nobody's concern.
    if (!there)
        domain_control(t, XEN_DOMCTL_pausedomain, id, &op);
    devices_close(t, id);
    vifs_offline(t, id);
    device_model_stop(t, id);
    disks_offline(t, id);
    if (!there) {
        rc = domain_control(t, XEN_DOMCTL_destroydomain, id, &op);
        if (rc && rc != -ESRCH)
            return domain_fail(t, rc, "domain %u cannot be destroyed", id);
    }
    nodes = nodes_remove(t, id);
    xs_release_domain(t->store, id); // fails where xenstored has noticed by itself
    userdata_remove(id);
    if (nodes && nodes != -ENOENT)
        return domain_fail(t, nodes,
                           "domain %u is gone, but its nodes are not all removed from xenstore; "
                           "destroy it again",
                           id);
    return there && nodes ? domain_fail(t, -ESRCH, "domain %u", id) : 0;
}
