#include "core/cpu_policy.h"

#include "lib/errno.h"
#include "mm/guest.h"

#define MAX_BASIC    0xdu
#define FIRST_EXT    0x80000000u
#define MAX_EXT      0x80000021u
#define FIRST_HV     0x40000000u
#define SECOND_HV    0x40000100u
#define LAST_CACHE   5
#define LAST_FEATURE 2
#define LAST_LEVEL   1
#define LAST_XSTATE  62

#define LEAF1_ECX_OSXSAVE (1u << 27) // follows CR4: no feature
// What AMD repeats of leaf 1 EDX in leaf 0x80000001 EDX.
#define COMMON_EDX 0x0183f3ffu

#define MSR_PLATFORM_INFO 0xce

static struct cpuid_regs look(const struct cpu_view *view, uint32_t leaf, uint32_t subleaf)
{
    const struct vcpu *v = view->guest;
    struct cpuid_regs r;

    if (!v)
        return cpuid_count(leaf, subleaf);
    v->domain->ops->cpuid(v, leaf, subleaf, &r);
    return r;
}

static uint32_t last_leaf(const struct cpu_view *view, uint32_t first)
{
    uint32_t last = look(view, first, 0).a;

    return last >= first && last - first < 0x10000 ? last : first;
}

void cpu_view_features(const struct cpu_view *view, uint32_t *words, unsigned n)
{
    uint32_t all[FEATURE_WORDS] = {0};
    uint32_t basic = last_leaf(view, 0), ext = last_leaf(view, FIRST_EXT);
    struct cpuid_regs r = look(view, 1, 0);

    all[0] = r.d;
    all[1] = r.c & ~LEAF1_ECX_OSXSAVE;
    if (basic >= 7) {
        struct cpuid_regs first = look(view, 7, 0);

        all[5] = first.b;
        all[6] = first.c;
        all[9] = first.d;
        r = first.a >= 1 ? look(view, 7, 1) : (struct cpuid_regs){0};
        all[10] = r.a;
        all[12] = r.b;
        all[14] = r.c;
        all[15] = r.d;
        all[13] = first.a >= 2 ? look(view, 7, 2).d : 0;
    }
    if (basic >= 0xd)
        all[4] = look(view, 0xd, 1).a;
    if (ext >= FIRST_EXT + 1) {
        r = look(view, FIRST_EXT + 1, 0);
        all[2] = r.d & ~COMMON_EDX;
        all[3] = r.c;
    }
    if (ext >= FIRST_EXT + 7)
        all[7] = look(view, FIRST_EXT + 7, 0).d;
    if (ext >= FIRST_EXT + 8)
        all[8] = look(view, FIRST_EXT + 8, 0).b;
    if (ext >= FIRST_EXT + 0x21) {
        r = look(view, FIRST_EXT + 0x21, 0);
        all[11] = r.a;
        all[18] = r.c;
    }
    for (unsigned i = 0; i < n && i < FEATURE_WORDS; i++)
        words[i] = all[i];
}

struct leaf_writer {
    const struct cpu_view *view;
    uint64_t to;
    uint32_t done, room;
    int rc;
};

static void put_value(struct leaf_writer *w, uint32_t leaf, uint32_t subleaf, struct cpuid_regs r)
{
    struct xen_cpuid_leaf out = {leaf, subleaf, r.a, r.b, r.c, r.d};

    if (w->rc)
        return;
    if (w->done == w->room)
        w->rc = -ENOBUFS;
    else if (copy_to_guest(w->to + w->done * sizeof(out), &out, sizeof(out)))
        w->rc = -EFAULT;
    else
        w->done++;
}

static void put(struct leaf_writer *w, uint32_t leaf, uint32_t subleaf)
{
    put_value(w, leaf, subleaf, look(w->view, leaf, subleaf));
}

static void put_subleaves(struct leaf_writer *w, uint32_t leaf, unsigned last)
{
    for (unsigned i = 0; i <= last; i++)
        put(w, leaf, i);
}

static void put_caches(struct leaf_writer *w)
{
    for (unsigned i = 0; i <= LAST_CACHE; i++) {
        struct cpuid_regs r = look(w->view, 4, i);

        put_value(w, 4, i, r);
        if (!(r.a & 31)) // no further cache
            break;
    }
}

static void put_xstate(struct leaf_writer *w)
{
    struct cpuid_regs r = look(w->view, 0xd, 0), supervisor = look(w->view, 0xd, 1);
    uint64_t states = ((uint64_t)r.d << 32 | r.a) | ((uint64_t)supervisor.d << 32 | supervisor.c);

    put_subleaves(w, 0xd, 1);
    for (unsigned i = 2; i <= LAST_XSTATE; i++)
        if (states >> i & 1)
            put(w, 0xd, i);
}

int cpu_view_put_leaves(const struct cpu_view *view, uint64_t leaves, uint32_t *n)
{
    struct leaf_writer w = {.view = view, .to = leaves, .room = *n};
    uint32_t last = MIN(last_leaf(view, 0), MAX_BASIC);

    for (uint32_t leaf = 0; leaf <= last; leaf++) {
        if (leaf == 4)
            put_caches(&w);
        else if (leaf == 7)
            put_subleaves(&w, leaf, MIN(look(view, 7, 0).a, (uint32_t)LAST_FEATURE));
        else if (leaf == 0xb)
            put_subleaves(&w, leaf, LAST_LEVEL);
        else if (leaf == 0xd)
            put_xstate(&w);
        else
            put_value(&w, leaf, XEN_CPUID_NO_SUBLEAF, look(view, leaf, 0));
    }
    // Here a is a limit on the hypervisor's own leaves: none.
    put_value(&w, FIRST_HV, XEN_CPUID_NO_SUBLEAF, (struct cpuid_regs){0});
    put_value(&w, SECOND_HV, XEN_CPUID_NO_SUBLEAF, (struct cpuid_regs){0});
    last = MIN(last_leaf(view, FIRST_EXT), MAX_EXT);
    for (uint32_t leaf = FIRST_EXT; leaf <= last; leaf++)
        put_value(&w, leaf, XEN_CPUID_NO_SUBLEAF, look(view, leaf, 0));
    *n = w.done;
    return w.rc;
}

int cpu_view_put_msrs(const struct cpu_view *view, uint64_t msrs, uint32_t *n)
{
    // No CPUID faulting is offered.
    struct xen_msr_entry platform_info = {.idx = MSR_PLATFORM_INFO};

    if (!*n)
        return -ENOBUFS;
    *n = POLICY_MSRS;
    return copy_to_guest(msrs, &platform_info, sizeof(platform_info));
}

bool cpu_policy_leaf_ok(uint32_t leaf, uint32_t subleaf)
{
    switch (leaf) {
    case 4:
        return subleaf <= LAST_CACHE;
    case 7:
        return subleaf <= LAST_FEATURE;
    case 0xb:
        return subleaf <= LAST_LEVEL;
    case 0xd:
        return subleaf <= LAST_XSTATE;
    }
    return subleaf == XEN_CPUID_NO_SUBLEAF &&
           (leaf <= MAX_BASIC || leaf == FIRST_HV || leaf == SECOND_HV ||
            (leaf >= FIRST_EXT && leaf <= MAX_EXT));
}
