// HYPERVISOR_mmuext_op: pinning of page tables, root tables, TLB and cache flushes, and the rest.
#include "core/hypercall.h"
#include "core/hypercall_table.h"
#include "cpu/asm.h"
#include "cpu/smp.h"
#include "lib/log.h"
#include "lib/string.h"
#include "mm/guest.h"
#include "mm/tlb.h"
#include "pv/desc.h"
#include "pv/flush.h"
#include "pv/mmu.h"
#include "pv/pt.h"

#define BATCH 4 // operations read from the guest at once

static int pin(mfn_t mfn, enum frame_type type, struct domain *d)
{
    struct frame *f;
    int rc;

    if (!mfn_valid(mfn) || d->ops == NULL || d->ops->kind != GUEST_PV)
        return -EINVAL;
    f = mfn_to_frame(mfn);
    if (!frame_get(f, d))
        return -EINVAL;
    rc = frame_get_type(f, type, true);
    if (rc) {
        if (rc == -ERESTART && unlikely(d->mem.closed) && !frame_type_abort(f))
            rc = -EINVAL; // the domain is being cleared away: nobody would finish it
        frame_put(f);
        return rc;
    }
    if (__atomic_fetch_or(&f->state, FS_PINNED, __ATOMIC_SEQ_CST) & FS_PINNED) {
        frame_put_and_type(f);
        return -EINVAL;
    }
    // Whoever clears the bit drops the references; so nothing is left of a pin that came too late.
    if (unlikely(d->mem.closed) &&
        (__atomic_fetch_and(&f->state, ~FS_PINNED, __ATOMIC_SEQ_CST) & FS_PINNED))
        frame_put_and_type(f);
    return 0;
}

static int unpin(struct pv_vcpu *v, mfn_t mfn, struct domain *d)
{
    struct frame *f = mfn_to_frame(mfn);

    if (!mfn_valid(mfn) || !frame_get(f, d))
        return -EINVAL;
    if (!(__atomic_fetch_and(&f->state, ~FS_PINNED, __ATOMIC_SEQ_CST) & FS_PINNED)) {
        frame_put(f);
        return -EINVAL;
    }
    if (frame_put_and_type_preemptible(f))
        pt_park(v, f);
    frame_put(f);
    return 0;
}

static int flush_vcpus(const struct mmuext_op *op, bool one)
{
    cpumask_t mask;

    if (pv_flush_mask((uint64_t)op->arg2.vcpumask, &mask))
        return -EINVAL; // as the ABI has it, not -EFAULT
    if (!one)
        tlb_flush_mask(mask);
    else if (pv_address_ok(op->arg1.linear_addr))
        tlb_flush_mask_one(mask, op->arg1.linear_addr);
    return 0;
}

static void wbinvd_call(void *unused)
{
    wbinvd();
}

static int flush_cache(bool everywhere)
{
    if (!pt_may_choose_cache(current->domain))
        return -EACCES;
    if (everywhere)
        smp_call(cpus_online, wbinvd_call, NULL);
    else
        wbinvd();
    return 0;
}

// A frame of d, held writable while the hypervisor writes to it. NULL: it may not be.
static void *writable_page(mfn_t mfn, struct domain *d)
{
    if (!mfn_valid(mfn) || !frame_get_writable(mfn_to_frame(mfn), frame_owner_id(d)))
        return NULL;
    return mfn_to_virt(mfn);
}

static void page_written(mfn_t mfn)
{
    frame_mark_dirty(mfn_to_frame(mfn));
    frame_put_and_type(mfn_to_frame(mfn));
}

static int clear_page(mfn_t mfn, struct domain *d)
{
    void *page = writable_page(mfn, d);

    if (!page)
        return -EINVAL;
    memset(page, 0, PAGE_SIZE);
    page_written(mfn);
    return 0;
}

static int copy_page(mfn_t to, mfn_t from, struct domain *d)
{
    void *page;

    if (!mfn_valid(from) || !frame_get(mfn_to_frame(from), d))
        return -EINVAL;
    page = writable_page(to, d);
    if (page) {
        memcpy(page, mfn_to_virt(from), PAGE_SIZE);
        page_written(to);
    }
    frame_put(mfn_to_frame(from));
    return page ? 0 : -EINVAL;
}

