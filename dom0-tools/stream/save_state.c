// The state of a PV guest that is not its memory, and what guests of all kinds have besides.
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "pv-abi/arch-x86/cpu.h"
#include "stream/record.h"
#include "stream/save.h"

int save_complain(struct saver *saver, const char *what, int rc)
{
    if (rc)
        fprintf(saver->s->messages, "save: %s: %s\n", what, strerror(-rc));
    return rc;
}

int save_record(struct saver *saver, uint32_t type, const struct iovec *parts, unsigned count)
{
    return save_complain(saver, "cannot write",
                         stream_write_record(saver->s->fd, type, parts, count));
}

// The features that the guest has been told of. A hypervisor that has no such thing to say is none
// the worse for it.
int save_policies(struct saver *saver)
{
    struct xen_domctl op = {.cmd = XEN_DOMCTL_get_cpu_policy, .domain = saver->s->domain};
    enum { LEAVES = 512, MSRS = 64 };
    size_t leaves_size = LEAVES * sizeof(xen_cpuid_leaf_t),
           msrs_size = MSRS * sizeof(xen_msr_entry_t);
    xen_cpuid_leaf_t *leaves = control_buffer(saver->s->control, leaves_size);
    xen_msr_entry_t *msrs = control_buffer(saver->s->control, msrs_size);
    int rc = leaves && msrs ? 0 : -ENOMEM;

    if (!rc) {
        op.u.cpu_policy = (struct xen_domctl_cpu_policy){
            .nr_leaves = LEAVES, .nr_msrs = MSRS, .leaves = leaves, .msrs = msrs};
        rc = control_domctl(saver->s->control, &op);
        save_complain(saver, "cannot read the guest's CPU policy", rc);
    }
    if (!rc)
        rc = save_record(saver, RECORD_CPUID_POLICY,
                         &(struct iovec){leaves, op.u.cpu_policy.nr_leaves * sizeof(*leaves)}, 1);
    if (!rc && op.u.cpu_policy.nr_msrs)
        rc = save_record(saver, RECORD_MSR_POLICY,
                         &(struct iovec){msrs, op.u.cpu_policy.nr_msrs * sizeof(*msrs)}, 1);
    control_buffer_free(saver->s->control, leaves, leaves_size);
    control_buffer_free(saver->s->control, msrs, msrs_size);
    return rc;
}

// Where the P2M list lies, in guest frames.
static int save_p2m_frames(struct saver *saver)
{
    const struct p2m *p = &saver->p2m;
    struct stream_p2m_frames head = {.first = 0, .last = (uint32_t)(p->count - 1)};
    uint64_t *pfns = malloc(p->nr_frames * sizeof(*pfns));
    struct iovec parts[] = {{&head, sizeof(head)}, {pfns, p->nr_frames * sizeof(*pfns)}};
    int rc = pfns ? 0 : -ENOMEM;

    for (uint64_t i = 0; !rc && i < p->nr_frames; i++) {
        pfns[i] = p2m_pfn(p, p->frames[i]);
        if (pfns[i] == UINT64_MAX)
            rc = save_complain(saver, "the guest's P2M list lies in frames that it has not",
                               -EINVAL);
    }
    if (!rc)
        rc = save_record(saver, RECORD_P2M_FRAMES, parts, 2);
    free(pfns);
    return rc;
}

int save_static_state(struct saver *saver)
{
    struct stream_pv_info info = {.width = 8, .levels = 4};
    int rc = save_complain(saver, "cannot write", stream_write_headers(saver->s->fd, STREAM_PV));

    if (!rc)
        rc = save_record(saver, RECORD_PV_INFO, &(struct iovec){&info, sizeof(info)}, 1);
    if (!rc)
        rc = save_policies(saver);
    if (!rc)
        rc = save_record(saver, RECORD_STATIC_DATA_END, NULL, 0);
    return rc ? rc : save_p2m_frames(saver);
}

