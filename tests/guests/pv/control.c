// The control interfaces as far as a lone domain 0 can try them, and the calls that are absent.
#include "pv-abi/domctl.h"
#include "pv-abi/platform.h"
#include "pv-abi/sysctl.h"

#include "tests/guests/common/guest.h"

#define NO_DOMAIN 12345

static struct xen_domctl domctl;
static struct xen_sysctl sysctl;
static struct xen_platform_op platform;

static long do_domctl(unsigned cmd, unsigned dom)
{
    domctl.cmd = cmd;
    domctl.interface_version = XEN_DOMCTL_INTERFACE_VERSION;
    domctl.domain = (domid_t)dom;
    return hc(domctl, &domctl);
}

static long do_sysctl(unsigned cmd)
{
    sysctl.cmd = cmd;
    sysctl.interface_version = XEN_SYSCTL_INTERFACE_VERSION;
    return hc(sysctl, &sysctl);
}

static long do_platform(unsigned cmd)
{
    platform.cmd = cmd;
    platform.interface_version = XENPF_INTERFACE_VERSION;
    return hc(platform_op, &platform);
}

static void need_domctl(void)
{
    memset(&domctl, 0, sizeof(domctl));
    if (hc(domctl, &domctl) == -XEN_ENOSYS)
        SKIP("domctl is absent");
}

static void need_sysctl(void)
{
    memset(&sysctl, 0, sizeof(sysctl));
    if (hc(sysctl, &sysctl) == -XEN_ENOSYS)
        SKIP("sysctl is absent");
}

TEST(control_domctl_version)
{
    need_domctl();
    memset(&domctl, 0, sizeof(domctl));
    domctl.cmd = XEN_DOMCTL_getdomaininfo;
    domctl.interface_version = XEN_DOMCTL_INTERFACE_VERSION - 1;
    CHECK_ERR(hc(domctl, &domctl), EACCES);
    domctl.interface_version = 0;
    CHECK_ERR(hc(domctl, &domctl), EACCES);
    CHECK_EFAULT_ALL(hc(domctl, bad));
}

TEST(control_domctl_self)
{
    need_domctl();
    memset(&domctl, 0, sizeof(domctl));
    REQUIRE_OK(do_domctl(XEN_DOMCTL_getdomaininfo, 0));
    CHECK_EQ(domctl.u.getdomaininfo.domain, 0);
    CHECK_EQ(domctl.u.getdomaininfo.tot_pages, start_info->nr_pages);
    CHECK_EQ(domctl.u.getdomaininfo.shared_info_frame, start_info->shared_info >> PAGE_SHIFT);
    CHECK(domctl.u.getdomaininfo.flags & XEN_DOMINF_running);
    CHECK_EQ(domctl.u.getdomaininfo.nr_online_vcpus >= 1, 1);
    CHECK_EQ(domctl.u.getdomaininfo.max_vcpu_id + 1, vcpu_count());
}

TEST(control_domctl_refused)
{
    need_domctl();
    memset(&domctl, 0, sizeof(domctl));
    CHECK_ERR(do_domctl(XEN_DOMCTL_pausedomain, NO_DOMAIN), ESRCH);
    CHECK_ERR(do_domctl(XEN_DOMCTL_destroydomain, NO_DOMAIN), ESRCH);
    CHECK_ERR(do_domctl(XEN_DOMCTL_getvcpuinfo, NO_DOMAIN), ESRCH);
    // Not upon oneself.
    CHECK_ERR(do_domctl(XEN_DOMCTL_pausedomain, 0), EINVAL);
    CHECK_ERR(do_domctl(XEN_DOMCTL_destroydomain, 0), EINVAL);
    CHECK_ERR(do_domctl(100000, 0), ENOSYS);
    CHECK_ERR(do_domctl(0, 0), ENOSYS);
}

TEST(control_sysctl)
{
    need_sysctl();
    memset(&sysctl, 0, sizeof(sysctl));
    sysctl.cmd = XEN_SYSCTL_physinfo;
    sysctl.interface_version = XEN_SYSCTL_INTERFACE_VERSION + 1;
    CHECK_ERR(hc(sysctl, &sysctl), EACCES);
    memset(&sysctl, 0, sizeof(sysctl));
    REQUIRE_OK(do_sysctl(XEN_SYSCTL_physinfo));
    CHECK(sysctl.u.physinfo.nr_cpus >= 1);
    CHECK(sysctl.u.physinfo.total_pages > start_info->nr_pages);
    CHECK(sysctl.u.physinfo.capabilities & XEN_SYSCTL_PHYSCAP_pv);
    CHECK_ERR(do_sysctl(100000), ENOSYS);
    CHECK_EFAULT_ALL(hc(sysctl, bad));
}

