// The log of dirty frames of a PV domain, which live migration reads (XEN_DOMCTL_shadow_op).
//
// There is no bitmap: what is known of a frame is in the frame table. While the log is on, the
// domain's vCPUs run on software TLBs (pv/soft_tlb.c), so that the first write to a frame after
// each flush marks it. Reading the log takes the marks away, and then flushes: a write in between
// is in what the reader finds in the frame, since it looks at that later.
//
// Marked besides: what the hypervisor writes for others (grant copies, stores of mmu_update, frames
// mapped writable by domain 0, when that is done). Always reported: page and descriptor tables,
// which are written by the hypervisor all the time, and frames that somebody else than the domain's
// own code writes to as he likes (FRAME_HELD: grants, vCPU and event areas).
#include "cpu/asm.h"
#include "cpu/smp.h"
#include "lib/errno.h"
#include "mm/guest.h"
#include "mm/tlb.h"
#include "pv-abi/domctl.h"
#include "pv/cpu.h"
#include "pv/mmu.h"
#include "pv/pt.h"
#include "pv/soft_tlb.h"

#define MAX_PAGES      (1ull << 32) // in a bitmap
#define FRAMES_AT_ONCE 4096

static bool is_table(uint64_t state)
{
    enum frame_type type = frame_type_of(state);

    return (state & FS_COUNT) && type >= FT_L1 && type <= FT_DESC;
}

static int report(struct xen_domctl_shadow_op *op, gfn_t pfn)
{
    uint64_t at = (uint64_t)op->dirty_bitmap + pfn / 8;
    uint8_t byte;

    if (!op->dirty_bitmap || pfn >= op->pages)
        return 0;
    if (copy_from_guest(&byte, at, 1))
        return -EFAULT;
    byte |= (uint8_t)(1u << pfn % 8);
    return copy_to_guest(at, &byte, 1);
}

static int read_frame(struct pv_domain *pvd, mfn_t mfn, struct xen_domctl_shadow_op *op, bool clean)
{
    struct frame *f = mfn_to_frame(mfn);

    if (f->owner != pvd->self.id || f->kind != FRAME_DOMAIN)
        return 0;
    if (!(READ_ONCE(f->traits) & (FRAME_DIRTY | FRAME_HELD)) && !is_table(frame_state(f)))
        return 0;
    if (clean)
        __atomic_fetch_and(&f->traits, (uint8_t)~FRAME_DIRTY, __ATOMIC_SEQ_CST);
    pvd->log.dirty++;
    return report(op, m2p_get(mfn));
}

// All frames, from where the last attempt stopped: 0, -EFAULT, -ERESTART.
static int read_frames(struct pv_domain *pvd, struct xen_domctl_shadow_op *op, bool clean)
{
    for (mfn_t mfn = pvd->log.next; mfn < max_mfn; mfn++) {
        int rc = read_frame(pvd, mfn, op, clean);

        if (rc)
            return rc;
        if (mfn % FRAMES_AT_ONCE == FRAMES_AT_ONCE - 1 && preempt_check()) {
            pvd->log.next = mfn + 1;
            return -ERESTART;
        }
    }
    return 0;
}

static int read_log(struct pv_domain *pvd, struct xen_domctl_shadow_op *op, bool clean)
{
    int rc = 0;

    if (op->pages > MAX_PAGES)
        return -EINVAL;
    if (!pvd->log.next && op->dirty_bitmap)
        rc = clear_guest((uint64_t)op->dirty_bitmap, DIV_ROUND_UP(op->pages, 8ul));
    if (!rc)
        rc = read_frames(pvd, op, clean);
    if (clean)
        tlb_flush_mask(pvd->d.mem.dirty_cpus);
    if (rc == -ERESTART)
        return rc;
    pvd->log.next = 0;
    op->stats.fault_count = pvd->log.faults;
    op->stats.dirty_count = pvd->log.dirty;
    if (clean)
        pvd->log.faults = pvd->log.dirty = 0;
    return rc;
}

// The vCPU that a CPU has loaded changes over at once.
static void change_over(void *domain)
{
    struct pv_vcpu *v = pv_loaded();
    struct cpu_info *info = cpu_info();
    bool user = info->user_cr3 && read_cr3() == info->user_cr3;

    if (!v || v->v.domain != domain)
        return;
    pv_use_roots(v);
    tlb_switch_cr3(user ? info->user_cr3 : info->kernel_cr3);
}

void pv_log_dirty_stop(struct pv_domain *pvd)
{
    if (!pvd->log.on)
        return;
    pvd->log.on = false;
    smp_call(cpus_online, change_over, &pvd->d);
    soft_tlb_release();
    pvd->log.next = 0;
}

// Begins with nothing marked.
static int start(struct pv_domain *pvd)
{
    struct xen_domctl_shadow_op nowhere = {.pages = 0};
    int rc;

    if (pvd->log.on && !pvd->log.next)
        return -EINVAL;
    if (!pvd->log.on) {
        rc = soft_tlb_prepare();
        if (rc)
            return rc;
        pvd->log.on = true;
        smp_call(cpus_online, change_over, &pvd->d);
    }
    return read_log(pvd, &nowhere, true);
}

int pv_shadow_op(struct domain *d, struct xen_domctl_shadow_op *op)
{
    struct pv_domain *pvd = to_pvd(d);

    switch (op->op) {
    case XEN_DOMCTL_SHADOW_OP_OFF:
        pv_log_dirty_stop(pvd);
        return 0;
    case XEN_DOMCTL_SHADOW_OP_ENABLE:
        if (op->mode != XEN_DOMCTL_SHADOW_ENABLE_LOG_DIRTY)
            return -EOPNOTSUPP; // shadows of other kinds are for guests of other kinds
        return start(pvd);
    case XEN_DOMCTL_SHADOW_OP_ENABLE_LOGDIRTY:
        return start(pvd);
    case XEN_DOMCTL_SHADOW_OP_CLEAN:
    case XEN_DOMCTL_SHADOW_OP_PEEK:
        return pvd->log.on ? read_log(pvd, op, op->op == XEN_DOMCTL_SHADOW_OP_CLEAN) : -EINVAL;
    case XEN_DOMCTL_SHADOW_OP_GET_ALLOCATION:
        op->mb = 0; // nothing is taken from the domain's memory
        return 0;
    case XEN_DOMCTL_SHADOW_OP_SET_ALLOCATION:
        return 0;
    default:
        return -EOPNOTSUPP;
    }
}
