#include "core/permissions.h"

#include "core/domain.h"
#include "lib/errno.h"

#define PERMISSION_WHO(operation, who) [PERMIT_##operation] = who,
static const uint8_t who_may[NR_PERMISSIONS] = {PERMISSION_TABLE(PERMISSION_WHO)};

int permit(enum permission operation, const struct domain *target)
{
    const struct domain *self = current->domain;

    switch (who_may[operation]) {
    case WHO_SELF:
        return target == self || self->privileged ? 0 : -EPERM;
    case WHO_OTHER:
        return target != self && self->privileged ? 0 : -EPERM;
    default:
        return self->privileged ? 0 : -EPERM;
    }
}

int permit_domain(enum permission operation, domid_t id, struct domain **d)
{
    int rc;

    *d = domain_get_by_id(id);
    if (!*d)
        return -ESRCH;
    rc = permit(operation, *d);
    if (rc)
        domain_put(*d);
    return rc;
}
