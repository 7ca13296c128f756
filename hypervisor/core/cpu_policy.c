#include "core/cpu_policy.h"

#include "lib/errno.h"
#include "lib/string.h"
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

#define LEAF1_ECX_OSXSAVE    (1u << 27) // follows CR4: no feature
#define LEAF1_ECX_HYPERVISOR (1u << 31) // always told
#define WORD_1D              0
#define WORD_1C              1
#define WORD_E1D             2
// What AMD repeats of leaf 1 EDX in leaf 0x80000001 EDX.
#define COMMON_EDX 0x0183f3ffu

#define MSR_PLATFORM_INFO     0xce
#define MSR_ARCH_CAPABILITIES 0x10a

static struct cpuid_regs look(const struct cpu_view *view, uint32_t leaf, uint32_t subleaf)
{
    struct cpuid_regs r;

    if (!view->kind)
        return cpuid_count(leaf, subleaf);
    view->kind->cpuid(view->guest, leaf, subleaf, &r);
    return r;
}

static uint32_t last_leaf(const struct cpu_view *view, uint32_t first)
{
    uint32_t last = look(view, first, 0).a;

    return last >= first && last - first < 0x10000 ? last : first;
}

// Where the words of features lie; words without a leaf are MSRs, which nobody is offered.
enum cpuid_register { A, B, C, D };
static const struct {
    uint32_t leaf, subleaf;
    enum cpuid_register reg;
} feature_words[FEATURE_WORDS] = {
    [WORD_1D] = {1, 0, D},
    [WORD_1C] = {1, 0, C},
    [WORD_E1D] = {FIRST_EXT + 1, 0, D},
    [3] = {FIRST_EXT + 1, 0, C},
    [4] = {0xd, 1, A},
    [5] = {7, 0, B},
    [6] = {7, 0, C},
    [7] = {FIRST_EXT + 7, 0, D},
    [8] = {FIRST_EXT + 8, 0, B},
    [9] = {7, 0, D},
    [10] = {7, 1, A},
    [11] = {FIRST_EXT + 0x21, 0, A},
    [12] = {7, 1, B},
    [13] = {7, 2, D},
    [14] = {7, 1, C},
    [15] = {7, 1, D},
    [18] = {FIRST_EXT + 0x21, 0, C},
};

static uint32_t *register_of(struct cpuid_regs *r, enum cpuid_register reg)
{
    uint32_t *const registers[] = {&r->a, &r->b, &r->c, &r->d};

    return registers[reg];
}

void cpu_view_features(const struct cpu_view *view, uint32_t *words, unsigned n)
{
    uint32_t basic = last_leaf(view, 0), ext = last_leaf(view, FIRST_EXT);
    uint32_t last7 = basic >= 7 ? look(view, 7, 0).a : 0;

    for (unsigned i = 0; i < n && i < FEATURE_WORDS; i++) {
        uint32_t leaf = feature_words[i].leaf, subleaf = feature_words[i].subleaf;
        struct cpuid_regs r = {0};

        if (leaf && leaf <= (leaf >= FIRST_EXT ? ext : basic) && (leaf != 7 || subleaf <= last7))
            r = look(view, leaf, subleaf);
        words[i] = *register_of(&r, feature_words[i].reg);
        if (i == WORD_1C)
            words[i] &= ~LEAF1_ECX_OSXSAVE;
        if (i == WORD_E1D)
            words[i] &= ~COMMON_EDX;
    }
}

// Takes from `hidden` what a leaf of a policy shows, and adds what it does not.
static void apply_leaf(uint32_t hidden[FEATURE_WORDS], struct xen_cpuid_leaf *l)
{
    struct cpuid_regs r = {l->a, l->b, l->c, l->d};
    uint32_t subleaf = l->subleaf == XEN_CPUID_NO_SUBLEAF ? 0 : l->subleaf;

    for (unsigned i = 0; i < FEATURE_WORDS; i++)
        if (feature_words[i].leaf && l->leaf == feature_words[i].leaf &&
            subleaf == feature_words[i].subleaf)
            hidden[i] = ~*register_of(&r, feature_words[i].reg);
    hidden[WORD_1C] &= ~(LEAF1_ECX_OSXSAVE | LEAF1_ECX_HYPERVISOR);
}

