// HYPERVISOR_update_va_mapping: a store to the L1 entry that maps an address, and TLB flushes on
// behalf of the guest.
#include "core/hypercall_table.h"
#include "mm/guest.h"
#include "mm/tlb.h"
#include "pv/flush.h"
#include "pv/mmu.h"
#include "pv/pt.h"

static int update_va(uint64_t va, uint64_t val, uint32_t table_owner, const struct pt_view *view)
{
    struct frame *table;
    uint64_t *p;
    int rc;

    if (unlikely(!pv_address_ok(va)))
        return -EINVAL;
    p = pt_walk(va, &table);
    if (unlikely(!p || !l1_lock(table, table_owner)))
        return -EINVAL;
    rc = l1e_update(p, val, false, view);
    frame_unlock(table);
    return rc;
}

static int flush(uint64_t va, uint64_t flags)
{
    cpumask_t mask;
    int rc;

    if (!(flags & UVMF_FLUSHTYPE_MASK))
        return 0;
    if (flags == (UVMF_INVLPG | UVMF_LOCAL)) {
        pv_invlpg(va);
        return 0;
    }
    if (!(flags & ~(uint64_t)UVMF_FLUSHTYPE_MASK)) {
        mask = cpumask_of(this_cpu());
    } else if ((flags & ~(uint64_t)UVMF_FLUSHTYPE_MASK) == UVMF_ALL) {
        mask = current->domain->mem.dirty_cpus;
    } else {
        rc = pv_flush_mask(flags & ~(uint64_t)UVMF_FLUSHTYPE_MASK, &mask);
        if (rc)
            return rc;
    }
    if ((flags & UVMF_FLUSHTYPE_MASK) == UVMF_TLB_FLUSH)
        tlb_flush_mask(mask);
    else if ((flags & UVMF_FLUSHTYPE_MASK) == UVMF_INVLPG && pv_address_ok(va))
        tlb_flush_mask_one(mask, va);
    return 0;
}

long do_update_va_mapping(uint64_t va, uint64_t val, uint64_t flags)
{
    const struct pt_view *view = &to_pvd(current->domain)->self;
    int rc = update_va(va, val, view->id, view);
    int flushed = flush(va, flags);

    return rc ? rc : flushed;
}

long do_update_va_mapping_otherdomain(uint64_t va, uint64_t val, uint64_t flags, unsigned dom)
{
    struct pt_view view;
    struct domain *from;
    int rc = pt_domain_get(dom, &from), flushed;

    if (rc)
        return rc;
    pt_view_init(&view, current->domain, from);
    rc = update_va(va, val, frame_owner_id(view.owner), &view);
    pt_domain_put(from);
    flushed = flush(va, flags);
    return rc ? rc : flushed;
}

int pv_flush_mask(uint64_t vcpu_bitmap, cpumask_t *mask)
{
    struct domain *d = current->domain;
    uint8_t bits[MAX_VCPUS / 8] = {0};
    struct vcpu *v;

    *mask = 0;
    if (copy_from_guest(bits, vcpu_bitmap, DIV_ROUND_UP(d->max_vcpus, 8u)))
        return -EFAULT;
    for_each_vcpu (d, v)
        if ((bits[v->id / 8] >> (v->id % 8) & 1) && to_pv(v)->loaded_on >= 0)
            // Not v->cpu: that may be where it is to run next, which begins with a flush anyway.
            *mask |= cpumask_of(to_pv(v)->loaded_on);
    // Where a vCPU's CPU holds nothing of the domain there is nothing to flush.
    *mask &= d->mem.dirty_cpus;
    return 0;
}
