// The state of an HVM domain as a stream of records (pv-abi/hvm/save.h), in and out; and a vCPU's
// state at its beginning.
//
// The domain does not run. A stream that comes in is looked through as a whole before any of it is
// used.
#include "core/domctl.h"
#include "core/fpu.h"
#include "core/guest_tsc.h"
#include "core/sched.h"
#include "cpu/asm.h"
#include "cpu/features.h"
#include "hvm/hvm.h"
#include "hvm/platform/platform.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "mm/alloc.h"
#include "mm/guest.h"

#define MAX_STREAM (1u << 20)
#define PAT_RESET  0x0007040600070406ull
#define CR0_RESET  0x60000010ull
#define CR0_PE     0x1ull
#define CR0_PG     0x80000000ull
#define EFER_LME   0x100ull
#define EFER_LMA   0x400ull
#define AR_CODE    0x9bu // present, code, readable, accessed
#define AR_DATA    0x93u // present, data, writable, accessed
#define AR_LDT     0x82u
#define AR_TSS     0x8bu
#define XSAVE_HEAD offsetof(struct hvm_hw_cpu_xsave, save_area)

// Beginning
// ------------------------------------------------------------------------

void hvm_reset(struct hvm_vcpu *v, uint32_t cs_selector)
{
    struct hvm_hw_cpu s = {
        .rflags = 2,
        .rdx = cpuid(1).a,
        .rip = cs_selector ? 0 : 0xfff0,
        .cr0 = CR0_RESET,
        .dr6 = 0xffff0ff0,
        .dr7 = 0x400,
        .cs_sel = cs_selector ?: 0xf000,
        .cs_base = cs_selector ? (uint64_t)cs_selector << 4 : 0xffff0000,
        .cs_limit = 0xffff,
        .ds_limit = 0xffff,
        .es_limit = 0xffff,
        .fs_limit = 0xffff,
        .gs_limit = 0xffff,
        .ss_limit = 0xffff,
        .tr_limit = 0xffff,
        .ldtr_limit = 0xffff,
        .idtr_limit = 0xffff,
        .gdtr_limit = 0xffff,
        .cs_arbytes = AR_CODE,
        .ds_arbytes = AR_DATA,
        .es_arbytes = AR_DATA,
        .fs_arbytes = AR_DATA,
        .gs_arbytes = AR_DATA,
        .ss_arbytes = AR_DATA,
        .tr_arbytes = AR_TSS,
        .ldtr_arbytes = AR_LDT,
    };

    memset(&v->v.regs, 0, sizeof(v->v.regs));
    hvm_ops->set_state(v, &s);
    memset(v->dr, 0, sizeof(v->dr));
}

// Out
// ------------------------------------------------------------------------

// Records are written one behind the other; `at` goes on where there is no room left, so that it
// tells the size in the end.
struct writer {
    uint8_t *to;
    size_t at, room;
};

static void put_bytes(struct writer *w, const void *data, size_t n)
{
    if (n && w->at + n <= w->room)
        memcpy(w->to + w->at, data, n);
    w->at += n;
}

static void put(struct writer *w, unsigned code, unsigned instance, const void *data, size_t n)
{
    const struct hvm_save_descriptor head = {(uint16_t)code, (uint16_t)instance, (uint32_t)n};

    put_bytes(w, &head, sizeof(head));
    put_bytes(w, data, n);
}

#define PUT(w, name, instance, data) \
    put(w, HVM_SAVE_CODE(name), instance, data, HVM_SAVE_LENGTH(name))

