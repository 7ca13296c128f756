// What a guest that is being restored has besides its memory.
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "control/grant_seed.h"
#include "pv-abi/shared_info.h"
#include "pv-abi/start_info.h"
#include "stream/restore.h"

int restore_tsc(struct restorer *restorer, const struct stream_record *record)
{
    const struct stream_tsc_info *info = record->body;
    struct xen_domctl op = {.cmd = XEN_DOMCTL_settscinfo, .domain = restorer->r->domain};
    int rc;

    if (record->length != sizeof(*info))
        return restore_complain(restorer, -EINVAL, "the record X86_TSC_INFO is damaged");
    op.u.tsc_info.tsc_mode = info->mode;
    op.u.tsc_info.gtsc_khz = info->khz;
    op.u.tsc_info.elapsed_nsec = info->ns;
    op.u.tsc_info.incarnation = info->incarnation;
    rc = control_domctl(restorer->r->control, &op);
    if (rc)
        restore_complain(restorer, rc, "cannot give the guest its clock (mode %u, %u kHz): %s",
                         info->mode, info->khz, strerror(-rc));
    return rc;
}

// The guest has been told of features of the machine that it was saved on. If this one's are fewer
// the hypervisor says so now.
static int set_policy(struct restorer *restorer, const struct stream_record *record, bool msrs)
{
    struct xen_domctl op = {.cmd = XEN_DOMCTL_set_cpu_policy, .domain = restorer->r->domain};
    struct xen_domctl_cpu_policy *p = &op.u.cpu_policy;
    void *copy = control_buffer(restorer->r->control, record->length);
    int rc = -ENOMEM;

    if (copy) {
        memcpy(copy, record->body, record->length);
        if (msrs) {
            p->msrs = copy;
            p->nr_msrs = record->length / sizeof(xen_msr_entry_t);
        } else {
            p->leaves = copy;
            p->nr_leaves = record->length / sizeof(xen_cpuid_leaf_t);
        }
        rc = control_domctl(restorer->r->control, &op);
    }
    control_buffer_free(restorer->r->control, copy, record->length);
    if (rc)
        restore_complain(restorer, rc,
                         "the guest knows features that this machine has not "
                         "(CPUID leaf %#x, subleaf %#x, MSR %#x): %s",
                         p->err_leaf, p->err_subleaf, p->err_msr, strerror(-rc));
    return rc;
}

int restore_policies(struct restorer *restorer, const struct stream_record *record)
{
    bool msrs = record->type == RECORD_MSR_POLICY;
    size_t entry = msrs ? sizeof(xen_msr_entry_t) : sizeof(xen_cpuid_leaf_t);

    if (!record->length || record->length % entry)
        return restore_complain(restorer, -EINVAL, "the record %s is damaged",
                                stream_record_name(record->type));
    return set_policy(restorer, record, msrs);
}

static int state_index(uint32_t type)
{
    return type == RECORD_VCPU_BASIC      ? VCPU_BASIC
           : type == RECORD_VCPU_EXTENDED ? VCPU_EXTENDED
           : type == RECORD_VCPU_XSAVE    ? VCPU_XSAVE
                                          : VCPU_MSRS;
}

static bool length_fits(uint32_t type, uint32_t length)
{
    switch (type) {
    case RECORD_VCPU_BASIC:
        return length == sizeof(struct vcpu_guest_context);
    case RECORD_VCPU_EXTENDED:
        return length <= sizeof(((struct xen_domctl *)0)->u);
    case RECORD_VCPU_XSAVE:
        return length > 16 && length <= 1u << 20;
    default:
        return !(length % sizeof(xen_domctl_vcpu_msr_t)) && length <= 1u << 16;
    }
}

int restore_vcpu_record(struct restorer *restorer, const struct stream_record *record)
{
    const struct stream_vcpu *body = record->body;
    uint32_t length = record->length - (uint32_t)sizeof(*body);
    int which = state_index(record->type);
    void *copy;

    if (record->length < sizeof(*body) || body->vcpu >= RESTORE_MAX_VCPUS ||
        !length_fits(record->type, length))
        return restore_complain(restorer, -EINVAL, "the record %s is damaged",
                                stream_record_name(record->type));
    copy = calloc(1, length + 1ul);
    if (!copy)
        return -ENOMEM;
    memcpy(copy, body->state, length);
    free(restorer->vcpus[body->vcpu].state[which]);
    restorer->vcpus[body->vcpu].state[which] = copy;
    restorer->vcpus[body->vcpu].length[which] = length;
    return 0;
}