// Operations on the frames of d.
static int frame_op(struct pv_vcpu *v, const struct mmuext_op *op, struct domain *d)
{
    switch (op->cmd) {
    case MMUEXT_PIN_L1_TABLE:
    case MMUEXT_PIN_L2_TABLE:
    case MMUEXT_PIN_L3_TABLE:
    case MMUEXT_PIN_L4_TABLE:
        return pin(op->arg1.mfn, (enum frame_type)(FT_L1 + (op->cmd - MMUEXT_PIN_L1_TABLE)), d);
    case MMUEXT_UNPIN_TABLE:
        return unpin(v, op->arg1.mfn, d);
    case MMUEXT_CLEAR_PAGE:
        return clear_page(op->arg1.mfn, d);
    case MMUEXT_COPY_PAGE:
        return copy_page(op->arg1.mfn, op->arg2.src_mfn, d);
    case MMUEXT_MARK_SUPER:
    case MMUEXT_UNMARK_SUPER:
        return -EOPNOTSUPP;
    default:
        return -ENOSYS;
    }
}

// Operations on the caller's own processor state.
static int cpu_op(struct pv_vcpu *v, const struct mmuext_op *op)
{
    switch (op->cmd) {
    case MMUEXT_NEW_BASEPTR:
        return pt_new_root(v, op->arg1.mfn);
    case MMUEXT_NEW_USER_BASEPTR:
        return pt_new_user_root(v, op->arg1.mfn);
    case MMUEXT_TLB_FLUSH_LOCAL:
        tlb_flush_local_global();
        return 0;
    case MMUEXT_INVLPG_LOCAL:
        pv_invlpg(op->arg1.linear_addr);
        return 0;
    case MMUEXT_TLB_FLUSH_MULTI:
    case MMUEXT_INVLPG_MULTI:
        return flush_vcpus(op, op->cmd == MMUEXT_INVLPG_MULTI);
    case MMUEXT_TLB_FLUSH_ALL:
        tlb_flush_mask(v->v.domain->mem.dirty_cpus);
        return 0;
    case MMUEXT_INVLPG_ALL:
        if (pv_address_ok(op->arg1.linear_addr))
            tlb_flush_mask_one(v->v.domain->mem.dirty_cpus, op->arg1.linear_addr);
        return 0;
    case MMUEXT_FLUSH_CACHE:
    case MMUEXT_FLUSH_CACHE_GLOBAL:
        return flush_cache(op->cmd == MMUEXT_FLUSH_CACHE_GLOBAL);
    case MMUEXT_SET_LDT:
        return pv_set_ldt(v, op->arg1.linear_addr, op->arg2.nr_ents);
    default:
        return -ENOSYS;
    }
}

static bool is_cpu_op(unsigned cmd)
{
    return cmd >= MMUEXT_NEW_BASEPTR && cmd <= MMUEXT_FLUSH_CACHE_GLOBAL &&
           cmd != MMUEXT_CLEAR_PAGE && cmd != MMUEXT_COPY_PAGE;
}

static int one_op(struct pv_vcpu *v, const struct mmuext_op *op, struct domain *d)
{
    int rc;

    if (is_cpu_op(op->cmd))
        rc = d == v->v.domain ? cpu_op(v, op) : -EPERM;
    else
        rc = frame_op(v, op, d);
    // Done but for the invalidation of a table that is not used any more.
    return rc == -ERESTART && v->unfinished ? 0 : rc;
}

static int some_ops(struct pv_vcpu *v, const struct mmuext_op *op, unsigned n, unsigned *done,
                    struct domain *d)
{
    for (; n--; op++) {
        int rc = one_op(v, op, d);

        if (unlikely(rc)) {
            if (rc != -ERESTART)
                guest_debug("mmuext_op %u on %#lx: error %d\n", op->cmd, op->arg1.mfn, rc);
            return rc;
        }
        ++*done;
        if (unlikely(v->unfinished))
            return -ERESTART;
    }
    return 0;
}

