// System time is the TSC, scaled. The scale is measured once (calibrate.c) and is the same for all
// CPUs; tsc_base differs where a CPU's TSC is found to be out of step with the boot CPU's at its
// start (tsc_sync.c). The formula is the ABI's own, so that a PV guest computes exactly the same
// time.
//
// Precondition: the TSC counts at a constant rate, as on every x86-64 processor since about 2008.
#include "cpu/time.h"

#include "cpu/apic.h"
#include "cpu/asm.h"
#include "cpu/irq.h"
#include "cpu/msr.h"
#include "cpu/percpu.h"
#include "cpu/time_impl.h"
#include "lib/bits.h"
#include "lib/log.h"

#define CPUID1_ECX_TSC_DEADLINE         (1u << 24)
#define CPUID80000007_EDX_INVARIANT_TSC (1u << 8)

// The countdown is kept below 2^31 ticks; what is further away is looked at again then.
#define MAX_TICKS 0x7fffffff

static uint64_t tsc_hz;
static uint32_t tsc_mul;
static int8_t tsc_shift;
static uint64_t tsc_base[MAX_CPUS];
static bool tsc_invariant;
static bool tsc_out_of_step; // on any CPU

static bool use_deadline;
static uint32_t apic_mul; // APIC timer ticks a nanosecond, times 2^32 >> apic_shift
static unsigned apic_shift;

nsec_t time_now(void)
{
    uint64_t base = tsc_base[this_cpu()];
    uint64_t tsc = rdtsc_ordered();

    return tsc > base ? (nsec_t)scale_apply(tsc - base, tsc_mul, tsc_shift) : 0;
}

uint64_t time_tsc_hz(void)
{
    return tsc_hz;
}

void time_get_scale(struct tsc_scale *scale)
{
    unsigned cpu = this_cpu();

    *scale = (struct tsc_scale){
        .tsc_base = tsc_base[cpu],
        .ns_base = 0,
        .mul = tsc_mul,
        .shift = tsc_shift,
        .stable = tsc_invariant && !tsc_out_of_step,
        .generation = tsc_base[cpu] == tsc_base[0] ? 1 : 1 + cpu,
    };
}

void time_delay(nsec_t ns)
{
    uint64_t start = rdtsc();

    while (scale_apply(rdtsc() - start, tsc_mul, tsc_shift) < (uint64_t)ns)
        cpu_relax();
}

static void set_tsc_deadline(nsec_t when)
{
    // The first TSC value at which the system time is `when` or later.
    uint64_t ticks;

    if (when == NSEC_NEVER) {
        wrmsr(MSR_TSC_DEADLINE, 0);
        return;
    }
    ticks = mul_div(when > 0 ? MIN((uint64_t)when, 1ull << 60) : 1, 1ull << 32, tsc_mul);
    ticks = tsc_shift < 0 ? ticks << -tsc_shift : ticks >> tsc_shift;
    wrmsr(MSR_TSC_DEADLINE, tsc_base[this_cpu()] + ticks + 1);
}

void time_set_deadline(nsec_t when)
{
    nsec_t left;
    uint64_t ticks;

    if (use_deadline) {
        set_tsc_deadline(when);
        return;
    }
    if (when == NSEC_NEVER) {
        apic_timer_set(0);
        return;
    }
    left = when - time_now();
    if (left < 0)
        left = 0;
    ticks = left < SECONDS(1000) ? (uint64_t)left * apic_mul >> apic_shift : MAX_TICKS;
    // One tick more, so that it never fires before its time.
    apic_timer_set((uint32_t)(ticks < MAX_TICKS ? ticks + 1 : MAX_TICKS));
}

static void timer_interrupt(void)
{
    work_raise(this_cpu(), WORK_TIMER);
}

// (ns * mul) >> shift must not overflow 64 bits for 1000 s, about 2^40 ns: mul below 2^24.
static void set_apic_scale(uint64_t hz)
{
    apic_shift = 32;
    while (mul_div(hz, 1ull << apic_shift, 1000000000) >= 1u << 24)
        apic_shift--;
    apic_mul = (uint32_t)mul_div(hz, 1ull << apic_shift, 1000000000);
}

void time_init(const struct time_source *source)
{
    struct calibration c;

    use_deadline = cpuid(1).c & CPUID1_ECX_TSC_DEADLINE;
    tsc_invariant = cpuid(0x80000000).a >= 0x80000007 &&
                    (cpuid(0x80000007).d & CPUID80000007_EDX_INVARIANT_TSC);
    calibrate(source, &c);
    tsc_hz = c.tsc_hz;
    scale_from_hz(tsc_hz, &tsc_mul, &tsc_shift);
    set_apic_scale(c.apic_hz);
    for (unsigned cpu = 0; cpu < MAX_CPUS; cpu++)
        tsc_base[cpu] = c.tsc;
    irq_set_direct(VECTOR_TIMER, timer_interrupt);
    log_info("TSC: %lu.%03lu MHz by %s%s, timer: %s %lu.%03lu MHz\n", tsc_hz / 1000000,
             tsc_hz / 1000 % 1000, source->name, c.exact ? " and CPUID" : "",
             use_deadline ? "TSC deadline, APIC" : "APIC", c.apic_hz / 1000000,
             c.apic_hz / 1000 % 1000);
}

void time_cpu_init(void)
{
    unsigned cpu = this_cpu();
    int64_t ahead;

    apic_timer_enable(use_deadline);
    if (cpu == 0)
        return;
    ahead = tsc_sync_measure();
    if (!ahead)
        return;
    log_warn("TSC of CPU %u is %ld ticks %s of the boot CPU's\n", cpu, ahead < 0 ? -ahead : ahead,
             ahead < 0 ? "behind" : "ahead");
    tsc_base[cpu] = tsc_base[0] + (uint64_t)ahead;
    tsc_out_of_step = true;
}

void time_sync_serve(void)
{
    tsc_sync_answer();
}