static int to_mfn(struct restorer *restorer, uint64_t *number, unsigned shift, const char *what)
{
    uint64_t mfn = restore_mfn(restorer, *number >> shift);

    if (mfn == UINT64_MAX)
        return restore_complain(restorer, -EINVAL, "%s (%#" PRIx64 ") is no frame of the guest's",
                                what, *number);
    *number = mfn << shift;
    return 0;
}

static int get_info(struct restorer *restorer, struct xen_domctl_getdomaininfo *info)
{
    struct xen_domctl op = {.cmd = XEN_DOMCTL_getdomaininfo, .domain = restorer->r->domain};
    int rc = control_domctl(restorer->r->control, &op);

    *info = op.u.getdomaininfo;
    return rc;
}

// start_info, which the guest's kernel reads again when it wakes. The suspend record is its guest
// frame.
static int write_start_info(struct restorer *restorer, uint64_t pfn, uint64_t shared_mfn)
{
    const struct stream_restore *r = restorer->r;
    struct start_info *start = restore_map(restorer, pfn, "the suspend record");
    int rc;

    if (!start)
        return -EINVAL;
    start->nr_pages = restorer->pages;
    start->shared_info = shared_mfn << 12;
    start->flags &= SIF_VIRT_P2M_4TOOLS;
    start->store_evtchn = r->xenstore_port;
    start->console.domU.evtchn = r->console_port;
    rc = to_mfn(restorer, &start->store_mfn, 0, "the xenstore ring");
    if (!rc)
        rc = to_mfn(restorer, &start->console.domU.mfn, 0, "the console ring");
    restorer->result->xenstore_mfn = start->store_mfn;
    restorer->result->console_mfn = start->console.domU.mfn;
    control_unmap(start, 1);
    return rc;
}

// What the guest kept there stays, but for event channels, of which it has none now, and the P2M
// list, whose place it tells anew.
static int write_shared_info(struct restorer *restorer, uint64_t shared_mfn)
{
    const struct shared_info *old = restorer->shared_info;
    struct shared_info *new;

    if (!old)
        return restore_complain(restorer, -EINVAL, "there is no record SHARED_INFO");
    new = control_map(restorer->r->control, restorer->r->domain, PROT_READ | PROT_WRITE,
                      &shared_mfn, 1, NULL);
    if (!new)
        return restore_complain(restorer, -errno, "cannot map shared_info: %s", strerror(errno));
    memcpy(new->vcpu_info, old->vcpu_info, sizeof(new->vcpu_info));
    new->arch = old->arch;
    new->arch.pfn_to_mfn_frame_list_list = 0;
    new->arch.p2m_cr3 = 0;
    for (unsigned i = 0; i < XEN_LEGACY_MAX_VCPUS; i++)
        new->vcpu_info[i].evtchn_pending_sel = 0;
    memset(new->evtchn_pending, 0, sizeof(new->evtchn_pending));
    memset(new->evtchn_mask, 0xff, sizeof(new->evtchn_mask));
    control_unmap(new, 1);
    return 0;
}

static int translate_context(struct restorer *restorer, unsigned vcpu, struct vcpu_guest_context *c)
{
    int rc = vcpu ? 0 : to_mfn(restorer, &c->user_regs.rdx, 0, "the suspend record");

    if (c->gdt_ents > 14 * 512)
        return restore_complain(restorer, -EINVAL, "a descriptor table of %" PRIu64 " entries",
                                c->gdt_ents);
    for (unsigned i = 0; !rc && i * 512 < c->gdt_ents; i++)
        rc = to_mfn(restorer, &c->gdt_frames[i], 0, "a frame of a descriptor table");
    if (!rc)
        rc = to_mfn(restorer, &c->ctrlreg[3], 12, "a root page table");
    if (!rc && (c->ctrlreg[1] & 1))
        rc = to_mfn(restorer, &c->ctrlreg[1], 12, "a user root page table");
    return rc;
}

static int vcpu_domctl(struct restorer *restorer, struct xen_domctl *op, unsigned vcpu,
                       const char *what)
{
    int rc;

    op->domain = restorer->r->domain;
    rc = control_domctl(restorer->r->control, op);
    if (rc)
        restore_complain(restorer, rc, "%s of vCPU %u are refused: %s", what, vcpu, strerror(-rc));
    return rc;
}

