// The saved state of HVM guests: what goes out comes in again, and what makes no sense changes
// nothing.
//
// sources: hypervisor/hvm/context.c hypervisor/hvm/lapic.c hypervisor/hvm/lapic_bus.c
// sources: hypervisor/hvm/p2m.c tests/unit/hvm_kit.c tests/unit/fake/platform.c
// sources: tests/unit/fake/frames.c
#include <CUnit/Basic.h>
#include <string.h>

#include "core/domctl.h"
#include "core/fpu.h"
#include "core/guest_tsc.h"
#include "lib/errno.h"
#include "tests/suite.h"
#include "tests/unit/hvm_kit.h"

// What context.c asks of other rooms.
static struct hvm_hw_cpu vendor_state[2];
static unsigned loads;

static void get_state(const struct hvm_vcpu *v, struct hvm_hw_cpu *state)
{
    *state = vendor_state[v->v.id];
}

static void set_state(struct hvm_vcpu *v, const struct hvm_hw_cpu *state)
{
    vendor_state[v->v.id] = *state;
    loads++;
}

void fpu_get_legacy(struct vcpu *v, void *fxsave)
{
    memset(fxsave, 0x5a, 512);
}

void fpu_set_legacy(struct vcpu *v, const void *fxsave)
{
}

// The area of a vCPU is what the test has it be, 640 bytes of it with YMM enabled.
static uint64_t areas[2][80];

uint64_t fpu_host_xcr0(void)
{
    return 7;
}

size_t fpu_xstate_size(uint64_t xcr0)
{
    return xcr0 & 4 ? 640 : 576;
}

bool fpu_xstate_ok(uint64_t xcr0, const void *area, size_t size)
{
    return !(xcr0 & ~7ull) && size <= 640;
}

int fpu_set_xstate(struct vcpu *v, uint64_t xcr0, const void *area, size_t size)
{
    v->xcr0 = xcr0;
    memcpy(areas[v->id], area, size);
    return 0;
}

uint64_t guest_tsc_read(const struct domain *d)
{
    return 1;
}

uint32_t guest_tsc_khz(const struct domain *d)
{
    return 1000000;
}

void domain_pause(struct domain *domain)
{
}

void domain_unpause(struct domain *domain)
{
}

bool hvm_load_mtrr(struct hvm_vcpu *v, const struct hvm_hw_mtrr *m, bool commit)
{
    if (commit)
        v->mtrr = *m;
    return m->msr_mtrr_def_type != 0xbad;
}

static struct hvm_domain *d;
static struct xen_domctl op;
static uint8_t stream[16384];

static void start(void)
{
    fake_reset();
    d = kit_domain(2);
    kit_set_state_ops(get_state, set_state);
    memset(vendor_state, 0, sizeof(vendor_state));
    loads = 0;
    for (unsigned i = 0; i < 2; i++) {
        lapic_init(to_hvm(d->d.vcpus[i]));
        d->d.vcpus[i]->pause_flags = VPF_DOWN;
        d->d.vcpus[i]->fpu = areas[i];
        d->d.vcpus[i]->xcr0 = 3;
    }
}

static int call(unsigned cmd, uint32_t size)
{
    op.cmd = cmd;
    op.u.hvmcontext.size = size;
    op.u.hvmcontext.buffer = stream;
    return hvm_domctl_context(&d->d, &op);
}

// The stream of a domain whose first vCPU has been given a state.
static uint32_t saved(void)
{
    d->d.vcpus[0]->initialised = true;
    vendor_state[0] =
        (struct hvm_hw_cpu){.cr0 = 0x80000011, .cr4 = 0x6a0, .msr_efer = 0xd01, .cs_sel = 8};
    d->d.vcpus[0]->regs.rip = 0x1234;
    d->d.vcpus[0]->xcr0 = 7;
    areas[0][79] = 0xfeed;
    to_hvm(d->d.vcpus[0])->mtrr.msr_mtrr_def_type = 0x806;
    CU_ASSERT_EQUAL(call(XEN_DOMCTL_gethvmcontext, sizeof(stream)), 0);
    return op.u.hvmcontext.size;
}

static void test_round(void)
{
    uint32_t size;

    start();
    size = saved();
    CU_ASSERT_EQUAL(call(XEN_DOMCTL_gethvmcontext, size - 1), -ENOSPC);
    op.cmd = XEN_DOMCTL_gethvmcontext;
    op.u.hvmcontext.buffer = NULL;
    CU_ASSERT_EQUAL(hvm_domctl_context(&d->d, &op), 0);
    CU_ASSERT_EQUAL(op.u.hvmcontext.size, size);
    memset(vendor_state, 0, sizeof(vendor_state));
    d->d.vcpus[0]->regs.rip = 0;
    d->d.vcpus[0]->xcr0 = 3;
    areas[0][79] = 0;
    to_hvm(d->d.vcpus[0])->mtrr.msr_mtrr_def_type = 0;
    CU_ASSERT_EQUAL(call(XEN_DOMCTL_sethvmcontext, size), 0);
    CU_ASSERT_EQUAL(vendor_state[0].cr0, 0x80000011);
    CU_ASSERT_EQUAL(d->d.vcpus[0]->regs.rip, 0x1234);
    CU_ASSERT_EQUAL(d->d.vcpus[0]->xcr0, 7);
    CU_ASSERT_EQUAL(areas[0][79], 0xfeed);
    CU_ASSERT_EQUAL(to_hvm(d->d.vcpus[0])->mtrr.msr_mtrr_def_type, 0x806);
    CU_ASSERT(!(d->d.vcpus[0]->pause_flags & VPF_DOWN)); // a vCPU with a state is up
    CU_ASSERT(d->d.vcpus[1]->pause_flags & VPF_DOWN);    // one without is not
    kit_domain_free(d);
}

