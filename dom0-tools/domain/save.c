// Domains into files and elsewhere.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "domain/impl.h"
#include "domain/userdata.h"
#include "pv-abi/sched.h"
#include "stream/file.h"
#include "stream/stream.h"

#define SUSPEND_SECONDS 60 // that a guest may take for each of its two steps

struct saving {
    const struct toolstack *t;
    domid_t id;
    bool suspended;
};

static int suspend(void *arg)
{
    struct saving *s = arg;
    int rc = domain_request(s->t, s->id, REQUEST_SUSPEND, SUSPEND_SECONDS);

    if (rc)
        return rc;
    rc = domain_wait(s->t, s->id, SUSPEND_SECONDS);
    if (rc == -ESRCH)
        return domain_fail(s->t, rc, "domain %u is gone", s->id);
    if (rc < 0)
        return rc;
    if (rc != SHUTDOWN_suspend) {
        fprintf(s->t->messages, "domain %u has shut down instead of suspending\n", s->id);
        return -EINVAL;
    }
    s->suspended = true;
    return 0;
}

// The configuration as the domain is now: it may have ballooned since.
static char *current_config(const struct toolstack *t, domid_t id)
{
    struct xen_domctl_getdomaininfo info;
    struct domain_config *config;
    char *json = NULL, *target;
    int rc = userdata_load(t, id, &config);

    if (rc) {
        domain_fail(t, rc, "no configuration of domain %u is kept, so it could not be restored",
                    id);
        return NULL;
    }
    target = domain_read(t, id, "memory/target");
    if (target && strtoull(target, NULL, 10))
        config->memory_kib = strtoull(target, NULL, 10);
    free(target);
    if (!domain_info(t, id, &info) && config->memory_kib < info.tot_pages * 4)
        config->memory_kib = info.tot_pages * 4;
    if (config->max_memory_kib < config->memory_kib)
        config->max_memory_kib = config->memory_kib;
    json = domain_config_to_json(config);
    domain_config_free(config);
    return json;
}

int domain_save(const struct toolstack *t, domid_t id, int fd, bool live)
{
    struct saving saving = {t, id, false};
    struct stream_save save = {
        .control = t->control,
        .domain = id,
        .fd = fd,
        .messages = t->messages,
        .live = live,
        .suspend = suspend,
        .arg = &saving,
    };
    char *config = current_config(t, id);
    int rc = config ? saved_write_begin(fd, config, t->messages) : -ENOENT;

    free(config);
    if (!rc)
        rc = pv_stream_save(&save);
    if (!rc)
        rc = saved_write_end(fd, t->messages);
    if (rc && saving.suspended)
        domain_resume(t, id);
    return rc;
}

// The guest learns that it was not saved, or not ended by it, from what its call returns.
static int return_cancelled(const struct toolstack *t, domid_t id)
{
    struct vcpu_guest_context *context = control_buffer(t->control, sizeof(*context));
    struct xen_domctl op = {.u.vcpucontext.ctxt = context};
    int rc = context ? domain_control(t, XEN_DOMCTL_getvcpucontext, id, &op) : -ENOMEM;

    if (!rc) {
        context->user_regs.rax = 1;
        rc = domain_control(t, XEN_DOMCTL_setvcpucontext, id, &op);
    }
    control_buffer_free(t->control, context, sizeof(*context));
    return rc;
}

int domain_resume(const struct toolstack *t, domid_t id)
{
    struct xen_domctl op = {0};
    int rc = return_cancelled(t, id);

    if (!rc)
        rc = domain_control(t, XEN_DOMCTL_resumedomain, id, &op);
    if (rc)
        return domain_fail(t, rc, "domain %u cannot be resumed", id);
    xs_resume_domain(t->store, id); // its end was announced; a later one must be, too
    return 0;
}