static int set_basic(struct restorer *restorer, unsigned vcpu, const void *state)
{
    struct xen_domctl op = {.cmd = XEN_DOMCTL_setvcpucontext};
    struct vcpu_guest_context *c = control_buffer(restorer->r->control, sizeof(*c));
    int rc = c ? 0 : -ENOMEM;

    if (!rc) {
        memcpy(c, state, sizeof(*c));
        rc = translate_context(restorer, vcpu, c);
    }
    op.u.vcpucontext.vcpu = vcpu;
    op.u.vcpucontext.ctxt = c;
    if (!rc)
        rc = vcpu_domctl(restorer, &op, vcpu, "registers");
    control_buffer_free(restorer->r->control, c, sizeof(*c));
    return rc;
}

static int set_extended(struct restorer *restorer, unsigned vcpu, const void *state,
                        uint32_t length)
{
    struct xen_domctl op = {.cmd = XEN_DOMCTL_set_ext_vcpucontext};

    if (!state)
        return 0;
    memcpy(&op.u, state, length);
    op.u.ext_vcpucontext.vcpu = vcpu;
    return vcpu_domctl(restorer, &op, vcpu, "entry points");
}

// The extended state or the MSRs, which are both given as a buffer.
static int set_buffer(struct restorer *restorer, unsigned vcpu, int which)
{
    const void *state = restorer->vcpus[vcpu].state[which];
    uint32_t length = restorer->vcpus[vcpu].length[which];
    struct xen_domctl op = {0};
    void *copy;
    int rc;

    if (!state)
        return 0;
    copy = control_buffer(restorer->r->control, length);
    if (!copy)
        return -ENOMEM;
    memcpy(copy, state, length);
    if (which == VCPU_XSAVE) {
        op.cmd = XEN_DOMCTL_setvcpuextstate;
        op.u.vcpuextstate =
            (struct xen_domctl_vcpuextstate){.vcpu = vcpu, .size = length, .buffer = copy};
    } else {
        op.cmd = XEN_DOMCTL_set_vcpu_msrs;
        op.u.vcpu_msrs = (struct xen_domctl_vcpu_msrs){
            .vcpu = vcpu,
            .msr_count = length / (uint32_t)sizeof(xen_domctl_vcpu_msr_t),
            .msrs = copy};
    }
    rc = vcpu_domctl(restorer, &op, vcpu, which == VCPU_XSAVE ? "extended registers" : "MSRs");
    control_buffer_free(restorer->r->control, copy, length);
    return rc;
}

static int set_vcpu(struct restorer *restorer, unsigned vcpu)
{
    const void *basic = restorer->vcpus[vcpu].state[VCPU_BASIC];
    int rc;

    if (!basic)
        return 0; // it was not online
    rc = set_basic(restorer, vcpu, basic);
    if (!rc)
        rc = set_extended(restorer, vcpu, restorer->vcpus[vcpu].state[VCPU_EXTENDED],
                          restorer->vcpus[vcpu].length[VCPU_EXTENDED]);
    if (!rc)
        rc = set_buffer(restorer, vcpu, VCPU_XSAVE);
    return rc ? rc : set_buffer(restorer, vcpu, VCPU_MSRS);
}

static int seed_grants(struct restorer *restorer)
{
    const struct stream_restore *r = restorer->r;
    struct grant_seed console = {r->console_domain, restorer->result->console_mfn};
    struct grant_seed xenstore = {r->xenstore_domain, restorer->result->xenstore_mfn};
    int rc = control_seed_grants(r->control, r->domain, console, xenstore);

    if (rc)
        restore_complain(restorer, rc, "cannot grant the guest's rings: %s", strerror(-rc));
    return rc;
}

int restore_finish_state(struct restorer *restorer)
{
    const struct vcpu_guest_context *first = restorer->vcpus[0].state[VCPU_BASIC];
    struct xen_domctl_getdomaininfo info;
    int rc;

    if (!first)
        return restore_complain(restorer, -EINVAL, "the first vCPU's registers are missing");
    rc = get_info(restorer, &info);
    if (!rc)
        rc = write_start_info(restorer, first->user_regs.rdx, info.shared_info_frame);
    if (!rc)
        rc = write_shared_info(restorer, info.shared_info_frame);
    if (!rc)
        rc = seed_grants(restorer);
    for (unsigned vcpu = 0; !rc && vcpu < RESTORE_MAX_VCPUS; vcpu++)
        rc = set_vcpu(restorer, vcpu);
    return rc;
}