static void test_partial(void)
{
    struct hvm_hw_mtrr mtrr;

    start();
    saved();
    op.cmd = XEN_DOMCTL_gethvmcontext_partial;
    op.u.hvmcontext_partial = (struct xen_domctl_hvmcontext_partial){.type = HVM_SAVE_CODE(MTRR),
                                                                     .instance = 0,
                                                                     .bufsz = sizeof(mtrr),
                                                                     .buffer = (uint8_t *)&mtrr};
    CU_ASSERT_EQUAL(hvm_domctl_context(&d->d, &op), 0);
    CU_ASSERT_EQUAL(mtrr.msr_mtrr_def_type, 0x806);
    op.u.hvmcontext_partial.bufsz = 8;
    CU_ASSERT_EQUAL(hvm_domctl_context(&d->d, &op), -ENOSPC);
    op.u.hvmcontext_partial.instance = 2;
    CU_ASSERT_EQUAL(hvm_domctl_context(&d->d, &op), -ENOENT);
    kit_domain_free(d);
}

// The first record of a kind.
static void *record(uint32_t size, unsigned type)
{
    for (uint32_t at = 0; at < size;) {
        struct hvm_save_descriptor *r = (void *)(stream + at);

        if (r->typecode == type)
            return r + 1;
        at += (uint32_t)sizeof(*r) + r->length;
    }
    return NULL;
}

static void refused(uint32_t size, int error)
{
    unsigned before = loads;

    CU_ASSERT_EQUAL(call(XEN_DOMCTL_sethvmcontext, size), error);
    CU_ASSERT_EQUAL(loads, before); // nothing of it was used
}

static void test_refused(void)
{
    struct hvm_hw_cpu *cpu;
    uint32_t size;

    start();
    size = saved();
    cpu = record(size, HVM_SAVE_CODE(CPU));
    refused(size - 1, -EINVAL); // cut short
    refused(0, -EINVAL);
    refused(~0u, -EINVAL);
    cpu->cr0 = 0x80000010; // paging without protection
    refused(size, -EINVAL);
    cpu->cr0 = 0x80000011;
    cpu->cr4 = 0x80; // long mode without PAE
    refused(size, -EINVAL);
    cpu->cr4 = 0x2000 | 0x20; // VMX
    refused(size, -EINVAL);
    cpu->cr4 = 0x20;
    cpu->msr_efer = 0x1d01; // SVM
    refused(size, -EINVAL);
    cpu->msr_efer = 0xd01;
    ((struct hvm_hw_cpu_xsave *)record(size, HVM_SAVE_CODE(CPU_XSAVE)))->xcr0 = 0x1007;
    refused(size, -EINVAL);
    ((struct hvm_hw_cpu_xsave *)record(size, HVM_SAVE_CODE(CPU_XSAVE)))->xcr0 = 7;
    ((struct hvm_hw_mtrr *)record(size, HVM_SAVE_CODE(MTRR)))->msr_mtrr_def_type = 0xbad;
    refused(size, -EINVAL); // though it stands behind a CPU that is right
    ((struct hvm_hw_mtrr *)record(size, HVM_SAVE_CODE(MTRR)))->msr_mtrr_def_type = 6;
    ((struct hvm_hw_lapic *)record(size, HVM_SAVE_CODE(LAPIC)))->apic_base_msr = 1;
    refused(size, -EINVAL);
    ((struct hvm_save_descriptor *)record(size, HVM_SAVE_CODE(CPU)) - 1)->instance = 7;
    refused(size, -EINVAL);
    ((struct hvm_save_descriptor *)record(size, HVM_SAVE_CODE(CPU)) - 1)->typecode =
        HVM_SAVE_CODE(PIT);
    ((struct hvm_save_descriptor *)record(size, HVM_SAVE_CODE(PIT)) - 1)->instance = 0;
    refused(size, -EOPNOTSUPP);
    kit_domain_free(d);
}

// Damage of any kind: an answer, and no access beyond the stream (the sanitizer looks).
static void test_damage(void)
{
    uint32_t size;

    start();
    fake_seed(11);
    size = saved();
    for (unsigned i = 0; i < 3000; i++) {
        uint8_t before[sizeof(stream)];

        memcpy(before, stream, size);
        for (unsigned n = fake_below(4) + 1; n; n--)
            stream[fake_below(fake_below(2) ? 64 : size)] = (uint8_t)fake_random();
        call(XEN_DOMCTL_sethvmcontext, fake_below(4) ? size : fake_below(size));
        memcpy(stream, before, size);
    }
    CU_ASSERT_EQUAL(call(XEN_DOMCTL_sethvmcontext, size), 0);
    kit_domain_free(d);
}

int main(void)
{
    static CU_TestInfo tests[] = {
        {"there and back", test_round},
        {"one record", test_partial},
        {"refused", test_refused},
        {"damage", test_damage},
        CU_TEST_INFO_NULL,
    };

    return run_suite("hvm context", tests);
}