TEST(control_platform)
{
    uint64_t seconds = shared_info->wc_sec;

    memset(&platform, 0, sizeof(platform));
    platform.interface_version = 1;
    CHECK_ERR(hc(platform_op, &platform), EACCES);
    CHECK_EFAULT_ALL(hc(platform_op, bad));
    CHECK_ERR(do_platform(100000), ENOSYS);
    memset(&platform, 0, sizeof(platform));
    CHECK_OK(do_platform(XENPF_get_cpuinfo));
    CHECK(platform.u.pcpu_info.flags & XEN_PCPU_FLAGS_ONLINE);
    platform.u.pcpu_info.xen_cpuid = 4000;
    CHECK_OK(do_platform(XENPF_get_cpuinfo));
    CHECK_EQ(platform.u.pcpu_info.flags, XEN_PCPU_FLAGS_INVALID);
    // The wall clock, an hour on and back.
    memset(&platform, 0, sizeof(platform));
    platform.u.settime64.system_time = time_now();
    platform.u.settime64.secs = seconds + platform.u.settime64.system_time / NS_PER_S + 3600;
    CHECK_OK(do_platform(XENPF_settime64));
    CHECK(shared_info->wc_sec >= seconds + 3598 && shared_info->wc_sec <= seconds + 3602);
    CHECK_EQ(shared_info->wc_version & 1, 0);
    platform.u.settime64.secs -= 3600;
    CHECK_OK(do_platform(XENPF_settime64));
    platform.u.settime64.mbz = 1;
    CHECK_ERR(do_platform(XENPF_settime64), EINVAL);
}

TEST(control_absent_calls)
{
    char argument[256] = "";

    CHECK_ERR(hc(xsm_op, argument), ENOSYS);
    CHECK_ERR(hc(tmem_op, argument), ENOSYS);
    CHECK_REFUSED(hc(arch_1, argument)); // Xen's own use for continuations shines through
    CHECK_ERR(hc(arch_2, argument), ENOSYS);
    CHECK_ERR(hc(arch_7, argument), ENOSYS);
}

// The last slot of the page and numbers beyond it.
TEST(control_unknown_numbers)
{
    static const unsigned unassigned[] = {11, 43, 44, 45, 46, 47, 56, 57, 63, 64, 100, 127};
    static const uint64_t beyond[] = {128,        1000,      0x7fffffff, 0x80000000,
                                      0xffffffff, 1UL << 63, ~0UL};

    for (unsigned i = 0; i < ARRAY_SIZE(unassigned); i++) {
        CHECK_ERR(hypercall(unassigned[i], 0, 0, 0, 0, 0), ENOSYS);
        CHECK_ERR(hypercall_raw(unassigned[i], 0, 0, 0, 0, 0), ENOSYS);
    }
    for (unsigned i = 0; i < ARRAY_SIZE(beyond); i++)
        CHECK_ERR(hypercall_raw(beyond[i], 0, 0, 0, 0, 0), ENOSYS);
    CHECK_EQ(hypercall_raw(__HYPERVISOR_xen_version, 0, 0, 0, 0, 0), 4 << 16 | 17);
}

TEST(control_hvm_op)
{
    uint64_t argument[4] = {DOMID_SELF};

    if (hc(hvm_op, 0, argument) == -XEN_ENOSYS)
        SKIP("hvm_op is absent");
    CHECK_REFUSED(hc(hvm_op, 0, argument)); // set_param: not for a PV domain
    CHECK_REFUSED(hc(hvm_op, 1, argument));
    CHECK_EFAULT_ALL(hc(hvm_op, 0, bad));
    CHECK_ERR(hc(hvm_op, 999, argument), ENOSYS);
}

TEST(control_other_families)
{
    char argument[256] = "";

    // Answered or absent, but never more than an error.
    CHECK_REFUSED(hc(xenoprof_op, 99, argument));
    CHECK_REFUSED(hc(argo_op, 99, argument, argument, 0, 0));
    CHECK_REFUSED(hc(xenpmu_op, 99, argument));
    CHECK_REFUSED(hc(dm_op, NO_DOMAIN, 1, argument));
    CHECK_REFUSED(hc(hypfs_op, 99, argument, 0, argument, 0));
    CHECK_REFUSED(hc(arch_0, argument)); // machine checks
}
