// What a kernel in real mode would have asked the BIOS. The boot loader hands over nothing of it
// but the BIOS data area; the answers about disks and monitors are that there are none known.
#include "core/platform_op.h"

#include "lib/errno.h"
#include "mm/layout.h"

#define KEYBOARD_FLAGS_MADDR 0x417 // BIOS data area

int platform_firmware_info(struct xen_platform_op *op)
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
