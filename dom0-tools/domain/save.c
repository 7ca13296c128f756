// Domains into files and elsewhere.
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "control/hvm.h"
#include "domain/device_model.h"
#include "domain/impl.h"
#include "domain/userdata.h"
#include "pv-abi/sched.h"
#include "stream/file.h"
#include "stream/stream.h"

#define SUSPEND_SECONDS 60 // that a guest may take for each of its two steps

struct saving {
    const struct toolstack *t;
    domid_t id;
    bool hvm, suspended;
    uint64_t asked, began; // to suspend, and the present round
};

// Of two who save a domain at the same time either would take away the other's log of what it
// writes. The lock, a name among the kernel's sockets, is left behind by nobody.
static int lock(const struct toolstack *t, domid_t id)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    snprintf(name.sun_path + 1, sizeof(name.sun_path) - 1, "vellum-save-%u", id);
    if (fd >= 0 && !bind(fd, (struct sockaddr *)&name, sizeof(name)))
        return fd;
    int error = errno == EADDRINUSE ? -EBUSY : -errno;
    if (fd >= 0)
        close(fd);
    return domain_fail(t, error,
                       error == -EBUSY ? "domain %u is being saved or moved already"
                                       : "domain %u cannot be locked",
                       id);
}

static int suspend(void *arg)
{
    struct saving *s = arg;
    int rc;

    s->asked = domain_now();
    rc = domain_request(s->t, s->id, REQUEST_SUSPEND, SUSPEND_SECONDS);

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
    if (s->t->verbose)
        fprintf(s->t->messages, "%9.3f ms  suspend\n", (double)(domain_now() - s->asked) / 1e6);
    s->began = domain_now();
    return 0;
}

static void tell_round(void *arg, const struct stream_progress *progress)
{
    struct saving *s = arg;
    uint64_t now = domain_now();

    if (!s->t->verbose || progress->done < progress->total)
        return;
    fprintf(s->t->messages, "%9.3f ms  ", (double)(now - s->began) / 1e6);
    if (progress->round)
        fprintf(s->t->messages, "round %u: ", progress->round);
    fprintf(s->t->messages, "%" PRIu64 " frames%s\n", progress->total,
            progress->round ? "" : " while it stands still");
    s->began = now;
}

// The configuration as the domain is now: it may have ballooned, or been renamed by xl, since.
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
    struct domain_config now = *config;
    char *name = domain_read(t, id, "name");
    if (name)
        now.name = name;
    json = domain_config_to_json(&now);
    free(name);
    domain_config_free(config);
    return json;
}

static int save(struct saving *saving, int fd, bool live)
{
    const struct toolstack *t = saving->t;
    struct stream_save save = {
        .control = t->control,
        .domain = saving->id,
        .hvm = saving->hvm,
        .fd = fd,
        .messages = t->messages,
        .live = live,
        .suspend = suspend,
        .progress = tell_round,
        .arg = saving,
    };
    char *config = current_config(t, saving->id);
    int rc = config ? saved_write_begin(fd, config, t->messages) : -ENOENT;

    free(config);
    if (!rc)
        rc = stream_save_guest(&save);
    if (!rc)
        rc = saved_write_end(fd, t->messages);
    if (rc && saving->suspended)
        domain_resume(t, saving->id);
    return rc;
}

static int is_hvm(const struct toolstack *t, domid_t id, bool *hvm)
{
    struct xen_domctl_getdomaininfo info;
    int rc = domain_info(t, id, &info);

    *hvm = !rc && info.flags & XEN_DOMINF_hvm_guest;
    return rc ? domain_fail(t, rc, "domain %u cannot be asked after", id) : 0;
}

int domain_save(const struct toolstack *t, domid_t id, int fd, bool live, uint64_t *asked)
{
    struct saving saving = {.t = t, .id = id, .began = domain_now()};
    int held, rc = is_hvm(t, id, &saving.hvm);

    if (!rc && device_model_of(t, id))
        rc = domain_fail(t, -EOPNOTSUPP,
                         "domain %u has a device model, whose state cannot be saved yet", id);
    if (rc)
        return rc;
    held = lock(t, id);
    if (held < 0)
        return held;
    rc = save(&saving, fd, live);
    close(held);
    if (asked)
        *asked = saving.asked;
    return rc;
}

// The guest learns that it was not saved, or not ended by it, from what its call returns.
static int return_cancelled_hvm(const struct toolstack *t, domid_t id)
{
    uint8_t *records = NULL;
    size_t length;
    int rc = control_hvm_get_context(t->control, id, &records, &length);

    if (!rc)
        rc = control_hvm_set_rax(records, length, 0, 1);
    if (!rc)
        rc = control_hvm_set_context(t->control, id, records, length);
    free(records);
    return rc;
}

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
    bool hvm;
    int rc = is_hvm(t, id, &hvm);

    if (rc)
        return rc;
    rc = hvm ? return_cancelled_hvm(t, id) : return_cancelled(t, id);
    if (!rc)
        rc = domain_control(t, XEN_DOMCTL_resumedomain, id, &op);
    if (rc)
        return domain_fail(t, rc, "domain %u cannot be resumed", id);
    xs_resume_domain(t->store, id); // its end was announced; a later one must be, too
    return 0;
}
