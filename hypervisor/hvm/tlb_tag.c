#include "hvm/tlb_tag.h"

#include "cpu/percpu.h"
#include "hvm/hvm.h"

static struct {
    uint32_t generation, next;
} given[MAX_CPUS];

static enum tlb_tag_news give(struct tlb_tag *t, unsigned cpu, unsigned count)
{
    enum tlb_tag_news news = TLB_TAG_FRESH;

    if (given[cpu].next == 0 || given[cpu].next >= count) {
        given[cpu].generation++;
        given[cpu].next = 1;
        news = TLB_TAG_BEGUN_ANEW;
    }
    t->tag = given[cpu].next++;
    t->generation = given[cpu].generation;
    t->cpu = (int)cpu;
    return news;
}

enum tlb_tag_news tlb_tag_take(struct hvm_vcpu *v, struct tlb_tag *t, unsigned count)
{
    uint32_t map = READ_ONCE(to_hvmd(v->v.domain)->p2m.generation);
    unsigned cpu = this_cpu();

    if (t->cpu == (int)cpu && t->generation == given[cpu].generation && t->p2m_generation == map)
        return TLB_TAG_KEPT;
    t->p2m_generation = map;
    return give(t, cpu, count);
}
