// HYPERVISOR_hvm_op: the parameters of an HVM domain, by which its tools and it agree on where
// things are; and the page of hypercall stubs.
#include "core/guest_frame.h"
#include "core/hypercall_table.h"
#include "core/permissions.h"
#include "cpu/time.h"
#include "hvm/hvm.h"
#include "hvm/irq.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "mm/guest.h"
#include "pv-abi/hvm/hvm_op.h"
#include "pv-abi/hypercalls.h"
#include "pv-abi/sched.h"

#define FIRST_VECTOR 16
#define STUB_BYTES   32

// What a guest may set of its own; the rest is its tools'.
static bool is_guests(uint32_t index)
{
    return index == HVM_PARAM_CALLBACK_IRQ || index == HVM_PARAM_VM86_TSS ||
           index == HVM_PARAM_VM86_TSS_SIZED || index == HVM_PARAM_ACPI_S_STATE ||
           index == HVM_PARAM_ACPI_IOPORTS_LOCATION || index == HVM_PARAM_VM_GENERATION_ID_ADDR ||
           index == HVM_PARAM_STORE_EVTCHN || index == HVM_PARAM_CONSOLE_EVTCHN ||
           index == HVM_PARAM_X87_FIP_WIDTH;
}

// Events come by a vector, or by a line where there are interrupt controllers that it could go to.
static int set_callback(struct hvm_domain *d, uint64_t value)
{
    bool is_vector = value >> 56 == HVM_PARAM_CALLBACK_TYPE_VECTOR;
    int rc;

    if (value >> 56 > HVM_PARAM_CALLBACK_TYPE_VECTOR || (!d->platform && value && !is_vector))
        return -EOPNOTSUPP;
    if (is_vector && (uint8_t)value < FIRST_VECTOR)
        return -EINVAL;
    rc = hvm_callback_line(&d->d, is_vector ? 0 : value);
    if (!rc)
        d->callback_vector = is_vector ? (uint8_t)value : 0;
    return rc;
}

static int set_param(struct hvm_domain *d, const struct xen_hvm_param *p)
{
    int rc = 0;

    if (&d->d == current->domain && !is_guests(p->index))
        return -EPERM;
    if (p->index == HVM_PARAM_TRIPLE_FAULT_REASON && p->value > SHUTDOWN_MAX)
        return -EINVAL;
    spin_lock(&d->d.lock);
    if (p->index == HVM_PARAM_CALLBACK_IRQ)
        rc = set_callback(d, p->value);
    else if ((p->index == HVM_PARAM_STORE_EVTCHN || p->index == HVM_PARAM_CONSOLE_EVTCHN) &&
             d->params[p->index] && d->params[p->index] != p->value && &d->d == current->domain)
        rc = -EEXIST;
    if (!rc)
        d->params[p->index] = p->value;
    spin_unlock(&d->d.lock);
    return rc;
}

static long param_op(unsigned cmd, uint64_t arg)
{
    struct xen_hvm_param p;
    struct domain *d;
    int rc;

    if (copy_from_guest(&p, arg, sizeof(p)))
        return -EFAULT;
    if (p.index >= HVM_NR_PARAMS)
        return -EINVAL;
    p.index = (uint32_t)index_nospec(p.index, HVM_NR_PARAMS);
    rc = permit_domain(PERMIT_hvm_param, p.domid, &d);
    if (rc)
        return rc;
    if (d->ops->kind != GUEST_HVM) {
        rc = -EINVAL;
    } else if (cmd == HVMOP_set_param) {
        rc = set_param(to_hvmd(d), &p);
    } else {
        p.value = to_hvmd(d)->params[p.index];
        rc = copy_to_guest(arg, &p, sizeof(p));
    }
    domain_put(d);
    return rc;
}

static long set_upcall_vector(uint64_t arg)
{
    struct xen_hvm_evtchn_upcall_vector u;
    struct domain *d = current->domain;
    struct vcpu *v;

    if (copy_from_guest(&u, arg, sizeof(u)))
        return -EFAULT;
    v = domain_vcpu(d, u.vcpu);
    if (d->ops->kind != GUEST_HVM || u.vector < FIRST_VECTOR)
        return -EINVAL;
    if (!v)
        return -ENOENT;
    to_hvm(v)->upcall_vector = u.vector;
    return 0;
}

static long get_time(uint64_t arg)
{
    const struct xen_hvm_get_time t = {.now = (uint64_t)time_now()};

    return copy_to_guest(arg, &t, sizeof(t));
}

long do_hvm_op(unsigned cmd, uint64_t arg)
{
    switch (cmd) {
    case HVMOP_set_param:
    case HVMOP_get_param:
        return param_op(cmd, arg);
    case HVMOP_set_evtchn_upcall_vector:
        return set_upcall_vector(arg);
    case HVMOP_get_time:
        return get_time(arg);
    case HVMOP_flush_tlbs: // nothing of a guest's page tables is kept
    case HVMOP_pagetable_dying:
        return arg && cmd == HVMOP_flush_tlbs ? -EINVAL : 0;
    default:
        return -ENOSYS;
    }
}

// mov $n, %eax; VMCALL or VMMCALL; ret
static void fill_stubs(uint8_t *page)
{
    memset(page, 0xcc, PAGE_SIZE);
    for (uint32_t n = 0; n < PAGE_SIZE / STUB_BYTES; n++, page += STUB_BYTES) {
        page[0] = 0xb8;
        memcpy(page + 1, &n, sizeof(n));
        memcpy(page + 5, hvm_ops->hypercall_insn, 3);
        page[8] = 0xc3;
    }
}

bool hvm_install_hypercall_page(uint64_t value)
{
    struct frame *f;
    void *page;

    if ((value & ~PAGE_MASK) || guest_area_get(current->domain, value >> PAGE_SHIFT, &f, &page))
        return false;
    fill_stubs(page);
    guest_area_put(f);
    return true;
}
