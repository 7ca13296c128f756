// HVM domains as core sees them.
#include "core/memory.h"
#include "core/pv_time.h"
#include "core/vcpu_info.h"
#include "core/fpu.h"
#include "cpu/asm.h"
#include "cpu/features.h"
#include "cpu/msr.h"
#include "hvm/hvm.h"
#include "hvm/platform/platform.h"
#include "hvm/svm/svm.h"
#include "hvm/vmx/vmx.h"
#include "lib/errno.h"
#include "lib/log.h"
#include "lib/string.h"
#include "mm/guest.h"
#include "pv-abi/domctl.h"
#include "pv-abi/features.h"
#include "pv-abi/sched.h"
#include "pv-abi/vm_assist.h"

#define HVM_FEATURES                                                                 \
    (1u << XENFEAT_writable_page_tables | 1u << XENFEAT_writable_descriptor_tables | \
     1u << XENFEAT_auto_translated_physmap | 1u << XENFEAT_supervisor_mode_kernel |  \
     1u << XENFEAT_pae_pgdir_above_4gb | 1u << XENFEAT_hvm_callback_vector |         \
     1u << XENFEAT_hvm_safe_pvclock | 1u << XENFEAT_memory_op_vnode_supported |      \
     1u << XENFEAT_not_direct_mapped)

#define PAT_RESET 0x0007040600070406ull

const struct hvm_ops *hvm_ops;

static int domain_init(struct domain *d)
{
    int rc = hvm_debug_port_init(d);

    to_hvmd(d)->params[HVM_PARAM_TRIPLE_FAULT_REASON] = SHUTDOWN_reboot;
    if (!rc && (d->emulation & HVM_PLATFORM_EMULATION) == HVM_PLATFORM_EMULATION)
        rc = hvm_platform_init(d);
    return rc ?: p2m_init(&to_hvmd(d)->p2m, hvm_ops->p2m_format);
}

static int release_frame(struct frame *f)
{
    frame_release_allocation(f);
    return 0;
}

static int domain_relinquish(struct domain *d)
{
    if (!memory_relinquishing(d)) {
        ioreq_domain_relinquish(d);
        frame_close(d);
        dirty_log_stop(d);
        frame_unshare_all(d);
    }
    return memory_relinquish(d, release_frame);
}

static void domain_destroy(struct domain *d)
{
    ioreq_domain_destroy(d);
    hvm_platform_destroy(d);
    p2m_destroy(&to_hvmd(d)->p2m);
}

static int vcpu_init(struct vcpu *vcpu)
{
    struct hvm_vcpu *v = to_hvm(vcpu);
    int rc = hvm_ops->vcpu_init(v);

    if (rc)
        return rc;
    v->mtrr.msr_pat_cr = PAT_RESET;
    lapic_init(v);
    hvm_reset(v, 0);
    return 0;
}

static void vcpu_destroy(struct vcpu *vcpu)
{
    lapic_destroy(to_hvm(vcpu));
    hvm_ops->vcpu_destroy(to_hvm(vcpu));
}

static void switch_from(struct vcpu *vcpu)
{
    struct hvm_vcpu *v = to_hvm(vcpu);

    fpu_adopt_xcr0(vcpu);
    fpu_save(vcpu);
    v->dr[0] = read_dr0();
    v->dr[1] = read_dr1();
    v->dr[2] = read_dr2();
    v->dr[3] = read_dr3();
    hvm_ops->switch_from(v);
    cpu_info()->guest_access = NULL;
}

static void switch_to(struct vcpu *vcpu)
{
    struct hvm_vcpu *v = to_hvm(vcpu);

    cpu_info()->guest_access = &hvm_guest_access;
    __atomic_fetch_or(&vcpu->domain->mem.dirty_cpus, cpumask_of(this_cpu()), __ATOMIC_SEQ_CST);
    timer_migrate(&v->lapic.timer, this_cpu());
    if (!vcpu->id)
        hvm_platform_follow(vcpu->domain);
    write_dr0(v->dr[0]);
    write_dr1(v->dr[1]);
    write_dr2(v->dr[2]);
    write_dr3(v->dr[3]);
    tsc_aux_load(v->tsc_aux);
    fpu_switch_to(vcpu, false);
    hvm_ops->switch_to(v);
    pv_time_update(vcpu);
}

static __attribute__((noreturn)) void enter(struct vcpu *vcpu)
{
    hvm_ops->enter();
}

// There is no setting an HVM vCPU's context in the PV way; VCPUOP_initialise is the start-up IPI's
// job.
static int vcpu_set_context(struct vcpu *v, const struct vcpu_guest_context *c)
{
    return -EOPNOTSUPP;
}

static void vcpu_get_context(struct vcpu *vcpu, struct vcpu_guest_context *c)
{
    struct hvm_vcpu *v = to_hvm(vcpu);

    memset(c, 0, sizeof(*c));
    fpu_get_legacy(vcpu, &c->fpu_ctxt);
    c->flags = VGCF_i387_valid | (vcpu->pause_flags & VPF_DOWN ? 0 : VGCF_online);
    c->user_regs = vcpu->regs;
    c->ctrlreg[0] = hvm_ops->read(v, HVM_CR0);
    c->ctrlreg[2] = hvm_ops->read(v, HVM_CR2);
    c->ctrlreg[3] = hvm_ops->read(v, HVM_CR3);
    c->ctrlreg[4] = hvm_ops->read(v, HVM_CR4);
}

static const struct domain_ops domain_ops = {
    .name = "hvm",
    .kind = GUEST_HVM,
    .domain_size = sizeof(struct hvm_domain),
    .vcpu_size = sizeof(struct hvm_vcpu),
    .features = HVM_FEATURES,
    .vm_assists = 1ull << VMASST_TYPE_runstate_update_flag,
    .domain_init = domain_init,
    .domain_relinquish = domain_relinquish,
    .domain_destroy = domain_destroy,
    .vcpu_init = vcpu_init,
    .vcpu_destroy = vcpu_destroy,
    .vcpu_set_context = vcpu_set_context,
    .vcpu_get_context = vcpu_get_context,
    .cpuid = hvm_cpuid,
    .vcpu_nmi = hvm_send_nmi,
    .press_button = hvm_platform_press,
    .switch_from = switch_from,
    .switch_to = switch_to,
    .enter = enter,
    .gfn_to_frame = hvm_gfn_to_frame,
    .physmap = &hvm_physmap_ops,
    .ioreq_frames = IOREQ_SERVER_FRAMES,
    .ioreq_frame = ioreq_server_frame,
    .hvm_context = hvm_domctl_context,
    .dirty_log = &hvm_dirty_log_ops,
};

void hvm_init(void)
{
    hvm_ops = vmx_init() ?: svm_init();
    if (!hvm_ops) {
        log_info(
            "HVM: none, the processor has no usable VT-x with EPT or AMD-V with nested paging\n");
        return;
    }
    log_info("HVM: %s\n", hvm_ops->name);
    domain_register_kind(&domain_ops);
}
