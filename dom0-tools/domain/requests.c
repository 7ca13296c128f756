// What is asked of a running domain, and pausing it.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "domain/impl.h"
#include "domain/userdata.h"

static const char *const request_names[] = {
    [REQUEST_POWEROFF] = "poweroff",
    [REQUEST_REBOOT] = "reboot",
    [REQUEST_HALT] = "halt",
    [REQUEST_SUSPEND] = "suspend",
};

// -EINPROGRESS while the guest has not taken notice: it then empties the node.
static int check_request(const struct toolstack *t, domid_t id)
{
    struct xen_domctl_getdomaininfo info;
    int rc = domain_info(t, id, &info);
    char *value;

    if (rc)
        return rc;
    if (info.flags & (XEN_DOMINF_shutdown | XEN_DOMINF_dying))
        return 0;
    value = domain_read(t, id, "control/shutdown");
    if (!value)
        return -errno;
    rc = *value ? -EINPROGRESS : 0;
    free(value);
    return rc;
}

// Takes the request back unless the guest is quicker; 0 if it was.
static int withdraw(const struct toolstack *t, const char *path)
{
    bool done = false;

    while (!done) {
        xs_transaction_t transaction = xs_transaction_start(t->store);
        char *value = xs_read(t->store, transaction, path, NULL);
        bool taken = value && !*value;

        free(value);
        if (!taken)
            xs_write(t->store, transaction, path, "", 0);
        done = xs_transaction_end(t->store, transaction, taken);
        if (taken)
            return 0;
        if (!done && errno != EAGAIN)
            break;
    }
    return -ETIMEDOUT;
}

static int wait_for_notice(const struct toolstack *t, domid_t id, struct waiter *w)
{
    int rc = check_request(t, id);

    while (rc == -EINPROGRESS) {
        rc = waiter_next(w);
        if (!rc)
            rc = check_request(t, id);
    }
    return rc;
}

int domain_request(const struct toolstack *t, domid_t id, enum domain_request request,
                   unsigned seconds)
{
    struct xen_domctl_getdomaininfo info;
    char path[DOMAIN_PATH_MAX];
    struct waiter w;
    int rc = domain_info(t, id, &info);

    if (rc)
        return domain_fail(t, rc, "domain %u", id);
    snprintf(path, sizeof(path), "/local/domain/%u/control/shutdown", id);
    rc = waiter_open(&w, t, id, path, seconds);
    if (rc)
        return rc;
    rc = domain_write(t, id, "control/shutdown", request_names[request]);
    if (!rc) {
        rc = wait_for_notice(t, id, &w);
        if (rc == -ETIMEDOUT)
            rc = withdraw(t, path);
        if (rc == -ETIMEDOUT)
            fprintf(t->messages,
                    "domain %u has taken no notice of '%s' within %u s: it may hang, or have no "
                    "driver for it; 'destroy' ends it anyway\n",
                    id, request_names[request], seconds);
        else if (rc)
            domain_fail(t, rc, "domain %u cannot be asked to %s", id, request_names[request]);
    }
    waiter_close(&w);
    return rc;
}

int domain_pause(const struct toolstack *t, domid_t id)
{
    struct xen_domctl op = {0};
    int rc = domain_control(t, XEN_DOMCTL_pausedomain, id, &op);

    return rc ? domain_fail(t, rc, "domain %u cannot be paused", id) : 0;
}

int domain_unpause(const struct toolstack *t, domid_t id)
{
    struct xen_domctl op = {0};
    int rc = domain_control(t, XEN_DOMCTL_unpausedomain, id, &op);

    return rc ? domain_fail(t, rc, "domain %u cannot be unpaused", id) : 0;
}

static int write_vm_name(const struct toolstack *t, domid_t id, const char *name)
{
    char path[DOMAIN_PATH_MAX];
    char *vm = domain_read(t, id, "vm");
    int rc = 0;

    if (vm) {
        snprintf(path, sizeof(path), "%s/name", vm);
        if (!xs_write(t->store, XBT_NULL, path, name, (unsigned)strlen(name)))
            rc = domain_fail(t, -errno, "%s cannot be written to xenstore", path);
    }
    free(vm);
    return rc;
}

// The kept configuration, from which the domain may be made again, gets the new name too.
static int rename_config(const struct toolstack *t, domid_t id, const char *name)
{
    struct domain_config *config, renamed;
    int rc = userdata_load(t, id, &config);

    if (rc)
        return rc == -ENOENT ? 0 : rc;
    renamed = *config;
    renamed.name = (char *)name;
    rc = userdata_store(t, id, &renamed);
    domain_config_free(config);
    return rc;
}

static int give_name(const struct toolstack *t, domid_t id, const char *name)
{
    int rc, other = domain_find(t, name);

    if (other == id)
        return 0;
    if (other >= 0) {
        fprintf(t->messages, "domain %d is called %s already; names are unique\n", other, name);
        return -EEXIST;
    }
    if (other != -ESRCH)
        return domain_fail(t, other, "xenstore does not tell which names are taken");
    rc = domain_write(t, id, "name", name);
    if (!rc)
        rc = write_vm_name(t, id, name);
    return rc ? rc : rename_config(t, id, name);
}

int domain_rename(const struct toolstack *t, domid_t id, const char *name)
{
    struct xen_domctl_getdomaininfo info;
    int rc = domain_info(t, id, &info), claim;

    if (rc)
        return domain_fail(t, rc, "domain %u", id);
    claim = name_claim(t, name);
    if (claim < 0)
        return claim;
    rc = give_name(t, id, name);
    name_release(claim);
    return rc;
}
