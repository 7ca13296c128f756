// The control of domains: who may, upon whom, and what is refused; permissions, pauses, frame
// types, affinities, lists of CPUID leaves. The domains' own workings are stubs that count.
//
// sources: hypervisor/core/permissions.c hypervisor/core/guest_tsc.c hypervisor/core/domctl.c
// sources: hypervisor/core/domctl_config.c hypervisor/core/domctl_device.c
// sources: hypervisor/core/domctl_info.c hypervisor/core/domctl_life.c
// sources: hypervisor/core/domctl_memory.c hypervisor/core/dirty_log.c
// sources: hypervisor/core/domctl_sched.c hypervisor/core/domctl_state.c
// sources: hypervisor/core/cpu_policy.c hypervisor/core/rangeset.c hypervisor/cpu/time_scale.c
// sources: tests/unit/fake/platform.c tests/unit/fake/frames.c
#include <CUnit/Basic.h>

#include "core/cpu_policy.h"
#include "core/domctl.h"
#include "core/event.h"
#include "core/fpu.h"
#include "core/grant.h"
#include "core/guest_frame.h"
#include "core/hypercall_table.h"
#include "core/pirq.h"
#include "core/pv_time.h"
#include "core/rangeset.h"
#include "core/sched.h"
#include "core/vcpu_info.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "pv-abi/hypercalls.h"
#include "tests/suite.h"
#include "tests/unit/fake/platform.h"

// Workings ---------------------------------------------------------------------------------------

static unsigned paused, killed, created, resumed;
static int kill_result, context_result;
static struct domain *victim; // what domain_create hands out
static bool has_hvm;          // there is such a kind
static uint32_t emulation;    // what it was created with

int domain_create(domid_t id, const struct domain_ops *ops, unsigned max_vcpus, uint32_t flags,
                  bool privileged, struct domain **out)
{
    struct domain *other = domain_get_by_id(id);

    emulation = flags;

    CU_ASSERT_FALSE(privileged);
    CU_ASSERT(max_vcpus >= 1 && max_vcpus <= MAX_VCPUS);
    if (other) {
        domain_put(other);
        return -EEXIST;
    }
    created++;
    victim->id = id;
    *out = victim;
    return 0;
}

const struct domain_ops *domain_kind(enum guest_kind kind)
{
    return kind == GUEST_PV || has_hvm ? &fake_ops : NULL;
}

int domain_kill(struct domain *d)
{
    killed++;
    return kill_result;
}

void domain_pause(struct domain *d)
{
    paused++;
}

void domain_unpause(struct domain *d)
{
    paused--;
}

void domain_resume(struct domain *d)
{
    resumed++;
}

struct vcpu *vcpu_create(struct domain *d, unsigned id)
{
    return NULL;
}

void vcpu_pause(struct vcpu *v)
{
}

void vcpu_unpause(struct vcpu *v)
{
}

void vcpu_runstate_get(struct vcpu *v, struct vcpu_runstate_info *out)
{
    *out = (struct vcpu_runstate_info){.time = {[RUNSTATE_running] = 5}};
}

bool vcpu_info_usable(const struct vcpu *v)
{
    return true;
}

int vcpu_set_hard_affinity(struct vcpu *v, cpumask_t mask)
{
    v->sched.hard_affinity = mask;
    return 0;
}

int vcpu_set_soft_affinity(struct vcpu *v, cpumask_t mask)
{
    v->sched.soft_affinity = mask;
    return 0;
}

int vcpu_pin_override(struct vcpu *v, int cpu)
{
    return 0;
}

int sched_set_domain(struct domain *d, unsigned weight, unsigned cap)
{
    d->sched.weight = (uint16_t)weight;
    d->sched.cap = (uint16_t)cap;
    return 0;
}

void event_set_limit(struct domain *d, uint32_t max_port)
{
}

int event_set_virq_handler(struct domain *d, unsigned virq)
{
    return 0;
}

void grant_set_limits(struct domain *d, unsigned max_frames, unsigned max_maptrack_frames,
                      unsigned max_version)
{
    CU_ASSERT(max_frames <= 64 && max_maptrack_frames <= 1024);
}

void wallclock_publish(struct domain *d)
{
}