int save_tsc(struct saver *saver)
{
    struct xen_domctl op = {.cmd = XEN_DOMCTL_gettscinfo, .domain = saver->s->domain};
    const struct xen_domctl_tsc_info *t = &op.u.tsc_info;
    struct stream_tsc_info info;
    int rc = save_complain(saver, "cannot read the guest's clock",
                           control_domctl(saver->s->control, &op));

    if (rc)
        return rc;
    info = (struct stream_tsc_info){.mode = t->tsc_mode,
                                    .khz = t->gtsc_khz,
                                    .ns = t->elapsed_nsec,
                                    .incarnation = t->incarnation};
    return save_record(saver, RECORD_TSC_INFO, &(struct iovec){&info, sizeof(info)}, 1);
}

static int save_vcpu_record(struct saver *saver, uint32_t type, unsigned vcpu, const void *state,
                            size_t size)
{
    struct stream_vcpu head = {.vcpu = vcpu};
    struct iovec parts[] = {{&head, sizeof(head)}, {(void *)state, size}};

    return save_record(saver, type, parts, 2);
}

static int to_pfn(struct saver *saver, uint64_t *number, unsigned shift, const char *what)
{
    uint64_t pfn = p2m_pfn(&saver->p2m, *number >> shift);

    if (pfn == UINT64_MAX) {
        fprintf(saver->s->messages, "save: %s (%#" PRIx64 ") is no frame of the guest's\n", what,
                *number);
        return -EINVAL;
    }
    *number = pfn << shift;
    return 0;
}

// Machine frame numbers become guest frame numbers. The first vCPU suspended with start_info's in
// RDX.
static int translate_context(struct saver *saver, unsigned vcpu, struct vcpu_guest_context *c)
{
    int rc = vcpu ? 0 : to_pfn(saver, &c->user_regs.rdx, 0, "the suspend record");

    for (unsigned i = 0; !rc && i < 16 && i * 512 < c->gdt_ents; i++)
        rc = to_pfn(saver, &c->gdt_frames[i], 0, "a frame of a descriptor table");
    if (!rc)
        rc = to_pfn(saver, &c->ctrlreg[3], 12, "a root page table");
    if (!rc && c->ctrlreg[1]) {
        rc = to_pfn(saver, &c->ctrlreg[1], 12, "a user root page table");
        c->ctrlreg[1] |= 1; // there is one
    }
    return rc;
}

static int save_basic(struct saver *saver, unsigned vcpu)
{
    struct xen_domctl op = {.cmd = XEN_DOMCTL_getvcpucontext, .domain = saver->s->domain};
    struct vcpu_guest_context *c = control_buffer(saver->s->control, sizeof(*c));
    int rc = c ? 0 : -ENOMEM;

    op.u.vcpucontext.vcpu = vcpu;
    op.u.vcpucontext.ctxt = c;
    if (!rc)
        rc = save_complain(saver, "cannot read a vCPU's registers",
                           control_domctl(saver->s->control, &op));
    if (!rc)
        rc = translate_context(saver, vcpu, c);
    if (!rc)
        rc = save_vcpu_record(saver, RECORD_VCPU_BASIC, vcpu, c, sizeof(*c));
    control_buffer_free(saver->s->control, c, sizeof(*c));
    return rc;
}

static int save_extended(struct saver *saver, unsigned vcpu)
{
    struct xen_domctl op = {.cmd = XEN_DOMCTL_get_ext_vcpucontext, .domain = saver->s->domain};
    int rc;

    op.u.ext_vcpucontext.vcpu = vcpu;
    rc = save_complain(saver, "cannot read a vCPU's entry points",
                       control_domctl(saver->s->control, &op));
    if (rc || !op.u.ext_vcpucontext.size || op.u.ext_vcpucontext.size > sizeof(op.u))
        return rc;
    return save_vcpu_record(saver, RECORD_VCPU_EXTENDED, vcpu, &op.u, op.u.ext_vcpucontext.size);
}

