#include "core/fpu.h"

#include "cpu/asm.h"
#include "cpu/features.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "mm/alloc.h"

#define CR0_TS        0x08
#define XCR0_X87      0x1
#define XCR0_SSE      0x2
#define XCR0_AVX      0x4
#define XCR0_AVX512   0xe0
#define XCR0_KNOWN    (XCR0_X87 | XCR0_SSE | XCR0_AVX | XCR0_AVX512)
#define FXSAVE_SIZE   512
#define XSAVE_SUB1    0x7 // XSAVEOPT, XSAVEC, XGETBV with ECX 1
#define MXCSR_DEFAULT 0x1f80
#define FCW_DEFAULT   0x037f

// What this machine's components take; 0 where it has no XSAVE.
static uint64_t host_xcr0;
static size_t area_size = FXSAVE_SIZE;
static bool have_xsaveopt;
static uint64_t cpu_xcr0[MAX_CPUS]; // as loaded

struct fxsave {
    uint16_t fcw, fsw;
    uint8_t ftw, reserved;
    uint16_t fop;
    uint64_t fip, fdp;
    uint32_t mxcsr, mxcsr_mask;
    uint8_t registers[480];
};
_Static_assert(sizeof(struct fxsave) == FXSAVE_SIZE, "SDM vol. 1, table 10-2");

// What follows in an XSAVE area, SDM vol. 1, section 13.4.2.
struct xsave_header {
    uint64_t xstate_bv, xcomp_bv, reserved[6];
};
_Static_assert(sizeof(struct xsave_header) == 64, "SDM vol. 1, section 13.4.2");

static struct xsave_header *xsave_header(struct vcpu *v)
{
    return (struct xsave_header *)((char *)v->fpu + FXSAVE_SIZE);
}

// A guest runs with the XCR0 that it has set, so XSAVE in its own hands sees the layout it expects.
// Components outside it keep what the last guest left there, which this one cannot read.
static void xsetbv(uint64_t v)
{
    __asm__ volatile("xsetbv" : : "c"(0), "a"((uint32_t)v), "d"((uint32_t)(v >> 32)));
}

uint64_t fpu_host_xcr0(void)
{
    return host_xcr0;
}

void fpu_cpu_init(void)
{
    struct cpuid_regs leaf;

    write_cr0(read_cr0() & ~6ull); // EM and MP off; TS decides
    if (!cpu_features.xsave)
        return;
    write_cr4(read_cr4() | CR4_OSXSAVE);
    leaf = cpuid_count(0xd, 0);
    host_xcr0 = ((uint64_t)leaf.d << 32 | leaf.a) & XCR0_KNOWN;
    if ((host_xcr0 & XCR0_AVX512) != XCR0_AVX512)
        host_xcr0 &= ~(uint64_t)XCR0_AVX512;
    xsetbv(host_xcr0);
    cpu_xcr0[this_cpu()] = host_xcr0;
    area_size = cpuid_count(0xd, 0).b;
    have_xsaveopt = cpuid_count(0xd, 1).a & 1;
}

int fpu_vcpu_init(struct vcpu *v)
{
    struct fxsave *f;

    v->fpu = xzalloc_bytes(area_size < 1024 ? 1024 : area_size);
    if (!v->fpu)
        return -ENOMEM;
    f = v->fpu;
    f->fcw = FCW_DEFAULT;
    f->mxcsr = MXCSR_DEFAULT;
    v->xcr0 = XCR0_X87;
    return 0;
}

void fpu_vcpu_destroy(struct vcpu *v)
{
    xfree(v->fpu);
}

// SSE works whether XCR0 names it or not, so the registers are always saved and restored with it.
static void include_sse(const struct vcpu *v)
{
    if (host_xcr0 && !(v->xcr0 & XCR0_SSE))
        xsetbv(v->xcr0 | XCR0_SSE);
}

static void exclude_sse(const struct vcpu *v)
{
    if (host_xcr0 && !(v->xcr0 & XCR0_SSE))
        xsetbv(cpu_xcr0[this_cpu()]);
}

void fpu_restore(struct vcpu *v)
{
    clts();
    if (v->fpu_dirty)
        return;
    include_sse(v);
    if (host_xcr0) // XRSTOR faults on a component that XCR0 has not
        xsave_header(v)->xstate_bv &= v->xcr0 | XCR0_SSE;
    if (host_xcr0)
        __asm__ volatile("xrstor64 (%0)" : : "r"(v->fpu), "a"(~0u), "d"(~0u) : "memory");
    else
        __asm__ volatile("fxrstor64 (%0)" : : "r"(v->fpu) : "memory");
    exclude_sse(v);
    v->fpu_dirty = true;
}