int guest_area_get(struct domain *d, gfn_t gfn, struct frame **frame, void **va)
{
    return -EINVAL;
}

void guest_area_put(struct frame *frame)
{
}

uint64_t fpu_host_xcr0(void)
{
    return 7;
}

size_t fpu_xstate_size(uint64_t xcr0)
{
    return xcr0 & 4 ? 832 : 576;
}

int fpu_set_xstate(struct vcpu *v, uint64_t xcr0, const void *area, size_t size)
{
    v->xcr0 = xcr0;
    return 0;
}

unsigned pirq_limit(void)
{
    return 256;
}

void time_get_scale(struct tsc_scale *scale)
{
    *scale = (struct tsc_scale){.mul = 1u << 31, .shift = 1, .generation = 1};
}

uint64_t time_tsc_hz(void)
{
    return 1000000000;
}

nsec_t time_now(void)
{
    return 0;
}

static int set_context(struct vcpu *v, const struct vcpu_guest_context *c)
{
    CU_ASSERT(paused > 0);
    return context_result;
}

static void guest_cpuid(const struct vcpu *v, uint32_t leaf, uint32_t subleaf,
                        struct cpuid_regs *out)
{
    *out = (struct cpuid_regs){0};
    if (leaf == 0)
        out->a = 0xd;
    else if (leaf == 0x80000000u)
        out->a = 0x80000008u;
    else if (leaf == 0xd && subleaf == 0)
        out->a = 7;
    else if (leaf == 1)
        out->c = 1u << 27 | 1;
}

// Calls ------------------------------------------------------------------------------------------

static struct domain *zero, *one, *user;
static struct xen_domctl op;

static long call(unsigned cmd, unsigned dom)
{
    op.cmd = cmd;
    op.interface_version = XEN_DOMCTL_INTERFACE_VERSION;
    op.domain = (domid_t)dom;
    return do_domctl(guest_address(&op));
}

static struct domain *make(domid_t id, bool privileged)
{
    struct domain *d = fake_domain(id, 2, privileged);

    d->io_ports = rangeset_new();
    d->io_memory = rangeset_new();
    d->irqs = rangeset_new();
    return d;
}

static void start(void)
{
    fake_reset();
    fake_ops.vcpu_set_context = set_context;
    fake_ops.cpuid = guest_cpuid;
    zero = make(0, true);
    one = make(1, false);
    user = make(5, false);
    victim = make(77, false);
    fake_domain_remove(victim);
    fake_run(zero->vcpus[0]);
    paused = killed = created = resumed = 0;
    kill_result = context_result = 0;
    memset(&op, 0, sizeof(op));
}

static void finish(void)
{
    struct domain *all[] = {zero, one, user, victim};

    for (unsigned i = 0; i < ARRAY_SIZE(all); i++) {
        CU_ASSERT_EQUAL(all[i]->refs, 1);
        rangeset_free(all[i]->io_ports);
        rangeset_free(all[i]->io_memory);
        rangeset_free(all[i]->irqs);
        fake_domain_free(all[i]);
    }
    CU_ASSERT_EQUAL(fake_reset(), 0);
}

// Tests ------------------------------------------------------------------------------------------

static void test_who(void)
{
    start();
    CU_ASSERT_EQUAL(do_domctl(FAKE_FAULT_ADDRESS), -EFAULT);
    op.cmd = XEN_DOMCTL_getdomaininfo;
    op.interface_version = XEN_DOMCTL_INTERFACE_VERSION + 1;
    CU_ASSERT_EQUAL(do_domctl(guest_address(&op)), -EACCES);
    CU_ASSERT_EQUAL(call(XEN_DOMCTL_pausedomain, 9), -ESRCH);
    CU_ASSERT_EQUAL(call(XEN_DOMCTL_pausedomain, DOMID_SELF), -ESRCH);
    CU_ASSERT_EQUAL(call(0, 1), -ENOSYS);
    CU_ASSERT_EQUAL(call(100000, 1), -ENOSYS);
    CU_ASSERT_EQUAL(call(100000, 9), -ESRCH);
    fake_run(one->vcpus[0]);
    for (unsigned cmd = 0; cmd < 90; cmd++)
        CU_ASSERT_EQUAL(call(cmd, 1), -EPERM);
    // Whether there is such a domain may be known to all.
    CU_ASSERT_EQUAL(call(XEN_DOMCTL_pausedomain, 9), -ESRCH);
    CU_ASSERT_EQUAL(call(XEN_DOMCTL_getdomaininfo, 9), -EPERM);
    CU_ASSERT_EQUAL(call(XEN_DOMCTL_createdomain, 9), -EPERM);
    CU_ASSERT_EQUAL(paused + killed + created + resumed, 0);
    finish();
}