static int save_xsave(struct saver *saver, unsigned vcpu)
{
    struct xen_domctl op = {.cmd = XEN_DOMCTL_getvcpuextstate, .domain = saver->s->domain};
    struct xen_domctl_vcpuextstate *x = &op.u.vcpuextstate;
    void *state;
    size_t room;
    int rc;

    x->vcpu = vcpu;
    rc = control_domctl(saver->s->control, &op); // how much is it?
    room = x->size;
    if (rc || !room)
        return save_complain(saver, "cannot ask for a vCPU's extended state", rc);
    state = control_buffer(saver->s->control, room);
    rc = state ? 0 : -ENOMEM;
    x->buffer = state;
    if (!rc)
        rc = save_complain(saver, "cannot read a vCPU's extended state",
                           control_domctl(saver->s->control, &op));
    if (!rc && x->size)
        rc = save_vcpu_record(saver, RECORD_VCPU_XSAVE, vcpu, state, x->size);
    control_buffer_free(saver->s->control, state, room);
    return rc;
}

static int save_msrs(struct saver *saver, unsigned vcpu)
{
    struct xen_domctl op = {.cmd = XEN_DOMCTL_get_vcpu_msrs, .domain = saver->s->domain};
    struct xen_domctl_vcpu_msrs *m = &op.u.vcpu_msrs;
    xen_domctl_vcpu_msr_t *msrs;
    size_t room;
    int rc;

    m->vcpu = vcpu;
    rc = control_domctl(saver->s->control, &op);
    room = m->msr_count * sizeof(*msrs);
    if (rc || !room)
        return save_complain(saver, "cannot ask for a vCPU's MSRs", rc);
    msrs = control_buffer(saver->s->control, room);
    rc = msrs ? 0 : -ENOMEM;
    m->msrs = msrs;
    if (!rc)
        rc = save_complain(saver, "cannot read a vCPU's MSRs",
                           control_domctl(saver->s->control, &op));
    if (!rc && m->msr_count)
        rc = save_vcpu_record(saver, RECORD_VCPU_MSRS, vcpu, msrs, m->msr_count * sizeof(*msrs));
    control_buffer_free(saver->s->control, msrs, room);
    return rc;
}

static int save_vcpu(struct saver *saver, unsigned vcpu)
{
    struct xen_domctl op = {.cmd = XEN_DOMCTL_getvcpuinfo, .domain = saver->s->domain};
    int rc;

    op.u.getvcpuinfo.vcpu = vcpu;
    rc = control_domctl(saver->s->control, &op);
    if (rc == -ESRCH || (!rc && !op.u.getvcpuinfo.online))
        return 0;
    if (rc)
        return save_complain(saver, "cannot ask after a vCPU", rc);
    rc = save_basic(saver, vcpu);
    if (!rc)
        rc = save_extended(saver, vcpu);
    if (!rc)
        rc = save_xsave(saver, vcpu);
    return rc ? rc : save_msrs(saver, vcpu);
}

int save_state(struct saver *saver)
{
    struct xen_domctl op = {.cmd = XEN_DOMCTL_getdomaininfo, .domain = saver->s->domain};
    int rc =
        save_complain(saver, "cannot ask after the domain", control_domctl(saver->s->control, &op));

    if (!rc)
        rc = save_tsc(saver);
    if (!rc)
        rc = save_record(saver, RECORD_SHARED_INFO,
                         &(struct iovec){(void *)saver->shared, STREAM_PAGE_SIZE}, 1);
    for (unsigned vcpu = 0; !rc && vcpu <= op.u.getdomaininfo.max_vcpu_id; vcpu++)
        rc = save_vcpu(saver, vcpu);
    return rc ? rc : save_record(saver, RECORD_END, NULL, 0);
}