int cpu_policy_set(struct domain *d, uint64_t leaves, uint32_t n, struct xen_cpuid_leaf *culprit)
{
    uint32_t hidden[FEATURE_WORDS];

    memcpy(hidden, d->cpu_hidden, sizeof(hidden));
    for (uint32_t i = 0; i < n; i++) {
        if (copy_from_guest(culprit, leaves + i * sizeof(*culprit), sizeof(*culprit)))
            return -EFAULT;
        if (!cpu_policy_leaf_ok(culprit->leaf, culprit->subleaf))
            return -ERANGE;
        apply_leaf(hidden, culprit);
    }
    memcpy(d->cpu_hidden, hidden, sizeof(hidden));
    return 0;
}

void cpu_policy_narrow(const struct domain *d, uint32_t leaf, uint32_t subleaf,
                       struct cpuid_regs *r)
{
    for (unsigned i = 0; i < FEATURE_WORDS; i++) {
        uint32_t hidden = d->cpu_hidden[i];

        if (!feature_words[i].leaf || leaf != feature_words[i].leaf ||
            ((leaf == 7 || leaf == 0xd) && subleaf != feature_words[i].subleaf))
            continue;
        if (i == WORD_E1D) // AMD's repetitions go with what they repeat
            hidden = (hidden & ~COMMON_EDX) | (d->cpu_hidden[WORD_1D] & COMMON_EDX);
        *register_of(r, feature_words[i].reg) &= ~hidden;
    }
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

static int put_leaves(const struct cpu_view *view, uint64_t leaves, uint32_t *n)
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

// No CPUID faulting is offered, and no immunity is promised.
static const struct xen_msr_entry policy_msrs[POLICY_MSRS] = {
    {.idx = MSR_PLATFORM_INFO},
    {.idx = MSR_ARCH_CAPABILITIES},
};

static int put_msrs(uint64_t msrs, uint32_t *n)
{
    uint32_t room = MIN(*n, (uint32_t)POLICY_MSRS);

    if (copy_to_guest(msrs, policy_msrs, room * sizeof(policy_msrs[0])))
        return -EFAULT;
    *n = room;
    return room < POLICY_MSRS ? -ENOBUFS : 0;
}

int cpu_view_put(const struct cpu_view *view, uint64_t leaves, uint32_t *nr_leaves, uint64_t msrs,
                 uint32_t *nr_msrs)
{
    int rc = 0;

    if (!leaves)
        *nr_leaves = POLICY_LEAVES;
    else
        rc = put_leaves(view, leaves, nr_leaves);
    if (rc)
        return rc;
    if (!msrs)
        *nr_msrs = POLICY_MSRS;
    else
        rc = put_msrs(msrs, nr_msrs);
    return rc;
}

static const struct xen_msr_entry *policy_msr(uint32_t index)
{
    for (unsigned i = 0; i < POLICY_MSRS; i++)
        if (policy_msrs[i].idx == index)
            return &policy_msrs[i];
    return NULL;
}

int cpu_policy_check_msrs(uint64_t msrs, uint32_t n, struct xen_msr_entry *culprit)
{
    for (uint32_t i = 0; i < n; i++) {
        const struct xen_msr_entry *m;

        if (copy_from_guest(culprit, msrs + i * sizeof(*culprit), sizeof(*culprit)))
            return -EFAULT;
        m = policy_msr(culprit->idx);
        if (!m)
            return -ERANGE;
        if (culprit->flags || culprit->val != m->val)
            return -EINVAL;
    }
    return 0;
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
