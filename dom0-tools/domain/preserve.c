// A domain that has ended and is kept for a look gives its name and its UUID to its successor.
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <uuid/uuid.h>

#include "domain/impl.h"
#include "domain/userdata.h"

static int write_vm(const struct toolstack *t, const char *uuid, const char *name)
{
    char path[DOMAIN_PATH_MAX];

    snprintf(path, sizeof(path), "/vm/%s/uuid", uuid);
    if (xs_write(t->store, XBT_NULL, path, uuid, (unsigned)strlen(uuid))) {
        snprintf(path, sizeof(path), "/vm/%s/name", uuid);
        if (xs_write(t->store, XBT_NULL, path, name, (unsigned)strlen(name)))
            return 0;
    }
    return domain_fail(t, -errno, "%s cannot be written to xenstore", path);
}

int domain_preserve(const struct toolstack *t, domid_t id, const struct domain_config *config)
{
    char name[DOMAIN_NAME_LENGTH + 1], stamp[32], uuid[UUID_TEXT_MAX], vm[UUID_TEXT_MAX + 4];
    struct domain_config preserved = *config;
    struct xen_domctl op = {0};
    time_t now = time(NULL);
    size_t len = strftime(stamp, sizeof(stamp), "-%Y%m%dT%H%MZ", gmtime(&now));
    int rc;

    snprintf(stamp + len, sizeof(stamp) - len, "-%u", id); // several may end in one minute
    snprintf(name, sizeof(name), "%.*s%s", (int)(DOMAIN_NAME_LENGTH - strlen(stamp)), config->name,
             stamp);
    uuid_generate(preserved.uuid);
    preserved.name = name;
    domain_uuid_text(preserved.uuid, uuid);
    snprintf(vm, sizeof(vm), "/vm/%s", uuid);
    memcpy(op.u.setdomainhandle.handle, preserved.uuid, sizeof(preserved.uuid));
    rc = domain_rename(t, id, name);
    if (rc)
        return rc;
    rc = domain_control(t, XEN_DOMCTL_setdomainhandle, id, &op);
    if (rc)
        return domain_fail(t, rc, "domain %u cannot be given another UUID", id);
    userdata_remove(id);
    rc = write_vm(t, uuid, name);
    if (!rc)
        rc = domain_write(t, id, "vm", vm);
    return rc ? rc : userdata_store(t, id, &preserved);
}