// Every operation with every kind of target and nonsense for arguments: an answer, no more.
static void test_nonsense(void)
{
    start();
    for (unsigned round = 0; round < 2000; round++) {
        uint8_t *bytes = (uint8_t *)&op.u;

        for (unsigned i = 0; i < sizeof(op.u); i++)
            bytes[i] = round & 1 ? 0 : (uint8_t)fake_random();
        // Pointers in it are bad ones.
        for (unsigned i = 0; i < sizeof(op.u) / 8; i++)
            if (!(round & 2))
                ((uint64_t *)(void *)bytes)[i] = FAKE_FAULT_ADDRESS + (fake_random() & 0xff8);
        if (round % 90 != XEN_DOMCTL_createdomain && (round & 3) != 2)
            CU_ASSERT(call(round % 90, round % 7) <= 0);
    }
    one->dying = zero->dying = DOMAIN_ALIVE;
    finish();
}

static void test_self(void)
{
    static const unsigned refused[] = {
        XEN_DOMCTL_pausedomain, XEN_DOMCTL_destroydomain,  XEN_DOMCTL_resumedomain,
        XEN_DOMCTL_max_vcpus,   XEN_DOMCTL_setvcpucontext, XEN_DOMCTL_settscinfo,
    };

    start();
    for (unsigned i = 0; i < ARRAY_SIZE(refused); i++)
        CU_ASSERT_EQUAL(call(refused[i], 0), -EINVAL);
    CU_ASSERT_EQUAL(paused + killed + resumed, 0);
    finish();
}

static void test_pause(void)
{
    start();
    CU_ASSERT_EQUAL(call(XEN_DOMCTL_unpausedomain, 1), -EINVAL);
    for (unsigned i = 0; i < 255; i++)
        CU_ASSERT_EQUAL(call(XEN_DOMCTL_pausedomain, 1), 0);
    CU_ASSERT_EQUAL(call(XEN_DOMCTL_pausedomain, 1), -ERANGE);
    CU_ASSERT_EQUAL(paused, 1);
    for (unsigned i = 0; i < 255; i++)
        CU_ASSERT_EQUAL(call(XEN_DOMCTL_unpausedomain, 1), 0);
    CU_ASSERT_EQUAL(paused, 0);
    finish();
}

static void test_destroy(void)
{
    start();
    kill_result = -ERESTART;
    CU_ASSERT_EQUAL(call(XEN_DOMCTL_destroydomain, 1), -ERESTART);
    CU_ASSERT_EQUAL(fake_hypercall, __HYPERVISOR_domctl);
    CU_ASSERT_EQUAL(fake_hypercall_args[0], guest_address(&op));
    kill_result = 0;
    CU_ASSERT_EQUAL(call(XEN_DOMCTL_destroydomain, 1), 0);
    CU_ASSERT_EQUAL(killed, 2);
    one->dying = DOMAIN_DEAD;
    CU_ASSERT_EQUAL(call(XEN_DOMCTL_max_vcpus, 1), -EINVAL);
    CU_ASSERT_EQUAL(call(XEN_DOMCTL_getdomaininfo, 1), 0);
    CU_ASSERT(op.u.getdomaininfo.flags & XEN_DOMINF_dying);
    finish();
}

static long create(unsigned id, uint32_t flags, uint32_t vcpus, int32_t frames, uint32_t grants)
{
    memset(&op.u, 0, sizeof(op.u));
    op.u.createdomain.flags = flags;
    op.u.createdomain.max_vcpus = vcpus;
    op.u.createdomain.max_grant_frames = frames;
    op.u.createdomain.grant_opts = grants;
    return call(XEN_DOMCTL_createdomain, id);
}

