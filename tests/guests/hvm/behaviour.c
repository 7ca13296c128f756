// What the hypervisor tells such a guest, events and time.
#include "pv-abi/arch-x86/cpuid.h"
#include "pv-abi/hvm/hvm_op.h"
#include "pv-abi/hvm/params.h"
#include "pv-abi/features.h"
#include "pv-abi/version.h"
#include "tests/guests/hvm/hvm.h"

TEST(cpuid_hypervisor)
{
    struct cpuid_result top = cpuid_native(hypervisor_leaf, 0), own;

    CHECK(cpuid_native(1, 0).c >> 31);
    CHECK(top.a >= hypervisor_leaf + 4);
    CHECK_EQ(cpuid_native(hypervisor_leaf + 1, 0).a, hc(xen_version, XENVER_version, 0));
    CHECK_EQ(cpuid_native(hypervisor_leaf + 2, 0).a, 1);
    own = cpuid_native(hypervisor_leaf + 4, 0);
    CHECK(own.a & 8); // its own number as vCPU
    CHECK_EQ(own.b, 0);
}

// No leaf harms anybody.
TEST(cpuid_all_leaves)
{
    static const uint32_t bases[] = {0, 0x40000000, 0x40000100, 0x80000000, 0x8fffff00, 0xffffff00};

    for (unsigned i = 0; i < ARRAY_SIZE(bases); i++)
        for (uint32_t leaf = 0; leaf < 0x100; leaf++)
            for (uint32_t subleaf = 0; subleaf < 4; subleaf++)
                cpuid_native(bases[i] + leaf, subleaf);
    for (uint32_t subleaf = 0; subleaf < 70; subleaf++)
        cpuid_native(0xd, subleaf);
    CHECK(!(cpuid_native(0x80000001, 0).c & 4)); // no virtualization within
    CHECK(!(cpuid_native(1, 0).c & 8));          // no MONITOR
}

TEST(features)
{
    struct xen_feature_info info = {0};

    CHECK_OK(hc(xen_version, XENVER_get_features, &info));
    CHECK(info.submap >> XENFEAT_auto_translated_physmap & 1);
    CHECK(info.submap >> XENFEAT_hvm_callback_vector & 1);
}

TEST(params_refused)
{
    uint64_t value;

    CHECK_ERR(hvm_param_get(1000, &value), EINVAL);
    CHECK_ERR(hvm_param_get(~0u, &value), EINVAL);
    CHECK_ERR(hvm_param_set(1000, 0), EINVAL);
    CHECK_REFUSED(hvm_param_set(HVM_PARAM_CONSOLE_PFN, 5));
    CHECK_REFUSED(hvm_param_set(HVM_PARAM_STORE_PFN, 5));
    CHECK_REFUSED(hvm_param_set(HVM_PARAM_IDENT_PT, 5));
    CHECK_OK(hvm_param_get(HVM_PARAM_STORE_PFN, &value));
    CHECK(value > 5);
}

TEST(events_self)
{
    unsigned a, b, seen;

    port_pair(&a, &b);
    seen = event_count[a];
    CHECK_OK(port_send(b));
    CHECK(event_wait(a, seen, NS_PER_S));
    CHECK_EQ(event_count[a], seen + 1);
    port_close(a);
    port_close(b);
}

TEST(events_flag)
{
    long port = port_bind_ipi(0);
    unsigned seen;

    REQUIRE(port > 0);
    seen = event_count[port];
    events_disable();
    CHECK_OK(port_send((unsigned)port));
    time_spin(NS_PER_MS);
    CHECK_EQ(event_count[port], seen);
    events_enable();
    CHECK(event_wait((unsigned)port, seen, NS_PER_S));
    port_close((unsigned)port);
}

static long set_own_vector(uint32_t vcpu, uint8_t vector)
{
    struct xen_hvm_evtchn_upcall_vector op = {.vcpu = vcpu, .vector = vector};

    return hc(hvm_op, HVMOP_set_evtchn_upcall_vector, &op);
}

TEST(events_own_vector_refused)
{
    CHECK_ERR(set_own_vector(0, 15), EINVAL);
    CHECK_ERR(set_own_vector(1000, 0x50), ENOENT);
    CHECK_ERR(set_own_vector(~0u, 0x50), ENOENT);
}

TEST(timer_virq)
{
    for (unsigned i = 1; i <= 5; i++) {
        unsigned seen = event_count[timer_port];
        uint64_t until = time_now() + i * NS_PER_MS;

        CHECK_OK(hc(set_timer_op, until));
        CHECK(event_wait(timer_port, seen, NS_PER_S));
        CHECK(time_now() + 100000 >= until);
    }
}

TEST(timer_wakes_from_halt)
{
    uint64_t start = time_now();

    events_sleep(5 * NS_PER_MS);
    CHECK(time_now() - start >= 4 * NS_PER_MS);
    CHECK(interrupts_on());
}

TEST(clock_goes_forward)
{
    uint64_t last = time_now();

    for (unsigned i = 0; i < 20000; i++) {
        uint64_t now = time_now();

        if (!CHECK(now >= last))
            break;
        last = now;
    }
}
