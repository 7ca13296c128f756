// TLB flushing.
//
// The lazy protocol. A clock ticks with every complete flush of a CPU's TLB. The CPU takes the
// clock's new value before it flushes and publishes it after, as the time of its last flush. A
// frame gets the clock's value as its stamp after the last mapping of some kind has been cleared in
// memory. If now a CPU's time is greater than the stamp, its flush began after the mapping was
// gone, so its TLB cannot hold that mapping; otherwise it may, and must flush before the frame is
// used in a way in which a stale mapping would do harm. The clock has 64 bits and never wraps.
// Stamps keep the low 32: an old one may be taken for a later one than it is, which costs a flush
// and nothing else.
#include "mm/tlb.h"

#include "cpu/asm.h"
#include "cpu/features.h"
#include "cpu/smp.h"

uint64_t tlb_clock = 1;
static uint64_t flush_time[MAX_CPUS];
void (*tlb_soft_drop)(uint64_t va);

static inline void soft_drop(uint64_t va)
{
    if (unlikely(cpu_info()->soft_tlb))
        tlb_soft_drop(va);
}

void tlb_flush_local_one(uint64_t va)
{
    soft_drop(va);
    invlpg(va);
}

static void flush_all(void)
{
    uint64_t cr4 = read_cr4();

    soft_drop(TLB_ALL);
    if (cr4 & CR4_PGE) {
        write_cr4(cr4 & ~CR4_PGE);
        write_cr4(cr4);
    } else {
        write_cr3(read_cr3());
    }
}

void tlb_flush_local_global(void)
{
    uint64_t now = __atomic_add_fetch(&tlb_clock, 1, __ATOMIC_SEQ_CST);

    flush_all();
    __atomic_store_n(&flush_time[this_cpu()], now, __ATOMIC_SEQ_CST);
}

void tlb_switch_cr3(uint64_t cr3)
{
    uint64_t now = __atomic_add_fetch(&tlb_clock, 1, __ATOMIC_SEQ_CST);
    uint64_t cr4 = read_cr4();

    soft_drop(TLB_ALL);
    // Between the two writes nothing is global, so the load of CR3 drops everything.
    write_cr4(cr4 & ~CR4_PGE);
    write_cr3(cr3);
    write_cr4(cr4);
    __atomic_store_n(&flush_time[this_cpu()], now, __ATOMIC_SEQ_CST);
}

static void flush_call(void *unused)
{
    tlb_flush_local_global();
}

static void flush_one_call(void *va)
{
    tlb_flush_local_one((uint64_t)va);
}

void tlb_flush_mask(cpumask_t mask)
{
    cpumask_t self = cpumask_of(this_cpu());

    if (mask & ~self)
        smp_call(mask, flush_call, NULL);
    else if (mask)
        tlb_flush_local_global();
}

void tlb_flush_mask_one(cpumask_t mask, uint64_t va)
{
    cpumask_t self = cpumask_of(this_cpu());

    if (mask & ~self)
        smp_call(mask, flush_one_call, (void *)va);
    else if (mask)
        tlb_flush_local_one(va);
}

// The latest moment at which the clock can have shown these low bits.
static uint64_t expand(uint32_t stamp)
{
    uint64_t now = __atomic_load_n(&tlb_clock, __ATOMIC_SEQ_CST);

    return now - (uint32_t)((uint32_t)now - stamp);
}

void tlb_flush_since(cpumask_t mask, uint32_t stamp)
{
    uint64_t when = expand(stamp);
    cpumask_t stale = 0;
    unsigned cpu;

    for_each_cpu (cpu, mask & cpus_online)
        if (__atomic_load_n(&flush_time[cpu], __ATOMIC_SEQ_CST) <= when)
            stale |= cpumask_of(cpu);
    tlb_flush_mask(stale);
}

uint32_t tlb_stamp_max(uint32_t a, uint32_t b)
{
    return expand(a) >= expand(b) ? a : b;
}