// A hardware-virtualised guest has its local APIC, or all of a PC; a PV guest has nothing.
static void test_emulation(void)
{
    const uint32_t pc = XEN_X86_EMU_ALL & ~XEN_X86_EMU_VPCI;
    unsigned accepted = 0;

    start();
    has_hvm = true;
    for (uint32_t flags = 0; flags <= 0x1000; flags++) {
        memset(&op.u, 0, sizeof(op.u));
        op.u.createdomain = (struct xen_domctl_createdomain){
            .flags = XEN_DOMCTL_CDF_hvm | XEN_DOMCTL_CDF_hap,
            .max_vcpus = 1,
            .max_grant_frames = 4,
            .grant_opts = 1,
            .arch.emulation_flags = flags,
        };
        if (call(XEN_DOMCTL_createdomain, 0))
            continue;
        CU_ASSERT(flags == 1 || flags == pc || flags == (pc & ~XEN_X86_EMU_USE_PIRQ));
        CU_ASSERT_EQUAL(emulation, flags);
        accepted++;
    }
    CU_ASSERT_EQUAL(accepted, 3);
    op.u.createdomain.flags = 0;
    op.u.createdomain.arch.emulation_flags = 1;
    CU_ASSERT_EQUAL(call(XEN_DOMCTL_createdomain, 0), -EINVAL);
    has_hvm = false;
    finish();
}

static int press(struct domain *d, bool sleep)
{
    CU_ASSERT_EQUAL(d->id, 1);
    return sleep ? -EBUSY : 0;
}

static void test_triggers(void)
{
    static const long results[] = {-ENOSYS, -ENOSYS, -ENOSYS, 0, -EBUSY, -ENOSYS};

    start();
    for (unsigned pass = 0; pass < 2; pass++) {
        fake_ops.press_button = pass ? press : NULL;
        for (uint32_t i = 0; i < 6; i++) {
            memset(&op.u, 0, sizeof(op.u));
            op.u.sendtrigger.trigger = i;
            CU_ASSERT_EQUAL(call(XEN_DOMCTL_sendtrigger, 1), pass ? results[i] : -ENOSYS);
        }
    }
    op.u.sendtrigger.vcpu = 100;
    CU_ASSERT_EQUAL(call(XEN_DOMCTL_sendtrigger, 1), -ESRCH);
    fake_ops.press_button = NULL;
    finish();
}

static void test_create(void)
{
    start();
    CU_ASSERT_EQUAL(create(0, XEN_DOMCTL_CDF_hvm, 1, 4, 1), -EINVAL);
    CU_ASSERT_EQUAL(create(0, 0, 0, 4, 1), -EINVAL);
    CU_ASSERT_EQUAL(create(0, 0, MAX_VCPUS + 1, 4, 1), -EINVAL);
    CU_ASSERT_EQUAL(create(0, 0, 1, 0, 1), -EINVAL);
    CU_ASSERT_EQUAL(create(0, 0, 1, 65, 1), -EINVAL);
    CU_ASSERT_EQUAL(create(0, 0, 1, 4, 0), -EINVAL);
    CU_ASSERT_EQUAL(create(0, 0, 1, 4, 3), -EINVAL);
    CU_ASSERT_EQUAL(create(5, 0, 1, 4, 1), -EEXIST);
    CU_ASSERT_EQUAL(created, 0);
    CU_ASSERT_EQUAL(create(9, 0, 1, -1, 2), 0);
    CU_ASSERT_EQUAL(op.domain, 9);
    // Any number but those in use, and not the same again.
    CU_ASSERT_EQUAL(create(0, 0, 1, 4, 1), 0);
    CU_ASSERT_EQUAL(op.domain, 2);
    CU_ASSERT_EQUAL(create(0, 0, 1, 4, 1), 0);
    CU_ASSERT_EQUAL(op.domain, 3);
    finish();
}