static void put_cpu(struct writer *w, struct hvm_vcpu *v)
{
    struct hvm_hw_cpu s = {.tsc = guest_tsc_read(v->v.domain)};
    const struct cpu_user_regs *r = &v->v.regs;

    hvm_ops->get_state(v, &s);
    s.rax = r->rax, s.rbx = r->rbx, s.rcx = r->rcx, s.rdx = r->rdx;
    s.rbp = r->rbp, s.rsi = r->rsi, s.rdi = r->rdi, s.rsp = r->rsp;
    s.r8 = r->r8, s.r9 = r->r9, s.r10 = r->r10, s.r11 = r->r11;
    s.r12 = r->r12, s.r13 = r->r13, s.r14 = r->r14, s.r15 = r->r15;
    s.rip = r->rip, s.rflags = r->rflags;
    s.dr0 = v->dr[0], s.dr1 = v->dr[1], s.dr2 = v->dr[2], s.dr3 = v->dr[3];
    s.msr_tsc_aux = v->tsc_aux;
    fpu_get_legacy(&v->v, s.fpu_regs);
    s.flags = XEN_X86_FPU_INITIALISED;
    PUT(w, CPU, v->v.id, &s);
}

// The record's head, and behind it the area with what of it the guest has enabled.
static void put_xsave(struct writer *w, struct hvm_vcpu *v)
{
    const struct hvm_save_descriptor head = {HVM_SAVE_CODE(CPU_XSAVE), (uint16_t)v->v.id,
                                             (uint32_t)(XSAVE_HEAD + fpu_xstate_size(v->v.xcr0))};
    const uint64_t words[] = {fpu_host_xcr0(), v->v.xcr0, v->v.xcr0};

    if (head.length == XSAVE_HEAD)
        return; // this machine has no such thing
    put_bytes(w, &head, sizeof(head));
    put_bytes(w, words, sizeof(words));
    put_bytes(w, v->v.fpu, head.length - XSAVE_HEAD);
}

static void put_vcpu(struct writer *w, struct hvm_vcpu *v)
{
    struct hvm_hw_lapic apic = {.apic_base_msr = v->lapic.base_msr};

    if (v->v.initialised) {
        put_cpu(w, v);
        put_xsave(w, v);
    }
    PUT(w, LAPIC, v->v.id, &apic);
    PUT(w, LAPIC_REGS, v->v.id, v->lapic.regs);
    PUT(w, MTRR, v->v.id, &v->mtrr);
}

static void put_platform(struct writer *w, struct domain *d)
{
    struct hvm_save_descriptor head;
    union hvm_platform_record r;

    for (unsigned n = 0; hvm_platform_save(d, n, &head, &r); n++)
        put(w, head.typecode, head.instance, &r, head.length);
}

static void put_all(struct writer *w, struct domain *d)
{
    const struct hvm_save_header head = {.magic = HVM_FILE_MAGIC,
                                         .version = HVM_FILE_VERSION,
                                         .cpuid = cpuid(1).a,
                                         .gtsc_khz = guest_tsc_khz(d)};
    struct vcpu *v;

    PUT(w, HEADER, 0, &head);
    for_each_vcpu (d, v)
        put_vcpu(w, to_hvm(v));
    put_platform(w, d);
    put(w, HVM_SAVE_CODE(END), 0, NULL, 0);
}

// The stream in memory of the hypervisor's; the caller frees it. -ENOMEM.
static int collect(struct domain *d, struct writer *w)
{
    *w = (struct writer){0};
    put_all(w, d);
    w->room = w->at;
    w->at = 0;
    w->to = xzalloc_bytes(w->room);
    if (!w->to)
        return -ENOMEM;
    put_all(w, d);
    return 0;
}

static int get_context(struct domain *d, struct xen_domctl_hvmcontext *c)
{
    struct writer w;
    int rc = collect(d, &w);

    if (rc)
        return rc;
    if (c->buffer && c->size < w.at)
        rc = -ENOSPC;
    else if (c->buffer && copy_to_guest((uint64_t)c->buffer, w.to, w.at))
        rc = -EFAULT;
    c->size = (uint32_t)w.at;
    xfree(w.to);
    return rc;
}

// A record in a stream, which may stand anywhere.
struct record {
    struct hvm_save_descriptor head;
    const uint8_t *data;
};

