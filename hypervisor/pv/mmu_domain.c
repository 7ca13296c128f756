// A PV domain's memory from birth to death, and the root tables of its vCPUs.
//
// Death: first nothing uses the domain's tables any more (pv_forget, roots), then every frame that
// the domain owns loses what its owner holds of it: the pin, what a preempted validation holds, and
// the allocation. Tables whose last typed reference goes on the way drop their entries. What other
// domains still map stays theirs until they let go.
#include "core/vm_assist.h"
#include "core/memory.h"
#include "core/permissions.h"
#include "cpu/smp.h"
#include "mm/alloc.h"
#include "mm/direct_read.h"
#include "mm/tlb.h"
#include "mm/paging.h"
#include "pv/cpu.h"
#include "pv/desc.h"
#include "pv/mmu.h"
#include "pv/pt.h"
#include "pv/soft_tlb.h"

int pv_domain_init(struct domain *d)
{
    struct pv_domain *pvd = to_pvd(d);

    pt_view_init(&pvd->self, d, d);
    pvd->perdomain_l3 = pages_alloc(0);
    pvd->perdomain_l2 = pages_alloc(0);
    if (!pvd->perdomain_l3 || !pvd->perdomain_l2)
        return -ENOMEM;
    pvd->perdomain_l3[0] = virt_to_maddr(pvd->perdomain_l2) | PTE_TABLE;
    return 0;
}

void pv_domain_destroy(struct domain *d)
{
    struct pv_domain *pvd = to_pvd(d);

    for (unsigned i = 0; i < ARRAY_SIZE(pvd->perdomain_l1); i++)
        pages_free(pvd->perdomain_l1[i], 0);
    pages_free(pvd->perdomain_l2, 0);
    pages_free(pvd->perdomain_l3, 0);
}

int pt_finish_parked(struct pv_vcpu *v)
{
    int rc;

    rc = frame_type_finish(v->unfinished, true);
    if (rc)
        return rc;
    frame_put(v->unfinished);
    v->unfinished = NULL;
    return 0;
}

// Takes what a root table needs: 0, -EINVAL, -ERESTART.
static int root_get_slow(mfn_t mfn, uint32_t id)
{
    struct frame *f = mfn_to_frame(mfn);
    int rc;

    if (!mfn_valid(mfn) || !frame_get_by_id(f, id))
        return -EINVAL;
    rc = frame_get_type(f, FT_L4, true);
    if (rc)
        frame_put(f);
    return rc;
}

static inline int root_get(mfn_t mfn, const struct pv_vcpu *v)
{
    uint32_t id = to_pvd(v->v.domain)->self.id;

    if (likely(mfn < max_mfn && frame_get_validated(mfn_to_frame(mfn), id, FT_L4)))
        return 0;
    return root_get_slow(mfn, id);
}

static inline int root_put(struct pv_vcpu *v, mfn_t mfn)
{
    if (mfn && frame_put_and_type_preemptible(mfn_to_frame(mfn))) {
        pt_park(v, mfn_to_frame(mfn));
        return -ERESTART;
    }
    return 0;
}

int pv_set_roots(struct pv_vcpu *v, mfn_t root, mfn_t user_root)
{
    int rc = pv_put_roots(v);

    if (rc || (rc = root_get(root, v)))
        return rc;
    v->root = root;
    if (!user_root)
        return 0;
    rc = root_get(user_root, v);
    if (!rc)
        v->user_root = user_root;
    return rc;
}

int pv_put_roots(struct pv_vcpu *v)
{
    int rc = pt_finish(v);

    while (!rc && (v->root || v->user_root)) {
        mfn_t *which = v->root ? &v->root : &v->user_root;
        mfn_t mfn = *which;

        *which = 0;
        rc = root_put(v, mfn);
    }
    return rc;
}

// Only a guest's kernel sees the machine-to-physical table, whether it has asked for that
// (VMASST_TYPE_m2p_strict) or not: no guest's user programs have business there.
static void show_m2p(mfn_t root, bool show)
{
    WRITE_ONCE(((uint64_t *)mfn_to_virt(root))[HV_FIRST_SLOT], show ? hv_pml4[HV_FIRST_SLOT] : 0);
}

void pv_use_roots(struct pv_vcpu *v)
{
    struct cpu_info *info = cpu_info();

    info->kernel_cr3 = v->root << PAGE_SHIFT;
    info->user_cr3 = v->user_root << PAGE_SHIFT;
    soft_tlb_leave();
    if (unlikely(v->v.domain->dirty_log.on)) {
        v->slow_iret |= SLOW_IRET_SOFT;
        pv_update_fast_ways(v);
        soft_tlb_use(v);
    } else if (unlikely(v->slow_iret & SLOW_IRET_SOFT)) {
        v->slow_iret &= (uint8_t)~SLOW_IRET_SOFT;
        pv_update_fast_ways(v);
    }
}