static void test_info(void)
{
    start();
    one->vcpus[0]->pause_flags = VPF_BLOCKED;
    one->vcpus[1]->pause_flags = VPF_DOWN;
    CU_ASSERT_EQUAL(call(XEN_DOMCTL_getdomaininfo, 1), 0);
    CU_ASSERT_EQUAL(op.u.getdomaininfo.flags, XEN_DOMINF_blocked);
    CU_ASSERT_EQUAL(op.u.getdomaininfo.nr_online_vcpus, 1);
    CU_ASSERT_EQUAL(op.u.getdomaininfo.max_vcpu_id, 1);
    CU_ASSERT_EQUAL(op.u.getdomaininfo.cpu_time, 10);
    CU_ASSERT_EQUAL(call(XEN_DOMCTL_getdomaininfo, 2), 0); // the next one
    CU_ASSERT_EQUAL(op.domain, 5);
    CU_ASSERT_EQUAL(call(XEN_DOMCTL_getdomaininfo, 6), -ESRCH);
    op.u.getvcpuinfo.vcpu = 2;
    CU_ASSERT_EQUAL(call(XEN_DOMCTL_getvcpuinfo, 1), -EINVAL);
    op.u.getvcpuinfo.vcpu = 1;
    CU_ASSERT_EQUAL(call(XEN_DOMCTL_getvcpuinfo, 1), 0);
    CU_ASSERT_EQUAL(op.u.getvcpuinfo.online, 0);
    finish();
}

static long ports(unsigned first, unsigned n, bool allow)
{
    memset(&op.u, 0, sizeof(op.u));
    op.u.ioport_permission.first_port = first;
    op.u.ioport_permission.nr_ports = n;
    op.u.ioport_permission.allow_access = allow;
    return call(XEN_DOMCTL_ioport_permission, 1);
}

static void test_permissions(void)
{
    start();
    rangeset_add(zero->io_ports, 0x100, 0xffff);
    CU_ASSERT_EQUAL(ports(0xff, 2, true), -EPERM);
    CU_ASSERT_EQUAL(ports(0x100, 0, true), -EINVAL);
    CU_ASSERT_EQUAL(ports(0xffff, 2, true), -EINVAL);
    CU_ASSERT_EQUAL(ports(0x100, ~0u, true), -EINVAL);
    CU_ASSERT_FALSE(rangeset_overlaps(one->io_ports, 0, UINT64_MAX));
    CU_ASSERT_EQUAL(ports(0x3f8, 8, true), 0);
    CU_ASSERT_TRUE(rangeset_contains(one->io_ports, 0x3f8, 0x3ff));
    CU_ASSERT_EQUAL(ports(0x3f9, 1, false), 0);
    CU_ASSERT_FALSE(rangeset_contains(one->io_ports, 0x3f9, 0x3f9));
    rangeset_add(zero->io_memory, 0x1000, 0x1fff);
    op.u.iomem_permission = (struct xen_domctl_iomem_permission){0x1000, 0x1001, 1};
    CU_ASSERT_EQUAL(call(XEN_DOMCTL_iomem_permission, 1), -EPERM);
    op.u.iomem_permission = (struct xen_domctl_iomem_permission){0x1000, 0, 1};
    CU_ASSERT_EQUAL(call(XEN_DOMCTL_iomem_permission, 1), -EINVAL);
    op.u.iomem_permission = (struct xen_domctl_iomem_permission){0x1000, ~0ull, 1};
    CU_ASSERT_EQUAL(call(XEN_DOMCTL_iomem_permission, 1), -EINVAL);
    op.u.memory_mapping = (struct xen_domctl_memory_mapping){0, 0x1000, 1, 1, 0};
    CU_ASSERT_EQUAL(call(XEN_DOMCTL_memory_mapping, 1), -EPERM);
    op.u.iomem_permission = (struct xen_domctl_iomem_permission){0x1000, 0x1000, 1};
    CU_ASSERT_EQUAL(call(XEN_DOMCTL_iomem_permission, 1), 0);
    op.u.memory_mapping = (struct xen_domctl_memory_mapping){0, 0x1000, 1, 1, 0};
    CU_ASSERT_EQUAL(call(XEN_DOMCTL_memory_mapping, 1), 0);
    op.u.irq_permission = (struct xen_domctl_irq_permission){.pirq = 5, .allow_access = 1};
    CU_ASSERT_EQUAL(call(XEN_DOMCTL_irq_permission, 1), -EPERM);
    op.u.irq_permission.pirq = 256;
    CU_ASSERT_EQUAL(call(XEN_DOMCTL_irq_permission, 1), -EINVAL);
    finish();
}

