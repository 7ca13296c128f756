#include "core/vm_assist.h"

#include "core/hypercall_table.h"
#include "lib/errno.h"

long do_vm_assist(unsigned cmd, unsigned type)
{
    struct domain *d = current->domain;

    if (type >= 64 || !(d->ops->vm_assists >> type & 1))
        return -EINVAL;
    switch (cmd) {
    case VMASST_CMD_enable:
        bit_set(&d->vm_assist, type);
        return 0;
    case VMASST_CMD_disable:
        bit_clear(&d->vm_assist, type);
        return 0;
    default:
        return -ENOSYS;
    }
}