// The record at an offset, which moves on; false at the stream's end, or where it makes no sense.
static bool next_record(const uint8_t *stream, size_t size, size_t *at, struct record *r)
{
    if (size - *at < sizeof(r->head))
        return false;
    memcpy(&r->head, stream + *at, sizeof(r->head));
    *at += sizeof(r->head);
    r->data = stream + *at;
    if (size - *at < r->head.length)
        return false;
    *at += r->head.length;
    return true;
}

static int get_partial(struct domain *d, struct xen_domctl_hvmcontext_partial *p)
{
    struct record r;
    struct writer w;
    size_t at = 0;
    int rc = collect(d, &w);

    if (rc)
        return rc;
    rc = -ENOENT;
    while (rc == -ENOENT && next_record(w.to, w.at, &at, &r)) {
        if (r.head.typecode != p->type || r.head.instance != p->instance)
            continue;
        rc = p->buffer && p->bufsz < r.head.length ? -ENOSPC : 0;
        if (!rc && p->buffer && copy_to_guest((uint64_t)p->buffer, r.data, r.head.length))
            rc = -EFAULT;
        p->bufsz = r.head.length;
    }
    xfree(w.to);
    return rc;
}

// In
// ------------------------------------------------------------------------

static bool state_ok(const struct hvm_hw_cpu *s)
{
    bool paging = s->cr0 & CR0_PG, long_mode = s->msr_efer & EFER_LMA;

    // What a processor would refuse to enter.
    return (!paging || (s->cr0 & CR0_PE)) && !((s->cr0 | s->cr4 | s->dr6 | s->dr7) >> 32) &&
           long_mode == (paging && (s->msr_efer & EFER_LME)) &&
           (!long_mode || (s->cr4 & CR4_PAE)) && !(s->cr4 & ~0x770fffull) &&
           !(s->msr_efer & ~0x4d01ull);
}

static void load_cpu(struct hvm_vcpu *v, const struct hvm_hw_cpu *s)
{
    struct cpu_user_regs *r = &v->v.regs;

    *r = (struct cpu_user_regs){
        .rax = s->rax,
        .rbx = s->rbx,
        .rcx = s->rcx,
        .rdx = s->rdx,
        .rbp = s->rbp,
        .rsi = s->rsi,
        .rdi = s->rdi,
        .rsp = s->rsp,
        .r8 = s->r8,
        .r9 = s->r9,
        .r10 = s->r10,
        .r11 = s->r11,
        .r12 = s->r12,
        .r13 = s->r13,
        .r14 = s->r14,
        .r15 = s->r15,
        .rip = s->rip,
        .rflags = s->rflags,
    };
    hvm_ops->set_state(v, s);
    v->dr[0] = s->dr0, v->dr[1] = s->dr1, v->dr[2] = s->dr2, v->dr[3] = s->dr3;
    v->tsc_aux = (uint32_t)s->msr_tsc_aux;
    if (s->flags & XEN_X86_FPU_INITIALISED)
        fpu_set_legacy(&v->v, s->fpu_regs);
    v->v.initialised = true;
    __atomic_fetch_and(&v->v.pause_flags, ~(uint64_t)VPF_DOWN, __ATOMIC_SEQ_CST);
}

// A record shorter than it should be is filled up with zeros.
union content {
    struct hvm_save_header header;
    struct hvm_hw_cpu cpu;
    struct hvm_hw_lapic lapic;
    struct hvm_hw_lapic_regs lapic_regs;
    struct hvm_hw_mtrr mtrr;
    union hvm_platform_record platform;
};

// Behind the CPU record, which has the older part of the same.
static int load_xsave(struct hvm_vcpu *v, const struct record *r, bool commit)
{
    size_t size = r->head.length - XSAVE_HEAD;
    uint64_t words[3];

    if (r->head.length < XSAVE_HEAD)
        return -EINVAL;
    memcpy(words, r->data, sizeof(words));
    if (commit)
        return fpu_set_xstate(&v->v, words[1], r->data + XSAVE_HEAD, size);
    return fpu_xstate_ok(words[1], r->data + XSAVE_HEAD, size) ? 0 : -EINVAL;
}

