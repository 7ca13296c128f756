// HYPERVISOR_xen_version. The numbers are those of the ABI, so that wrappers which choose their
// tools by version find them; the extra version and the changeset name Vellum.
//
// What the build knows comes in by -D: VELLUM_CHANGESET (from git), VELLUM_BUILD_DATE,
// VELLUM_BUILT_BY, VELLUM_BUILD_DOMAIN.
#include "core/version.h"

#include "core/domain.h"
#include "core/hypercall_table.h"
#include "core/permissions.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "mm/guest.h"

#ifndef VELLUM_CHANGESET
#define VELLUM_CHANGESET "vellum"
#endif
#ifndef VELLUM_BUILD_DATE
#define VELLUM_BUILD_DATE "unknown"
#endif
#ifndef VELLUM_BUILT_BY
#define VELLUM_BUILT_BY "vellum"
#endif
#ifndef VELLUM_BUILD_DOMAIN
#define VELLUM_BUILD_DOMAIN ""
#endif

#define XEN_VERSION_NUMBER (4 << 16 | 17)

xen_commandline_t version_command_line;

static const xen_extraversion_t extraversion = ".0-vellum";
static const xen_changeset_info_t changeset = VELLUM_CHANGESET;
static const struct xen_compile_info compile_info = {
    .compiler = "gcc " __VERSION__,
    .compile_by = VELLUM_BUILT_BY,
    .compile_domain = VELLUM_BUILD_DOMAIN,
    .compile_date = VELLUM_BUILD_DATE,
};

static long get_features(uint64_t arg)
{
    const struct domain *d = current->domain;
    struct xen_feature_info info;

    if (copy_from_guest(&info, arg, sizeof(info)))
        return -EFAULT;
    if (info.submap_idx >= XENFEAT_NR_SUBMAPS)
        return -EINVAL;
    info.submap = d->ops->features | (d == dom0 ? 1u << XENFEAT_dom0 : 0);
    return copy_to_guest(arg, &info, sizeof(info));
}

static long get_command_line(uint64_t arg)
{
    static const xen_commandline_t denied = "<denied>";

    return copy_to_guest(arg, permit(PERMIT_command_line, NULL) ? denied : version_command_line,
                         sizeof(xen_commandline_t));
}

// The kinds of guest that can be had.
static long get_capabilities(uint64_t arg)
{
    static const xen_capabilities_info_t pv = "xen-3.0-x86_64 ";
    static const xen_capabilities_info_t all =
        "xen-3.0-x86_64 hvm-3.0-x86_32 hvm-3.0-x86_32p hvm-3.0-x86_64 ";

    return copy_to_guest(arg, domain_kind(GUEST_HVM) ? all : pv, sizeof(all));
}

long do_xen_version(unsigned cmd, uint64_t arg)
{
    static const struct xen_platform_parameters parameters = {.virt_start = HYPERVISOR_VIRT_START};

    switch (cmd) {
    case XENVER_version:
        return XEN_VERSION_NUMBER;
    case XENVER_extraversion:
        return copy_to_guest(arg, extraversion, sizeof(extraversion));
    case XENVER_compile_info:
        return copy_to_guest(arg, &compile_info, sizeof(compile_info));
    case XENVER_capabilities:
        return get_capabilities(arg);
    case XENVER_changeset:
        return copy_to_guest(arg, changeset, sizeof(changeset));
    case XENVER_platform_parameters:
        return copy_to_guest(arg, &parameters, sizeof(parameters));
    case XENVER_get_features:
        return get_features(arg);
    case XENVER_pagesize:
        return PAGE_SIZE;
    case XENVER_guest_handle:
        return copy_to_guest(arg, current->domain->handle, sizeof(current->domain->handle));
    case XENVER_commandline:
        return get_command_line(arg);
    case XENVER_build_id:
        return -ENODATA;
    default:
        return -ENOSYS;
    }
}
