// TLB entries of guests are tagged with address-space identifiers (15.15). Each CPU gives them out
// in turn; when they are used up it drops everything and begins anew, which is another generation.
#include "cpu/percpu.h"
#include "hvm/svm/svm.h"

unsigned svm_nr_asids;

static struct {
    uint32_t generation, next;
} asids[MAX_CPUS];

static void give_asid(struct svm_vcpu *s, unsigned cpu)
{
    bool flush = false;

    if (asids[cpu].next == 0 || asids[cpu].next >= svm_nr_asids) {
        asids[cpu].generation++;
        asids[cpu].next = 1; // 0 is the hypervisor's own
        flush = true;
    }
    s->vmcb->asid = asids[cpu].next++;
    s->asid_generation = asids[cpu].generation;
    s->cpu = (int)cpu;
    if (flush)
        s->vmcb->tlb_control = SVM_TLB_FLUSH_ALL;
}

// What is cached under the identifier that the vCPU has is of no use when it comes from another
// CPU, when that CPU has begun anew, or when the map of the domain's memory has changed: then it
// gets a fresh one, under which nothing is cached.
void svm_tag_tlb(struct hvm_vcpu *v)
{
    uint32_t map = READ_ONCE(to_hvmd(v->v.domain)->p2m.generation);
    struct svm_vcpu *s = to_svm(v);
    unsigned cpu = this_cpu();

    s->vmcb->tlb_control = SVM_TLB_KEEP;
    if (s->cpu == (int)cpu && s->asid_generation == asids[cpu].generation &&
        s->p2m_generation == map)
        return;
    s->p2m_generation = map;
    give_asid(s, cpu);
}
