#include "vl/domains.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/nearest.h"
#include "domain/domain.h"
#include "pv-abi/sched.h"

// One call gives as many as the array holds; all of them come from as many calls as that takes.
static size_t fetch(struct xen_domctl_getdomaininfo *infos, size_t room, domid_t first)
{
    size_t size = room * sizeof(*infos);
    struct xen_sysctl op = {.cmd = XEN_SYSCTL_getdomaininfolist};

    op.u.getdomaininfolist.first_domain = first;
    op.u.getdomaininfolist.max_domains = (uint32_t)room;
    op.u.getdomaininfolist.buffer = vl_buffer(size);
    int error = control_sysctl(vl_control(), &op);
    if (error) {
        vl_fail(error, "the hypervisor does not list its domains");
        exit(VL_FAILED);
    }
    memcpy(infos, op.u.getdomaininfolist.buffer,
           op.u.getdomaininfolist.num_domains * sizeof(*infos));
    control_buffer_free(vl_control(), op.u.getdomaininfolist.buffer, size);
    return op.u.getdomaininfolist.num_domains;
}

#define CHUNK 256

static char *copied(const char *text)
{
    char *copy = strdup(text);

    if (!copy)
        exit(vl_complain("out of memory"));
    return copy;
}

// Adds the names, which come together.
static void name(struct vl_domain *out, const struct xen_domctl_getdomaininfo *infos, size_t count)
{
    domid_t ids[CHUNK];
    char *names[CHUNK] = {NULL};

    for (size_t i = 0; i < count; i++)
        ids[i] = infos[i].domain;
    if (count && vl_store_if_any())
        domain_names(vl_store_if_any(), ids, count, names); // those that do not come have none
    for (size_t i = 0; i < count; i++)
        out[i] = (struct vl_domain){infos[i], names[i] ? names[i] : copied("(null)")};
}

size_t vl_domains(struct vl_domain **out)
{
    struct xen_domctl_getdomaininfo *infos = vl_alloc(CHUNK * sizeof(*infos));
    size_t count = 0, got;
    domid_t first = 0;

    *out = NULL;
    do {
        got = fetch(infos, CHUNK, first);
        *out = realloc(*out, (count + got + 1) * sizeof(**out));
        if (!*out)
            exit(vl_complain("out of memory"));
        name(*out + count, infos, got);
        count += got;
        if (got)
            first = (domid_t)(infos[got - 1].domain + 1);
    } while (got == CHUNK);
    free(infos);
    return count;
}

void vl_domains_free(struct vl_domain *domains, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(domains[i].name);
    free(domains);
}

char *vl_domain_name(domid_t domain)
{
    char *name = vl_store_read(domain, "name");

    return name ? name : copied("(null)");
}

bool vl_domain_info(domid_t domain, struct xen_domctl_getdomaininfo *out)
{
    struct xen_domctl op = {.cmd = XEN_DOMCTL_getdomaininfo, .domain = domain};
    int error = control_domctl(vl_control(), &op);

    if (error && error != -ESRCH) {
        vl_fail(error, "the hypervisor does not tell about domain %u", domain);
        exit(VL_FAILED);
    }
    *out = op.u.getdomaininfo;
    return !error && out->domain == domain; // it gives the next one if there is no such domain
}

static bool is_number(const char *text)
{
    return *text && strlen(text) < 6 && text[strspn(text, "0123456789")] == 0;
}

static void not_found(const char *name, const struct vl_domain *domains, size_t count)
{
    const char **names = vl_alloc(count * sizeof(*names));

    for (size_t i = 0; i < count; i++)
        names[i] = domains[i].name;
    const char *nearest = config_nearest(name, names, count);
    if (nearest)
        vl_complain("there is no domain '%s'; did you mean '%s'?", name, nearest);
    else
        vl_complain("there is no domain '%s'; 'vl list' shows all", name);
    exit(VL_FAILED);
}

domid_t vl_domain(const char *name)
{
    struct xen_domctl_getdomaininfo info;
    struct vl_domain *domains;

    if (is_number(name)) {
        unsigned long number = strtoul(name, NULL, 10);
        if (number < DOMID_FIRST_RESERVED && vl_domain_info((domid_t)number, &info))
            return (domid_t)number;
        vl_complain("there is no domain %s; 'vl list' shows all", name);
        exit(VL_FAILED);
    }
    vl_store();
    size_t count = vl_domains(&domains);
    for (size_t i = 0; i < count; i++)
        if (!strcmp(domains[i].name, name)) {
            domid_t found = domains[i].info.domain;
            vl_domains_free(domains, count);
            return found;
        }
    not_found(name, domains, count);
    return DOMID_INVALID;
}

domid_t vl_guest(const char *name, const char *deed)
{
    domid_t domain = vl_domain(name);

    if (!domain) {
        vl_complain("domain 0, which runs this command, cannot be %s", deed);
        exit(VL_FAILED);
    }
    return domain;
}

static unsigned reason(const struct xen_domctl_getdomaininfo *info)
{
    return info->flags >> XEN_DOMINF_shutdownshift & XEN_DOMINF_shutdownmask;
}

void vl_domain_state(const struct xen_domctl_getdomaininfo *info, char state[7])
{
    bool shutdown = info->flags & XEN_DOMINF_shutdown;
    bool dying = info->flags & XEN_DOMINF_dying;
    bool crashed = shutdown && reason(info) == SHUTDOWN_crash;
    bool alive = !shutdown && !dying;

    state[0] = alive && info->flags & XEN_DOMINF_running ? 'r' : '-';
    state[1] = alive && info->flags & XEN_DOMINF_blocked ? 'b' : '-';
    state[2] = alive && info->flags & XEN_DOMINF_paused ? 'p' : '-';
    state[3] = shutdown ? 's' : '-';
    state[4] = crashed ? 'c' : '-';
    state[5] = dying ? 'd' : '-';
    state[6] = 0;
}

const char *vl_shutdown_reason(const struct xen_domctl_getdomaininfo *info)
{
    static const char *const reasons[] = {
        [SHUTDOWN_poweroff] = "poweroff", [SHUTDOWN_reboot] = "reboot",
        [SHUTDOWN_suspend] = "suspend",   [SHUTDOWN_crash] = "crash",
        [SHUTDOWN_watchdog] = "watchdog", [SHUTDOWN_soft_reset] = "soft-reset",
    };

    if (!(info->flags & XEN_DOMINF_shutdown))
        return "-";
    if (reason(info) >= sizeof(reasons) / sizeof(reasons[0]))
        return "unknown";
    return reasons[reason(info)];
}