// MMUEXT_NEW_BASEPTR for the current vCPU.
int pt_new_root(struct pv_vcpu *v, mfn_t root)
{
    mfn_t old = v->root;
    int rc = 0;

    if (root != old) {
        rc = root_get(root, v);
        if (rc)
            return rc;
    }
    v->root = root;
    show_m2p(root, true);
    if (likely(!cpu_info()->soft_tlb))
        cpu_info()->kernel_cr3 = root << PAGE_SHIFT;
    else
        pv_use_roots(v);
    tlb_switch_cr3(cpu_info()->kernel_cr3);
    return root != old ? root_put(v, old) : 0;
}

// MMUEXT_NEW_USER_BASEPTR. Nothing to flush: a guest changes the kernel's root with it.
int pt_new_user_root(struct pv_vcpu *v, mfn_t root)
{
    mfn_t old = v->user_root;
    int rc;

    if (root == old)
        return 0;
    rc = root ? root_get(root, v) : 0;
    if (rc)
        return rc;
    if (root && root != v->root)
        show_m2p(root, false);
    v->user_root = root;
    if (likely(!cpu_info()->soft_tlb))
        cpu_info()->user_cr3 = root << PAGE_SHIFT;
    else
        pv_use_roots(v);
    return root_put(v, old);
}

int pv_new_root(mfn_t root)
{
    struct pv_vcpu *v = to_pv(current);
    int rc;

    // There is no hypercall to continue: the instruction is executed again.
    while (pt_finish(v) == -ERESTART)
        ;
    do {
        rc = pt_new_root(v, root);
    } while (rc == -ERESTART && !v->unfinished);
    return rc == -ERESTART ? 0 : rc;
}

void pv_invlpg(uint64_t va)
{
    if (pv_address_ok(va))
        tlb_flush_local_one(va);
}

// The table that an entry of a table points to; NULL if it is not present. Other vCPUs may change
// the tables meanwhile, and whatever is read then may be no entry at all: direct_read() makes
// reading on harmless, and what comes out is validated by its user.
static inline const uint64_t *next_table(const uint64_t *table, unsigned index)
{
    uint64_t e = direct_read(&table[index]);

    return e & PTE_P ? maddr_to_virt(e & PTE_ADDR) : NULL;
}

uint64_t *pt_walk(uint64_t va, struct frame **table)
{
    const uint64_t *t = mfn_to_virt(to_pv(current)->root);

    if (!(t = next_table(t, PT_INDEX(va, L4_SHIFT))) ||
        !(t = next_table(t, PT_INDEX(va, L3_SHIFT))) ||
        !(t = next_table(t, PT_INDEX(va, L2_SHIFT))) || unlikely(virt_to_mfn(t) >= max_mfn))
        return NULL;
    *table = mfn_to_frame(virt_to_mfn(t));
    return (uint64_t *)&t[PT_INDEX(va, L1_SHIFT)];
}

mfn_t pv_va_to_mfn(uint64_t va, bool write)
{
    struct frame *table;
    uint64_t *p = pv_address_ok(va) ? pt_walk(va, &table) : NULL;
    uint64_t e = p ? direct_read(p) : 0;

    return (e & PTE_P) && (!write || (e & PTE_RW)) ? PTE_TO_MFN(e) : INVALID_MFN;
}

int pt_domain_get(unsigned id, struct domain **d)
{
    struct domain *self = current->domain;

    *d = NULL;
    if (id == DOMID_SELF) {
        *d = self;
        return 0;
    }
    if (id == self->id) // a domain is not foreign to itself
        return -ESRCH;
    if (id != DOMID_IO && permit(PERMIT_page_tables, NULL))
        return -EPERM;
    if (id == DOMID_IO || id == DOMID_XEN)
        *d = id == DOMID_IO ? dom_io : dom_xen;
    else
        *d = domain_get_by_id((domid_t)id);
    return *d ? 0 : -ESRCH;
}

void pt_domain_put(struct domain *d)
{
    if (d && d != current->domain && d != dom_io && d != dom_xen)
        domain_put(d);
}

// Takes from a frame what its owner holds of it.
static int relinquish_frame(struct frame *f)
{
    uint64_t s = __atomic_fetch_and(&f->state, ~FS_PINNED, __ATOMIC_SEQ_CST);
    int rc;

    if (s & FS_PINNED) {
        rc = frame_put_and_type_preemptible(f);
        if (rc) { // its reference stays until frame_type_abort is through
            frame_put(f);
            return rc;
        }
    }
    rc = frame_type_abort(f);
    if (!rc)
        frame_release_allocation(f);
    return rc;
}

int pv_domain_relinquish(struct domain *d)
{
    struct vcpu *v;
    int rc;

    if (!memory_relinquishing(d)) {
        frame_close(d);
        pv_forget(d);
        dirty_log_stop(d);
        frame_unshare_all(d);
    }
    for_each_vcpu (d, v) {
        rc = pv_put_roots(to_pv(v));
        if (rc)
            return rc;
        pv_desc_put(to_pv(v));
    }
    return memory_relinquish(d, relinquish_frame);
}
