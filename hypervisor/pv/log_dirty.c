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
#include "core/dirty_log.h"
#include "cpu/asm.h"
#include "cpu/smp.h"
#include "lib/errno.h"
#include "mm/tlb.h"
#include "pv-abi/domctl.h"
#include "pv/cpu.h"
#include "pv/mmu.h"
#include "pv/pt.h"
#include "pv/soft_tlb.h"

#define FRAMES_AT_ONCE 4096

static bool is_table(uint64_t state)
{
    enum frame_type type = frame_type_of(state);

    return (state & FS_COUNT) && type >= FT_L1 && type <= FT_DESC;
}

static int report(const struct xen_domctl_shadow_op *op, gfn_t pfn)
{
    uint64_t bit = 1ull << pfn % 64;

    return dirty_log_report(op, pfn & ~63ull, &bit, 1);
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
    pvd->d.dirty_log.dirty++;
    return report(op, m2p_get(mfn));
}

static int read_frames(struct domain *d, struct xen_domctl_shadow_op *op, bool clean)
{
    for (mfn_t mfn = d->dirty_log.next; mfn < max_mfn; mfn++) {
        int rc = read_frame(to_pvd(d), mfn, op, clean);

        if (rc)
            return rc;
        if (mfn % FRAMES_AT_ONCE == FRAMES_AT_ONCE - 1 && preempt_check()) {
            d->dirty_log.next = mfn + 1;
            return -ERESTART;
        }
    }
    return 0;
}

static void flush(struct domain *d)
{
    tlb_flush_mask(d->mem.dirty_cpus);
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

static int start(struct domain *d)
{
    int rc = soft_tlb_prepare();

    if (rc)
        return rc;
    d->dirty_log.on = true;
    smp_call(cpus_online, change_over, d);
    return 0;
}

static void stop(struct domain *d)
{
    d->dirty_log.on = false;
    smp_call(cpus_online, change_over, d);
    soft_tlb_release();
}

const struct dirty_log_ops pv_dirty_log_ops = {start, stop, read_frames, flush};
