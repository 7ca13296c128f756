// Domain 0 as keeper of the platform.
#include "core/platform_op.h"

#include "core/domain.h"
#include "core/hypercall_table.h"
#include "core/permissions.h"
#include "core/pv_time.h"
#include "lib/bits.h"
#include "lib/errno.h"
#include "lib/log.h"
#include "lib/string.h"
#include "lib/symbols.h"
#include "mm/guest.h"
#include "mm/layout.h"
#include "platform/acpi.h"
#include "platform/reset.h"

#define ACPI_S5              5
#define KEYBOARD_FLAGS_MADDR 0x417 // BIOS data area

static int op_settime64(struct xen_platform_op *op)
{
    const struct xenpf_settime64 *t = &op->u.settime64;

    // Seconds that nanoseconds since 1970 cannot hold are no time of day.
    if (t->mbz || t->secs > (uint64_t)INT64_MAX / 2000000000)
        return -EINVAL;
    wallclock_set((int64_t)t->secs, t->nsecs, (nsec_t)t->system_time);
    return 0;
}

// What a kernel in real mode would have asked the BIOS. The boot loader hands over nothing of it
// but the BIOS data area; the answers about disks and monitors are that there are none known.
static int op_firmware_info(struct xen_platform_op *op)
{
    struct xenpf_firmware_info *info = &op->u.firmware_info;

    switch (info->type) {
    case XEN_FW_DISK_INFO:
    case XEN_FW_DISK_MBR_SIGNATURE:
    case XEN_FW_VBEDDC_INFO:
        return -ESRCH;
    case XEN_FW_KBD_SHIFT_FLAGS:
        if (info->index != 0)
            return -ESRCH;
        info->u.kbd_shift_flags = *(const volatile uint8_t *)maddr_to_virt(KEYBOARD_FLAGS_MADDR);
        return 0;
    case XEN_FW_EFI_INFO:
        return -ENOSYS;
    default:
        return -EINVAL;
    }
}

static int op_enter_sleep(struct xen_platform_op *op)
{
    const struct xenpf_enter_acpi_sleep *s = &op->u.enter_acpi_sleep;
    bool extended = s->flags & XENPF_ACPI_SLEEP_EXTENDED;

    if ((s->flags & ~XENPF_ACPI_SLEEP_EXTENDED) || s->sleep_state < 1 || s->sleep_state > ACPI_S5)
        return -EINVAL;
    if (s->sleep_state != ACPI_S5)
        return -EOPNOTSUPP; // no CPU state is kept for a way back
    log_info("Domain 0 switches the machine off\n");
    return machine_sleep(s->val_a, s->val_b, extended);
}

static int op_get_symbol(struct xen_platform_op *op)
{
    struct xenpf_symdata *s = &op->u.symdata;
    const char *name;
    uint32_t bytes;

    if (!symbol_by_index(s->symnum, &s->address, &name)) {
        if (s->symnum && !symbol_by_index(s->symnum - 1, &s->address, &name))
            return -ERANGE;
        s->namelen = 0;
        return copy_to_guest((uint64_t)s->name, "", 1);
    }
    bytes = (uint32_t)strlen(name) + 1;
    if (copy_to_guest((uint64_t)s->name, name, MIN(bytes, s->namelen)))
        return -EFAULT;
    s->namelen = bytes;
    s->type = 't';
    s->symnum++;
    return 0;
}

static const struct {
    int (*fn)(struct xen_platform_op *op);
    bool result; // the argument is written back
} ops[] = {
    [XENPF_settime64] = {op_settime64, false},
    [XENPF_firmware_info] = {op_firmware_info, true},
    [XENPF_enter_acpi_sleep] = {op_enter_sleep, false},
    [XENPF_set_processor_pminfo] = {platform_set_pminfo, false},
    [XENPF_get_cpuinfo] = {platform_get_cpuinfo, true},
    [XENPF_get_cpu_version] = {platform_get_cpu_version, true},
    [XENPF_cpu_online] = {platform_cpu_online, false},
    [XENPF_cpu_offline] = {platform_cpu_offline, false},
    [XENPF_get_symbol] = {op_get_symbol, true},
    // Not done: memory types (a guest's page tables choose by PAT), microcode, EFI's runtime
    // services, frequency control, parking of cores, hot-plug of CPUs and memory, cache monitoring.
};

long do_platform_op(uint64_t uop)
{
    struct xen_platform_op op;
    size_t cmd;
    long rc;

    if (copy_from_guest(&op, uop, sizeof(op)))
        return -EFAULT;
    if (op.interface_version != XENPF_INTERFACE_VERSION)
        return -EACCES;
    if (permit(PERMIT_platform_op, NULL))
        return -EPERM;
    if (op.cmd >= ARRAY_SIZE(ops))
        return -ENOSYS;
    cmd = index_nospec(op.cmd, ARRAY_SIZE(ops));
    if (!ops[cmd].fn)
        return -ENOSYS;
    rc = ops[cmd].fn(&op);
    if (rc >= 0 && ops[cmd].result && copy_to_guest(uop, &op, sizeof(op)))
        rc = -EFAULT;
    return rc;
}
