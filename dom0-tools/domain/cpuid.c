// Which of the processor's features a domain sees.
#include <errno.h>

#include "domain/impl.h"
#include "pv-abi/arch-x86/domain.h"

#define LEAF1_EBX_LOGICAL   0x00ff0000u // logical processors of a package
#define LEAF1_EDX_HTT       (1u << 28)
#define LEAF4_EAX_CACHE     0x00003fffu // less who shares it, and cores of a package
#define EXT1_ECX_CMP_LEGACY (1u << 1)
#define EXT8_ECX_CORES      0x0000f0ffu

static uint32_t *word_in(struct xen_cpuid_leaf *leaf, unsigned word)
{
    const struct cpuid_place *place = &cpuid_places[word];
    uint32_t *const registers[] = {&leaf->a, &leaf->b, &leaf->c, &leaf->d};
    uint32_t subleaf = leaf->subleaf == XEN_CPUID_NO_SUBLEAF ? 0 : leaf->subleaf;

    return place->leaf && leaf->leaf == place->leaf && subleaf == place->subleaf
               ? registers[place->reg]
               : NULL;
}

// Says which of the features that must be there is not.
static int check_need(const struct toolstack *t, const struct cpuid_choice *choice,
                      struct xen_cpuid_leaf *leaves, uint32_t count)
{
    char buffer[32];

    for (unsigned word = 0; word < CPUID_WORDS; word++) {
        uint32_t missing = choice->need[word];

        for (uint32_t i = 0; i < count; i++)
            if (word_in(&leaves[i], word))
                missing &= ~*word_in(&leaves[i], word);
        if (missing) {
            fprintf(t->messages,
                    "cpuid: the guest is to have %s, and this machine's guests have not\n",
                    cpuid_feature_name(word, (unsigned)__builtin_ctz(missing), buffer));
            return -EOPNOTSUPP;
        }
    }
    return 0;
}

// The vCPUs of a PVH or HVM guest are packages of one core with one thread, whatever the machine is
// made of: where they run changes. (What a PV guest makes of it is the hypervisor's matter.)
static void set_topology(struct xen_cpuid_leaf *leaf)
{
    if (leaf->leaf == 1) {
        leaf->b = (leaf->b & ~LEAF1_EBX_LOGICAL) | 1 << 16;
        leaf->d &= ~LEAF1_EDX_HTT;
    } else if (leaf->leaf == 4) {
        leaf->a &= LEAF4_EAX_CACHE;
    } else if (leaf->leaf == 0x80000001) {
        leaf->c &= ~EXT1_ECX_CMP_LEGACY;
    } else if (leaf->leaf == 0x80000008) {
        leaf->c &= ~EXT8_ECX_CORES;
    }
}

static int set_leaves(const struct toolstack *t, domid_t id, const struct domain_config *config,
                      struct xen_domctl *op)
{
    const struct cpuid_choice *choice = &config->cpuid;
    struct xen_cpuid_leaf *leaves = op->u.cpu_policy.leaves;
    uint32_t count = op->u.cpu_policy.nr_leaves;
    int rc = check_need(t, choice, leaves, count);

    if (rc)
        return rc;
    for (uint32_t i = 0; i < count; i++) {
        for (unsigned word = 0; word < CPUID_WORDS; word++)
            if (word_in(&leaves[i], word))
                *word_in(&leaves[i], word) &= ~choice->hide[word];
        if (config->type != DOMAIN_TYPE_PV)
            set_topology(&leaves[i]);
    }
    op->u.cpu_policy.nr_msrs = 0;
    op->u.cpu_policy.msrs = NULL;
    rc = domain_control(t, XEN_DOMCTL_set_cpu_policy, id, op);
    return rc ? domain_fail(t, rc, "cpuid: the processor's leaf %#x cannot be set",
                            op->u.cpu_policy.err_leaf)
              : 0;
}

int setup_cpuid(const struct toolstack *t, domid_t id, const struct domain_config *config)
{
    struct xen_domctl op = {0};
    struct xen_cpuid_leaf *leaves = NULL;
    size_t size = 0;
    int rc;

    if (config->type == DOMAIN_TYPE_PV && !cpuid_is_chosen(&config->cpuid))
        return 0;
    rc = domain_control(t, XEN_DOMCTL_get_cpu_policy, id, &op);
    if (!rc) {
        size = op.u.cpu_policy.nr_leaves * sizeof(*leaves);
        leaves = control_buffer(t->control, size);
        op.u.cpu_policy.leaves = leaves;
        op.u.cpu_policy.nr_msrs = 0;
        rc = leaves ? domain_control(t, XEN_DOMCTL_get_cpu_policy, id, &op) : -ENOMEM;
    }
    if (rc)
        domain_fail(t, rc, "cpuid: the processor of domain %u cannot be looked at", id);
    else
        rc = set_leaves(t, id, config, &op);
    control_buffer_free(t->control, leaves, size);
    return rc;
}