static bool is_vcpus(unsigned code)
{
    return code == HVM_SAVE_CODE(CPU) || code == HVM_SAVE_CODE(LAPIC) ||
           code == HVM_SAVE_CODE(LAPIC_REGS) || code == HVM_SAVE_CODE(MTRR) ||
           code == HVM_SAVE_CODE(CPU_XSAVE);
}

// `commit` false: only checks. -EOPNOTSUPP: of a device that the domain does not have.
static int load_record(struct domain *d, const struct record *r, union content *u, bool commit)
{
    struct vcpu *vcpu = domain_vcpu(d, r->head.instance);
    struct hvm_vcpu *v = vcpu ? to_hvm(vcpu) : NULL;

    memset(u, 0, sizeof(*u));
    memcpy(u, r->data, MIN((size_t)r->head.length, sizeof(*u)));
    if (r->head.typecode == HVM_SAVE_CODE(HEADER))
        return u->header.magic == HVM_FILE_MAGIC && u->header.version == HVM_FILE_VERSION ? 0
                                                                                          : -EINVAL;
    if (!is_vcpus(r->head.typecode))
        return hvm_platform_load(d, r->head.typecode, r->head.instance, &u->platform, commit);
    if (!v)
        return -EINVAL;
    switch (r->head.typecode) {
    case HVM_SAVE_CODE(CPU):
        if (!state_ok(&u->cpu))
            return -EINVAL;
        if (commit)
            load_cpu(v, &u->cpu);
        return 0;
    case HVM_SAVE_CODE(CPU_XSAVE):
        return load_xsave(v, r, commit);
    case HVM_SAVE_CODE(LAPIC):
        return lapic_load_base(v, u->lapic.apic_base_msr, commit) ? 0 : -EINVAL;
    case HVM_SAVE_CODE(LAPIC_REGS):
        if (commit)
            lapic_load_regs(v, (const uint32_t *)u->lapic_regs.data);
        return 0;
    default:
        return hvm_load_mtrr(v, &u->mtrr, commit) ? 0 : -EINVAL;
    }
}

static int load_stream(struct domain *d, const uint8_t *stream, size_t size, union content *u,
                       bool commit)
{
    struct record r;
    size_t at = 0;

    while (next_record(stream, size, &at, &r)) {
        int rc;

        if (r.head.typecode == HVM_SAVE_CODE(END))
            return 0;
        rc = load_record(d, &r, u, commit);
        if (rc)
            return rc;
    }
    return -EINVAL; // it does not end
}

static int set_context(struct domain *d, const struct xen_domctl_hvmcontext *c)
{
    uint8_t *stream;
    union content *u;
    int rc;

    if (c->size > MAX_STREAM)
        return -EINVAL;
    stream = xzalloc_bytes(c->size);
    u = xzalloc(union content);
    rc = !stream || !u ? -ENOMEM : copy_from_guest(stream, (uint64_t)c->buffer, c->size);
    if (!rc)
        rc = load_stream(d, stream, c->size, u, false);
    if (!rc)
        rc = load_stream(d, stream, c->size, u, true);
    if (!rc)
        hvm_platform_loaded(d);
    xfree(u);
    xfree(stream);
    return rc;
}

int hvm_domctl_context(struct domain *d, struct xen_domctl *op)
{
    struct vcpu *v;
    int rc;

    domain_pause(d);
    if (op->cmd == XEN_DOMCTL_sethvmcontext)
        rc = set_context(d, &op->u.hvmcontext);
    else if (op->cmd == XEN_DOMCTL_gethvmcontext)
        rc = get_context(d, &op->u.hvmcontext);
    else
        rc = get_partial(d, &op->u.hvmcontext_partial);
    domain_unpause(d);
    for_each_vcpu (d, v)
        vcpu_wake(v);
    return rc;
}
