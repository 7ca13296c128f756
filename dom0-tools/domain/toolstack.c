#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>
#include <uuid/uuid.h>

#include "domain/impl.h"

int domain_fail(const struct toolstack *t, int error, const char *format, ...)
{
    va_list list;

    va_start(list, format);
    vfprintf(t->messages, format, list);
    va_end(list);
    fprintf(t->messages, ": %s\n", strerror(-error));
    return error;
}

int domain_control(const struct toolstack *t, uint32_t command, domid_t id, struct xen_domctl *op)
{
    op->cmd = command;
    op->domain = id;
    return control_domctl(t->control, op);
}

int domain_info(const struct toolstack *t, domid_t id, struct xen_domctl_getdomaininfo *info)
{
    struct xen_domctl op = {0};
    int rc = domain_control(t, XEN_DOMCTL_getdomaininfo, id, &op);

    // Real Xen answers with the next domain where this one is not.
    if (!rc && op.u.getdomaininfo.domain != id)
        rc = -ESRCH;
    *info = op.u.getdomaininfo;
    return rc;
}

int domain_is_pv(const struct toolstack *t, domid_t id, const char *done)
{
    struct xen_domctl_getdomaininfo info;

    if (domain_info(t, id, &info) || !(info.flags & XEN_DOMINF_hvm_guest))
        return 0;
    fprintf(t->messages,
            "domain %u is a PVH or HVM guest, and such cannot be %s yet; PV guests can\n", id,
            done);
    return -EOPNOTSUPP;
}

char *domain_read(const struct toolstack *t, domid_t id, const char *path)
{
    char full[DOMAIN_PATH_MAX];

    snprintf(full, sizeof(full), "/local/domain/%u/%s", id, path);
    return xs_read(t->store, XBT_NULL, full, NULL);
}

int domain_write(const struct toolstack *t, domid_t id, const char *path, const char *value)
{
    char full[DOMAIN_PATH_MAX];

    snprintf(full, sizeof(full), "/local/domain/%u/%s", id, path);
    if (xs_write(t->store, XBT_NULL, full, value, (unsigned)strlen(value)))
        return 0;
    return domain_fail(t, -errno, "%s cannot be written to xenstore", full);
}

void domain_uuid_text(const uint8_t uuid[16], char text[UUID_TEXT_MAX])
{
    uuid_unparse_lower(uuid, text);
}

uint64_t domain_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}
