// pause, unpause, destroy, trigger.
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "vl/commands.h"
#include "vl/domains.h"
#include "vl/toolstack.h"

static int on_each(int argc, char **argv, int (*act)(const struct toolstack *, domid_t),
                   const char *deed)
{
    int result = VL_OK;

    for (int i = optind; i < argc; i++)
        if (act(vl_toolstack(), vl_guest(argv[i], deed)))
            result = vl_complain("domain '%s' was not %s", argv[i], deed);
    return result;
}

int vl_pause(int argc, char **argv)
{
    vl_no_options(argc, argv);
    vl_operands(argc, 1, -1);
    return on_each(argc, argv, domain_pause, "paused");
}

int vl_unpause(int argc, char **argv)
{
    vl_no_options(argc, argv);
    vl_operands(argc, 1, -1);
    return on_each(argc, argv, domain_unpause, "unpaused");
}

int vl_destroy(int argc, char **argv)
{
    while (vl_option(argc, argv, "f", NULL) != -1)
        ; // -f is about domain 0, which cannot destroy itself
    vl_operands(argc, 1, -1);
    return on_each(argc, argv, domain_destroy, "destroyed");
}

static uint32_t trigger_number(const char *name)
{
    static const char *const names[] = {
        [XEN_DOMCTL_SENDTRIGGER_NMI] = "nmi",     [XEN_DOMCTL_SENDTRIGGER_RESET] = "reset",
        [XEN_DOMCTL_SENDTRIGGER_INIT] = "init",   [XEN_DOMCTL_SENDTRIGGER_POWER] = "power",
        [XEN_DOMCTL_SENDTRIGGER_SLEEP] = "sleep",
    };

    for (uint32_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (!strcmp(names[i], name))
            return i;
    vl_misused("there is no trigger '%s'; there are nmi, reset, init, power and sleep", name);
}

int vl_trigger(int argc, char **argv)
{
    struct xen_domctl op = {.cmd = XEN_DOMCTL_sendtrigger};

    vl_no_options(argc, argv);
    int count = vl_operands(argc, 2, 3);
    op.u.sendtrigger.trigger = trigger_number(argv[optind + 1]);
    if (count == 3)
        op.u.sendtrigger.vcpu = (uint32_t)vl_number(argv[optind + 2], "the vCPU", 0, 8191);
    op.domain = vl_guest(argv[optind], "triggered");
    int error = control_domctl(vl_control(), &op);
    if (error)
        return vl_fail(error,
                       "domain '%s' does not take the trigger '%s'; a PV guest takes nmi alone, "
                       "one of type \"hvm\" power and sleep too",
                       argv[optind], argv[optind + 1]);
    return VL_OK;
}
