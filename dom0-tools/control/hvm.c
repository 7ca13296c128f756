#include "control/hvm.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "pv-abi/hvm/hvm_op.h"
#include "pv-abi/hvm/save.h"

static int param_op(struct control *control, domid_t domain, uint64_t what, uint32_t index,
                    uint64_t *value)
{
    struct xen_hvm_param *p = control_buffer(control, sizeof(*p));
    uint64_t arguments[5] = {what, (uintptr_t)p};
    long rc;

    if (!p)
        return -ENOMEM;
    *p = (struct xen_hvm_param){.domid = domain, .index = index, .value = *value};
    rc = control_hypercall(control, __HYPERVISOR_hvm_op, arguments);
    *value = p->value;
    control_buffer_free(control, p, sizeof(*p));
    return (int)rc;
}

int control_hvm_set_param(struct control *control, domid_t domain, uint32_t index, uint64_t value)
{
    return param_op(control, domain, HVMOP_set_param, index, &value);
}

int control_hvm_get_param(struct control *control, domid_t domain, uint32_t index, uint64_t *value)
{
    *value = 0;
    return param_op(control, domain, HVMOP_get_param, index, value);
}

// Asked without a buffer, the hypervisor says how much there is.
int control_hvm_get_context(struct control *control, domid_t domain, uint8_t **out, size_t *len)
{
    struct xen_domctl op = {.cmd = XEN_DOMCTL_gethvmcontext, .domain = domain};
    int rc = control_domctl(control, &op);
    size_t room = op.u.hvmcontext.size;
    uint8_t *buffer = rc ? NULL : control_buffer(control, room);

    if (rc)
        return rc;
    op.u.hvmcontext.buffer = buffer;
    rc = buffer ? control_domctl(control, &op) : -ENOMEM;
    *len = op.u.hvmcontext.size;
    *out = rc || *len > room ? NULL : malloc(*len);
    if (*out)
        memcpy(*out, buffer, *len);
    else if (!rc)
        rc = -ENOMEM;
    control_buffer_free(control, buffer, room);
    return rc;
}

int control_hvm_set_context(struct control *control, domid_t domain, const void *records,
                            size_t len)
{
    struct xen_domctl op = {.cmd = XEN_DOMCTL_sethvmcontext, .domain = domain};
    uint8_t *buffer = control_buffer(control, len);
    int rc;

    if (!buffer)
        return -ENOMEM;
    memcpy(buffer, records, len);
    op.u.hvmcontext.buffer = buffer;
    op.u.hvmcontext.size = (uint32_t)len;
    rc = control_domctl(control, &op);
    control_buffer_free(control, buffer, len);
    return rc;
}

int control_hvm_set_rax(void *records, size_t len, unsigned vcpu, uint64_t rax)
{
    uint8_t *at = records, *end = at + len;
    struct hvm_save_descriptor d;

    for (; (size_t)(end - at) >= sizeof(d); at += d.length) {
        memcpy(&d, at, sizeof(d));
        at += sizeof(d);
        if (d.length > (size_t)(end - at))
            break;
        if (d.typecode != HVM_SAVE_CODE(CPU) || d.instance != vcpu ||
            d.length < HVM_SAVE_LENGTH(CPU))
            continue;
        memcpy(at + offsetof(struct hvm_hw_cpu, rax), &rax, sizeof(rax));
        return 0;
    }
    return -ENOENT;
}
