// Domain control: what is known of a domain, and bitmaps in the caller's memory.
#include "core/domctl.h"
#include "core/sched.h"
#include "lib/bits.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "mm/guest.h"

static uint32_t life_flags(const struct domain *d)
{
    return (d->dying == DOMAIN_DEAD ? XEN_DOMINF_dying : 0) |
           (d->xs_domain ? XEN_DOMINF_xs_domain : 0) | (d->shut_down ? XEN_DOMINF_shutdown : 0) |
           (d->control_paused ? XEN_DOMINF_paused : 0) |
           (d->ops->kind == GUEST_HVM ? XEN_DOMINF_hvm_guest | XEN_DOMINF_hap : 0) |
           (uint32_t)d->shutdown_code << XEN_DOMINF_shutdownshift;
}

static void describe_vcpus(struct domain *d, struct xen_domctl_getdomaininfo *info)
{
    uint32_t flags = XEN_DOMINF_blocked;
    struct vcpu_runstate_info r;
    struct vcpu *v;

    for_each_vcpu (d, v) {
        vcpu_runstate_get(v, &r);
        info->cpu_time += r.time[RUNSTATE_running];
        info->max_vcpu_id = v->id;
        if (v->pause_flags & VPF_DOWN)
            continue;
        info->nr_online_vcpus++;
        if (!(v->pause_flags & VPF_WAITING))
            flags &= ~XEN_DOMINF_blocked;
        if (v->running)
            flags |= XEN_DOMINF_running;
    }
    if (info->nr_online_vcpus)
        info->flags |= flags;
}

void domctl_describe(struct domain *d, struct xen_domctl_getdomaininfo *info)
{
    memset(info, 0, sizeof(*info));
    info->domain = d->id;
    info->max_vcpu_id = XEN_INVALID_MAX_VCPU_ID;
    info->flags = life_flags(d);
    describe_vcpus(d, info);
    info->tot_pages = d->mem.nr_pages;
    info->max_pages = d->mem.max_pages;
    info->outstanding_pages = d->mem.claimed_pages;
    info->shared_info_frame = virt_to_mfn(d->shared_info);
    info->ssidref = d->ssidref;
    memcpy(info->handle, d->handle, sizeof(info->handle));
}

int domctl_get_bitmap(const struct xenctl_bitmap *from, uint64_t *bits, unsigned nr_bits)
{
    unsigned n = MIN(from->nr_bits, nr_bits);

    *bits = 0;
    if (copy_from_guest(bits, (uint64_t)from->bitmap, DIV_ROUND_UP(n, 8)))
        return -EFAULT;
    if (n < 64)
        *bits &= (1ull << n) - 1;
    return 0;
}

int domctl_put_bitmap(const struct xenctl_bitmap *to, uint64_t bits, unsigned nr_bits)
{
    unsigned bytes = DIV_ROUND_UP(MIN(to->nr_bits, nr_bits), 8);
    unsigned room = to->nr_bits / 8 + !!(to->nr_bits % 8);

    if (nr_bits < 64)
        bits &= (1ull << nr_bits) - 1;
    if (to->nr_bits < 64)
        bits &= (1ull << to->nr_bits) - 1;
    if (copy_to_guest((uint64_t)to->bitmap, &bits, bytes) ||
        clear_guest((uint64_t)to->bitmap + bytes, room - bytes))
        return -EFAULT;
    return 0;
}