void fpu_save(struct vcpu *v)
{
    if (!v->fpu_dirty)
        return;
    clts();
    include_sse(v);
    if (have_xsaveopt)
        __asm__ volatile("xsaveopt64 (%0)" : : "r"(v->fpu), "a"(~0u), "d"(~0u) : "memory");
    else if (host_xcr0)
        __asm__ volatile("xsave64 (%0)" : : "r"(v->fpu), "a"(~0u), "d"(~0u) : "memory");
    else
        __asm__ volatile("fxsave64 (%0)" : : "r"(v->fpu) : "memory");
    exclude_sse(v);
    v->fpu_dirty = false;
}

static bool xcr0_ok(uint64_t xcr0)
{
    uint64_t avx512 = xcr0 & XCR0_AVX512;

    return (xcr0 & XCR0_X87) && !(xcr0 & ~host_xcr0) && (!(xcr0 & XCR0_AVX) || (xcr0 & XCR0_SSE)) &&
           (!avx512 || (avx512 == XCR0_AVX512 && (xcr0 & XCR0_AVX)));
}

static void load_xcr0(struct vcpu *v)
{
    unsigned cpu = this_cpu();

    if (host_xcr0 && cpu_xcr0[cpu] != v->xcr0) {
        xsetbv(v->xcr0);
        cpu_xcr0[cpu] = v->xcr0;
    }
}

bool fpu_set_xcr0(struct vcpu *v, uint64_t xcr0)
{
    if (!xcr0_ok(xcr0))
        return false;
    fpu_save(v); // with the old layout
    v->xcr0 = xcr0;
    load_xcr0(v);
    fpu_restore(v);
    return true;
}

static uint64_t xgetbv(void)
{
    uint32_t lo, hi;

    __asm__ volatile("xgetbv" : "=a"(lo), "=d"(hi) : "c"(0));
    return (uint64_t)hi << 32 | lo;
}

void fpu_adopt_xcr0(struct vcpu *v)
{
    uint64_t now = host_xcr0 ? xgetbv() : v->xcr0;

    if (likely(now == v->xcr0))
        return;
    cpu_xcr0[this_cpu()] = now;
    if (xcr0_ok(now))
        v->xcr0 = now;
    else
        load_xcr0(v);
}

void fpu_switch_to(struct vcpu *v, bool trap)
{
    load_xcr0(v);
    fpu_restore(v);
    if (trap)
        write_cr0(read_cr0() | CR0_TS);
}

void fpu_set_legacy(struct vcpu *v, const void *fxsave)
{
    struct fxsave *f = v->fpu;

    memset(v->fpu, 0, area_size);
    memcpy(f, fxsave, FXSAVE_SIZE);
    f->mxcsr &= 0xffff;
    if (host_xcr0)
        xsave_header(v)->xstate_bv = XCR0_X87 | XCR0_SSE;
}

void fpu_get_legacy(struct vcpu *v, void *fxsave)
{
    memcpy(fxsave, v->fpu, FXSAVE_SIZE);
}

void fpu_cpuid(uint32_t subleaf, struct cpuid_regs *r)
{
    if (subleaf == 0) {
        r->a = (uint32_t)host_xcr0;
        r->d = (uint32_t)(host_xcr0 >> 32);
    } else if (subleaf == 1) {
        *r = (struct cpuid_regs){.a = r->a & XSAVE_SUB1};
    } else if (subleaf > 63 || !(host_xcr0 >> subleaf & 1)) {
        *r = (struct cpuid_regs){0};
    }
}

size_t fpu_xstate_size(uint64_t xcr0)
{
    size_t size = FXSAVE_SIZE + sizeof(struct xsave_header);

    if (!host_xcr0)
        return 0;
    for (unsigned i = 2; i < 63; i++)
        if (xcr0 >> i & 1) {
            struct cpuid_regs r = cpuid_count(0xd, i);

            size = MAX(size, (size_t)r.a + r.b);
        }
    return MIN(size, area_size);
}

bool fpu_xstate_ok(uint64_t xcr0, const void *area, size_t size)
{
    const struct xsave_header *h = (const void *)((const char *)area + FXSAVE_SIZE);

    if (!host_xcr0 || !xcr0_ok(xcr0) || (size && size < FXSAVE_SIZE + sizeof(*h)) ||
        size > fpu_xstate_size(host_xcr0))
        return false;
    if (size && ((h->xstate_bv & ~(xcr0 | XCR0_SSE)) || h->xcomp_bv))
        return false;
    for (unsigned i = 0; size && i < ARRAY_SIZE(h->reserved); i++)
        if (h->reserved[i])
            return false;
    return true;
}

int fpu_set_xstate(struct vcpu *v, uint64_t xcr0, const void *area, size_t size)
{
    if (!fpu_xstate_ok(xcr0, area, size))
        return -EINVAL;
    v->xcr0 = xcr0;
    if (!size)
        return 0;
    memset(v->fpu, 0, area_size);
    memcpy(v->fpu, area, size);
    ((struct fxsave *)v->fpu)->mxcsr &= 0xffff;
    return 0;
}
