#include "cpu/features.h"

#include "cpu/asm.h"
#include "cpu/msr.h"
#include "cpu/percpu.h"
#include "lib/string.h"

// WB, WT, UC-, UC, WC, WP, UC, UC: what the ABI promises guests (mm/pte.h names the entries).
#define HV_PAT 0x0000050100070406ull

struct cpu_features cpu_features;

struct alternative {
    int32_t where; // of three bytes of no-op, relative to this field
    uint8_t insn[4];
};
extern const struct alternative alternatives_start[], alternatives_end[];

static void read_brand(void)
{
    uint32_t *out = (uint32_t *)cpu_features.brand;

    if (cpuid(0x80000000).a < 0x80000004)
        return;
    for (uint32_t leaf = 0x80000002; leaf <= 0x80000004; leaf++) {
        struct cpuid_regs r = cpuid(leaf);

        memcpy(out, &r, sizeof(r));
        out += 4;
    }
}

// Puts CLAC and STAC where entry code has a no-op for them. The text is still writable, or reached
// through the direct map.
static void patch_smap(void)
{
    for (const struct alternative *a = alternatives_start; a < alternatives_end; a++) {
        uint64_t where = (uint64_t)&a->where + (uint64_t)(int64_t)a->where;

        memcpy((void *)(DIRECTMAP_START + where - IMAGE_START), a->insn, 3);
    }
}

void features_init(void)
{
    struct cpu_features *f = &cpu_features;
    struct cpuid_regs l0 = cpuid(0), l1 = cpuid(1), l7 = {0}, e1 = cpuid(0x80000001);

    f->intel = l0.b == 0x756e6547;
    f->amd = l0.b == 0x68747541 || l0.b == 0x6f677948;
    if (l0.a >= 7)
        l7 = cpuid_count(7, 0);
    f->smep = l7.b >> 7 & 1;
    f->smap = l7.b >> 20 & 1;
    f->fsgsbase = l7.b & 1;
    f->invpcid = l7.b >> 10 & 1;
    f->umip = l7.c >> 2 & 1;
    f->pcid = l1.c >> 17 & 1;
    f->x2apic = l1.c >> 21 & 1;
    f->xsave = l1.c >> 26 & 1;
    f->vmx = f->intel && (l1.c >> 5 & 1);
    f->svm = f->amd && (e1.c >> 2 & 1);
    f->rdtscp = e1.d >> 27 & 1;
    f->page1gb = e1.d >> 26 & 1;
    f->phys_bits = 36;
    if (cpuid(0x80000000).a >= 0x80000008)
        f->phys_bits = cpuid(0x80000008).a & 0xff;
    if (cpuid(0x80000000).a >= 0x80000007)
        f->invariant_tsc = cpuid(0x80000007).d >> 8 & 1;
    if (f->intel) {
        uint64_t info;

        f->cpuid_faulting = rdmsr_safe(MSR_PLATFORM_INFO, &info) && (info >> 31 & 1);
    }
    read_brand();
    if (f->smap)
        patch_smap();
}

void features_cpu_init(void)
{
    uint64_t cr4 = CR4_PAE | CR4_PGE | CR4_MCE | CR4_DE | CR4_OSFXSR | CR4_OSXMMEXCPT;

    if (cpu_features.fsgsbase)
        cr4 |= CR4_FSGSBASE;
    if (cpu_features.smep)
        cr4 |= CR4_SMEP;
    if (cpu_features.smap)
        cr4 |= CR4_SMAP;
    if (cpu_features.umip)
        cr4 |= CR4_UMIP;
    write_cr4(cr4);
    wrmsr(MSR_PAT, HV_PAT);
}

void tsc_aux_load(uint32_t aux)
{
    static uint32_t loaded[MAX_CPUS];

    if (!cpu_features.rdtscp || loaded[this_cpu()] == aux)
        return;
    wrmsr(MSR_TSC_AUX, aux);
    loaded[this_cpu()] = aux;
}