static void test_affinity(void)
{
    uint8_t hard[16] = {0xff}, soft[4] = {0};

    start();
    nr_cpus = 3;
    cpus_online = 7;
    op.u.vcpuaffinity.flags = XEN_VCPUAFFINITY_HARD;
    op.u.vcpuaffinity.cpumap_hard = (struct xenctl_bitmap){hard, 2};
    CU_ASSERT_EQUAL(call(XEN_DOMCTL_setvcpuaffinity, 1), 0);
    CU_ASSERT_EQUAL(one->vcpus[0]->sched.hard_affinity, 3);
    CU_ASSERT_EQUAL(hard[0], 3);
    hard[0] = 0xf8;
    op.u.vcpuaffinity.cpumap_hard.nr_bits = 128;
    CU_ASSERT_EQUAL(call(XEN_DOMCTL_setvcpuaffinity, 1), -EINVAL); // none of them is there
    one->vcpus[0]->sched.hard_affinity = ~0ull;
    memset(hard, 0xff, sizeof(hard));
    CU_ASSERT_EQUAL(call(XEN_DOMCTL_getvcpuaffinity, 1), 0);
    CU_ASSERT_EQUAL(hard[0], 7);
    for (unsigned i = 1; i < sizeof(hard); i++)
        CU_ASSERT_EQUAL(hard[i], 0);
    op.u.vcpuaffinity.flags = XEN_VCPUAFFINITY_HARD | XEN_VCPUAFFINITY_SOFT;
    op.u.vcpuaffinity.cpumap_soft = (struct xenctl_bitmap){soft, 32};
    CU_ASSERT_EQUAL(call(XEN_DOMCTL_setvcpuaffinity, 1), -EINVAL);
    op.u.vcpuaffinity.flags = 0;
    CU_ASSERT_EQUAL(call(XEN_DOMCTL_getvcpuaffinity, 1), -EINVAL);
    op.u.vcpuaffinity.flags = XEN_VCPUAFFINITY_SOFT;
    op.u.vcpuaffinity.cpumap_soft.bitmap = (uint8_t *)FAKE_FAULT_ADDRESS;
    CU_ASSERT_EQUAL(call(XEN_DOMCTL_getvcpuaffinity, 1), -EFAULT);
    nr_cpus = 1;
    cpus_online = 1;
    finish();
}

static void test_context(void)
{
    struct vcpu_guest_context c = {.flags = VGCF_online};

    start();
    one->vcpus[0]->pause_flags = VPF_DOWN;
    op.u.vcpucontext.vcpu = 2;
    op.u.vcpucontext.ctxt = &c;
    CU_ASSERT_EQUAL(call(XEN_DOMCTL_setvcpucontext, 1), -EINVAL);
    op.u.vcpucontext.vcpu = 0;
    context_result = -EINVAL;
    CU_ASSERT_EQUAL(call(XEN_DOMCTL_setvcpucontext, 1), -EINVAL);
    CU_ASSERT_EQUAL(one->vcpus[0]->pause_flags, VPF_DOWN);
    context_result = 0;
    CU_ASSERT_EQUAL(call(XEN_DOMCTL_setvcpucontext, 1), 0);
    CU_ASSERT_EQUAL(one->vcpus[0]->pause_flags, 0);
    c.flags = 0;
    CU_ASSERT_EQUAL(call(XEN_DOMCTL_setvcpucontext, 1), 0);
    CU_ASSERT_EQUAL(one->vcpus[0]->pause_flags, VPF_DOWN);
    CU_ASSERT_EQUAL(call(XEN_DOMCTL_getvcpucontext, 1), -ENODATA);
    CU_ASSERT_EQUAL(paused, 0);
    finish();
}

