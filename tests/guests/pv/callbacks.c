// HYPERVISOR_callback_op, set_callbacks, nmi_op: where the hypervisor enters the guest.
#include "pv-abi/callback.h"
#include "pv-abi/nmi.h"
#include "pv-abi/vcpu.h"

#include "tests/guests/common/guest.h"

#define NOT_CANONICAL 0x8000000000000000

static long reg(unsigned type, uint64_t address, unsigned flags)
{
    struct callback_register callback = {0};

    callback.type = (uint16_t)type;
    callback.flags = (uint16_t)flags;
    callback.address = address;
    return hc(callback_op, CALLBACKOP_register, &callback);
}

static long unreg(unsigned type)
{
    struct callback_unregister callback = {.type = (uint16_t)type};

    return hc(callback_op, CALLBACKOP_unregister, &callback);
}

TEST(callback_register)
{
    static const unsigned types[] = {CALLBACKTYPE_event,    CALLBACKTYPE_failsafe,
                                     CALLBACKTYPE_syscall,  CALLBACKTYPE_nmi,
                                     CALLBACKTYPE_sysenter, CALLBACKTYPE_syscall32};

    for (unsigned i = 0; i < ARRAY_SIZE(types); i++) {
        CHECK_ERR(reg(types[i], NOT_CANONICAL, 0), EINVAL);
        CHECK_ERR(reg(types[i], 0x0000800000000000, 0), EINVAL);
    }
    CHECK_OK(reg(CALLBACKTYPE_sysenter, (uint64_t)entry_sysenter, CALLBACKF_mask_events));
    CHECK_OK(reg(CALLBACKTYPE_syscall32, (uint64_t)entry_sysenter, CALLBACKF_mask_events));
    CHECK_OK(reg(CALLBACKTYPE_nmi, (uint64_t)entry_nmi, 0));
    CHECK_ERR(reg(6, (uint64_t)entry_nmi, 0), ENOSYS);
    CHECK_ERR(reg(8, (uint64_t)entry_nmi, 0), ENOSYS);
    CHECK_ERR(reg(0xffff, (uint64_t)entry_nmi, 0), ENOSYS);
    trap_restore();
}

TEST(callback_unregister)
{
    CHECK_ERR(unreg(CALLBACKTYPE_event), EINVAL);
    CHECK_ERR(unreg(CALLBACKTYPE_failsafe), EINVAL);
    CHECK_ERR(unreg(CALLBACKTYPE_syscall), EINVAL);
    CHECK_ERR(unreg(CALLBACKTYPE_sysenter), EINVAL);
    CHECK_OK(unreg(CALLBACKTYPE_nmi));
    CHECK_OK(unreg(CALLBACKTYPE_nmi));
    CHECK_ERR(unreg(6), ENOSYS);
    CHECK_ERR(unreg(0xffff), ENOSYS);
    trap_restore();
}

TEST(callback_hostile)
{
    CHECK_EFAULT_ALL(hc(callback_op, CALLBACKOP_register, bad));
    CHECK_EFAULT_ALL(hc(callback_op, CALLBACKOP_unregister, bad));
    CHECK_ERR(hc(callback_op, 2, 0), ENOSYS);
    CHECK_ERR(hc(callback_op, 0xffffffff, 0), ENOSYS);
}

static bool event_arrives(void)
{
    unsigned a, b, seen;
    bool arrived;

    port_pair(&a, &b);
    seen = event_count[b];
    CHECK_OK(port_send(a));
    arrived = event_count[b] == seen + 1;
    CHECK_OK(port_close(a));
    CHECK_OK(port_close(b));
    return arrived;
}

// The old call that sets three of them at once. It has no errors: what is bad is passed over.
TEST(callback_set_callbacks)
{
    CHECK_OK(hc(set_callbacks, entry_event, entry_failsafe, entry_syscall));
    CHECK(event_arrives());
    CHECK_OK(hc(set_callbacks, NOT_CANONICAL, entry_failsafe, entry_syscall));
    CHECK(event_arrives());
    CHECK_OK(hc(set_callbacks, entry_event, NOT_CANONICAL, NOT_CANONICAL));
    CHECK(event_arrives());
    trap_restore();
}

// The upcall finds events masked, and whoever it interrupted had them on.
static uint8_t upcall_mask;

static void look_at_mask(void)
{
    upcall_mask = vcpu_info_of(0)->evtchn_upcall_mask;
    events_scan_two_level();
}

TEST(callback_event_masks_events)
{
    unsigned a, b;

    port_pair(&a, &b);
    events_scan_hook = look_at_mask;
    upcall_mask = 99;
    CHECK_OK(port_send(a));
    CHECK_EQ(upcall_mask, 1);
    CHECK_EQ(vcpu_info_of(0)->evtchn_upcall_mask, 0);
    events_scan_hook = NULL;
    CHECK_OK(port_close(a));
    CHECK_OK(port_close(b));
}

// NMIs

static volatile unsigned nmis;

static bool count_nmi(struct regs *regs)
{
    if (regs->vector != VEC_NMI)
        return false;
    nmis++;
    return true;
}

TEST(callback_nmi)
{
    struct xennmi_callback nmi = {.handler_address = (uint64_t)entry_nmi};

    trap_hook = count_nmi;
    nmis = 0;
    CHECK_OK(vcpu_op(VCPUOP_send_nmi, 0, NULL));
    CHECK_EQ(nmis, 1);
    CHECK_OK(vcpu_op(VCPUOP_send_nmi, 0, NULL));
    CHECK_EQ(nmis, 2);
    // Masked events do not hold it back.
    events_disable();
    CHECK_OK(vcpu_op(VCPUOP_send_nmi, 0, NULL));
    CHECK_EQ(nmis, 3);
    CHECK_EQ(vcpu_info_of(0)->evtchn_upcall_mask, 1);
    events_enable();
    // Without a callback it goes nowhere.
    CHECK_OK(hc(nmi_op, XENNMI_unregister_callback, 0));
    CHECK_OK(hc(nmi_op, XENNMI_register_callback, &nmi));
    CHECK_OK(vcpu_op(VCPUOP_send_nmi, 0, NULL));
    CHECK_EQ(nmis, 4);
    CHECK_ERR(vcpu_op(VCPUOP_send_nmi, 4096, NULL), ENOENT);
}

TEST(callback_nmi_hostile)
{
    struct xennmi_callback nmi = {.handler_address = NOT_CANONICAL};

    CHECK_ERR(hc(nmi_op, XENNMI_register_callback, &nmi), EINVAL);
    CHECK_EFAULT_ALL(hc(nmi_op, XENNMI_register_callback, bad));
    CHECK_ERR(hc(nmi_op, 2, &nmi), ENOSYS);
    CHECK_ERR(hc(nmi_op, 0xffffffff, &nmi), ENOSYS);
    trap_restore();
}
