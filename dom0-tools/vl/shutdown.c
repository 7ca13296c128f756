// shutdown, reboot, sysrq: requests that the guest's own kernel carries out, made through xenstore.
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/hvm.h"
#include "domain/device_model.h"
#include "pv-abi/hvm/params.h"
#include "vl/commands.h"
#include "vl/domains.h"
#include "vl/toolstack.h"

// How long a guest may take to notice. A kernel that boots takes its time until its driver is
// there.
#define NOTICE_SECONDS 30

struct request {
    enum domain_request what;
    bool all, acpi;
    int wait; // 1: until it is shut down, 2: until it is gone
};

// Whether nobody in the guest listens for requests: a guest of type "hvm" need not know of them.
static bool is_deaf(domid_t domain)
{
    uint64_t way = 0; // by which its drivers are told of events

    return device_model_of(vl_toolstack(), domain) &&
           !control_hvm_get_param(vl_control(), domain, HVM_PARAM_CALLBACK_IRQ, &way) && !way;
}

static int press_power(domid_t domain, const char *name, const struct request *request)
{
    struct xen_domctl op = {.cmd = XEN_DOMCTL_sendtrigger, .domain = domain};

    if (request->what != REQUEST_POWEROFF)
        return vl_complain("domain '%s' has no driver of Xen's that could be asked", name);
    if (!request->acpi)
        return vl_complain("domain '%s' has no driver of Xen's that could be asked; -F presses "
                           "its power button instead",
                           name);
    op.u.sendtrigger.trigger = XEN_DOMCTL_SENDTRIGGER_POWER;
    int error = control_domctl(vl_control(), &op);
    return error ? vl_fail(error, "the power button of domain '%s'", name) : VL_OK;
}

static int ask(domid_t domain, const char *name, const struct request *request)
{
    struct xen_domctl_getdomaininfo info;

    if (!vl_domain_info(domain, &info))
        return vl_complain("domain '%s' is gone", name);
    if (info.flags & (XEN_DOMINF_shutdown | XEN_DOMINF_dying))
        return vl_complain("domain '%s' is shut down already (%s); 'vl destroy' removes it", name,
                           vl_shutdown_reason(&info));
    if (info.flags & XEN_DOMINF_paused)
        return vl_complain("domain '%s' is paused and cannot hear; 'vl unpause' lets it run", name);
    if (is_deaf(domain))
        return press_power(domain, name, request);
    return domain_request(vl_toolstack(), domain, request->what, NOTICE_SECONDS)
               ? vl_complain("domain '%s' was not asked", name)
               : VL_OK;
}

static bool ended(domid_t domain, int wait)
{
    struct xen_domctl_getdomaininfo info;

    if (!vl_domain_info(domain, &info))
        return true;
    return info.flags & XEN_DOMINF_dying || (wait == 1 && info.flags & XEN_DOMINF_shutdown);
}

static void wait_for(const domid_t *domains, size_t count, int wait)
{
    for (size_t i = 0; i < count; i++)
        while (!ended(domains[i], wait))
            usleep(100000);
}

static int ask_all(const struct request *request)
{
    struct vl_domain *all;
    size_t count = vl_domains(&all), asked = 0;
    domid_t *domains = vl_alloc(count * sizeof(*domains));
    int result = VL_OK;

    for (size_t i = 0; i < count; i++) {
        if (!all[i].info.domain || all[i].info.flags & (XEN_DOMINF_shutdown | XEN_DOMINF_dying))
            continue;
        if (ask(all[i].info.domain, all[i].name, request))
            result = VL_FAILED;
        else
            domains[asked++] = all[i].info.domain;
    }
    if (request->wait)
        wait_for(domains, asked, request->wait);
    free(domains);
    vl_domains_free(all, count);
    return result;
}

static int ask_named(int argc, char **argv, const struct request *request, const char *deed)
{
    domid_t *domains = vl_alloc((size_t)argc * sizeof(*domains));
    size_t asked = 0;
    int result = VL_OK;

    for (int i = optind; i < argc; i++) {
        domid_t domain = vl_guest(argv[i], deed);
        if (ask(domain, argv[i], request))
            result = VL_FAILED;
        else
            domains[asked++] = domain;
    }
    if (request->wait)
        wait_for(domains, asked, request->wait);
    free(domains);
    return result;
}

static int run(int argc, char **argv, enum domain_request what, const char *deed)
{
    static const struct option options[] = {{"all", no_argument, NULL, 'a'},
                                            {"wait", no_argument, NULL, 'w'},
                                            {"help", no_argument, NULL, 'h'},
                                            {0}};
    struct request request = {.what = what};
    int option;

    while ((option = vl_option(argc, argv, "awF", options)) != -1) {
        request.all |= option == 'a';
        request.wait += option == 'w';
        request.acpi |= option == 'F';
    }
    if (request.all && optind < argc)
        vl_misused("-a is for all domains; name none");
    if (request.all)
        return ask_all(&request);
    vl_operands(argc, 1, -1);
    return ask_named(argc, argv, &request, deed);
}

int vl_shutdown(int argc, char **argv)
{
    return run(argc, argv, REQUEST_POWEROFF, "shut down");
}

int vl_reboot(int argc, char **argv)
{
    return run(argc, argv, REQUEST_REBOOT, "rebooted");
}

int vl_sysrq(int argc, char **argv)
{
    vl_no_options(argc, argv);
    vl_operands(argc, 2, 2);
    if (strlen(argv[optind + 1]) != 1)
        vl_misused("a SysRq request is one letter, not '%s'", argv[optind + 1]);
    return vl_store_write(vl_guest(argv[optind], "sent SysRq"), "control/sysrq", argv[optind + 1]);
}