static int all_ops(struct pv_vcpu *v, uint64_t ops, unsigned n, unsigned *done, struct domain *d)
{
    struct mmuext_op batch[BATCH];

    while (*done < n) {
        unsigned some = MIN(n - *done, (unsigned)BATCH);
        int rc;

        if (*done && preempt_check())
            return -ERESTART;
        if (copy_from_guest(batch, ops + (uint64_t)*done * sizeof(batch[0]),
                            some * sizeof(batch[0])))
            return -EFAULT;
        rc = some_ops(v, batch, some, done, d);
        if (unlikely(rc))
            return rc;
    }
    return 0;
}

// An operation's cmd and arg1, from the guest.
struct short_op {
    uint64_t words[2];
};
_Static_assert(offsetof(struct mmuext_op, cmd) == 0 && offsetof(struct mmuext_op, arg1) == 8 &&
                   sizeof(((struct mmuext_op *)0)->cmd) == 4,
               "struct short_op");

static bool short_op_is(struct short_op op, unsigned cmd)
{
    return (uint32_t)op.words[0] == cmd;
}

// What Linux asks for at every context switch, new tables for its kernel and with them for its
// users, and the flush of one address. False: it is neither, or there is more to it; all of it may
// be done again.
static bool short_ops(struct pv_vcpu *v, uint64_t ops, unsigned count)
{
    struct short_op first, second;

    if (copy_pair_from_guest(first.words, ops))
        return false;
    if (count == 1) {
        if (!short_op_is(first, MMUEXT_INVLPG_LOCAL))
            return false;
        pv_invlpg(first.words[1]);
        return true;
    }
    if (!short_op_is(first, MMUEXT_NEW_BASEPTR) ||
        copy_pair_from_guest(second.words, ops + sizeof(struct mmuext_op)) ||
        !short_op_is(second, MMUEXT_NEW_USER_BASEPTR))
        return false;
    return likely(!pt_new_root(v, first.words[1]) && !pt_new_user_root(v, second.words[1]));
}

static __attribute__((noinline)) long any_ops(struct pv_vcpu *v, uint64_t ops, unsigned count,
                                              uint64_t pdone, unsigned dom)
{
    unsigned n = count & ~COUNT_PREEMPTED, done = 0, before = 0;
    struct domain *d;
    int rc;

    rc = pt_finish(v);
    if (unlikely(rc))
        return hypercall_continue(__HYPERVISOR_mmuext_op, 4, ops, (uint64_t)count, pdone,
                                  (uint64_t)dom);
    if ((count & COUNT_PREEMPTED) && pdone && copy_from_guest(&before, pdone, sizeof(before)))
        return -EFAULT;
    if (likely(dom == DOMID_SELF)) {
        rc = all_ops(v, ops, n, &done, v->v.domain);
    } else {
        rc = pt_domain_get(dom, &d);
        if (!rc)
            rc = all_ops(v, ops, n, &done, d);
        pt_domain_put(d);
    }
    before += done;
    if (pdone && copy_to_guest(pdone, &before, sizeof(before)))
        return -EFAULT;
    // Even if all are done: a table that is being invalidated is not free for other uses yet, and
    // the guest may count on it as soon as the call returns.
    if (rc == -ERESTART)
        return hypercall_continue(__HYPERVISOR_mmuext_op, 4,
                                  ops + (uint64_t)done * sizeof(struct mmuext_op),
                                  (uint64_t)((n - done) | COUNT_PREEMPTED), pdone, (uint64_t)dom);
    return rc;
}

long do_mmuext_op(uint64_t ops, unsigned count, uint64_t pdone, unsigned dom)
{
    struct pv_vcpu *v = to_pv(current);

    if (v->v.domain->ops->kind != GUEST_PV)
        return -ENOSYS;
    if (likely(count - 1 < 2 && !pdone && dom == DOMID_SELF && !v->unfinished) &&
        short_ops(v, ops, count))
        return 0;
    return any_ops(v, ops, count, pdone, dom);
}