static void test_xstate(void)
{
    static uint64_t area[200] = {3, 7};

    start();
    one->vcpus[0]->xcr0 = 7;
    CU_ASSERT_EQUAL(call(XEN_DOMCTL_getvcpuextstate, 1), 0);
    CU_ASSERT_EQUAL(op.u.vcpuextstate.size, 16 + 832);
    op.u.vcpuextstate.buffer = area;
    CU_ASSERT_EQUAL(call(XEN_DOMCTL_setvcpuextstate, 1), 0);
    CU_ASSERT_EQUAL(one->vcpus[0]->xcr0, 3);
    CU_ASSERT_EQUAL(call(XEN_DOMCTL_getvcpuextstate, 1), -EINVAL); // it has become smaller
    area[0] = 15;
    CU_ASSERT_EQUAL(call(XEN_DOMCTL_setvcpuextstate, 1), -EINVAL);
    op.u.vcpuextstate.size = 15;
    CU_ASSERT_EQUAL(call(XEN_DOMCTL_setvcpuextstate, 1), -EINVAL);
    op.u.vcpuextstate.size = 16 + 833;
    CU_ASSERT_EQUAL(call(XEN_DOMCTL_setvcpuextstate, 1), -EINVAL);
    finish();
}

static void test_policy(void)
{
    static struct xen_cpuid_leaf leaves[POLICY_LEAVES];
    const struct cpu_view host = {NULL, NULL};
    struct cpu_view view = host;
    uint32_t words[FEATURE_WORDS], n, nr_msrs = 0;
    struct cpuid_regs r;

    start();
    view = (struct cpu_view){one->ops, one->vcpus[0]};
    cpu_view_features(&view, words, FEATURE_WORDS);
    CU_ASSERT_EQUAL(words[1], 1); // without OSXSAVE, which is no feature
    op.u.cpu_policy.leaves = NULL;
    op.u.cpu_policy.msrs = NULL;
    CU_ASSERT_EQUAL(call(XEN_DOMCTL_get_cpu_policy, 1), 0);
    CU_ASSERT_EQUAL(op.u.cpu_policy.nr_leaves, POLICY_LEAVES);
    op.u.cpu_policy.leaves = leaves;
    CU_ASSERT_EQUAL(call(XEN_DOMCTL_get_cpu_policy, 1), 0);
    n = op.u.cpu_policy.nr_leaves;
    for (uint32_t i = 0; i < n; i++)
        CU_ASSERT_TRUE(cpu_policy_leaf_ok(leaves[i].leaf, leaves[i].subleaf));
    op.u.cpu_policy.nr_msrs = 0;
    CU_ASSERT_EQUAL(call(XEN_DOMCTL_set_cpu_policy, 1), 0); // what is given is taken
    for (uint32_t i = 0; i < n; i++)
        if (leaves[i].leaf == 1)
            leaves[i].c = 0;
    CU_ASSERT_EQUAL(call(XEN_DOMCTL_set_cpu_policy, 1), 0);
    r = (struct cpuid_regs){~0u, ~0u, ~0u, ~0u};
    cpu_policy_narrow(one, 1, 0, &r);
    CU_ASSERT_EQUAL(r.c, 1u << 31 | 1u << 27); // there is a hypervisor, and CR4 says OSXSAVE
    CU_ASSERT_EQUAL(r.a, ~0u);
    op.u.cpu_policy.nr_leaves = n - 1;
    CU_ASSERT_EQUAL(call(XEN_DOMCTL_get_cpu_policy, 1), -ENOBUFS);
    leaves[3].leaf = 0x50000000;
    CU_ASSERT_EQUAL(call(XEN_DOMCTL_set_cpu_policy, 1), -ERANGE);
    CU_ASSERT_EQUAL(op.u.cpu_policy.err_leaf, 0x50000000);
    // The host's own list fits, too.
    n = POLICY_LEAVES;
    CU_ASSERT_EQUAL(cpu_view_put(&host, guest_address(leaves), &n, 0, &nr_msrs), 0);
    CU_ASSERT_EQUAL(nr_msrs, POLICY_MSRS);
    finish();
}

int main(void)
{
    static CU_TestInfo tests[] = {
        {"who", test_who},
        {"nonsense", test_nonsense},
        {"upon oneself", test_self},
        {"pause", test_pause},
        {"destroy", test_destroy},
        {"create", test_create},
        {"emulated devices", test_emulation},
        {"triggers", test_triggers},
        {"info", test_info},
        {"permissions", test_permissions},
        {"affinity", test_affinity},
        {"context", test_context},
        {"extended state", test_xstate},
        {"CPU policy", test_policy},
        CU_TEST_INFO_NULL,
    };

    return run_suite("domctl", tests);
}
