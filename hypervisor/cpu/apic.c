// The local APIC. Its registers are at 16-byte intervals in memory (xAPIC) or at consecutive MSRs
// from 0x800 (x2APIC); apic_read and apic_write hide that, the interrupt command register apart.
#include "cpu/apic.h"

#include "cpu/asm.h"
#include "cpu/features.h"
#include "cpu/irq.h"
#include "cpu/mmio.h"
#include "cpu/msr.h"
#include "cpu/percpu.h"
#include "cpu/time.h"
#include "lib/bits.h"
#include "lib/bug.h"
#include "lib/log.h"

// Register offsets in the xAPIC page.
enum {
    REG_ID = 0x20,
    REG_VERSION = 0x30,
    REG_TPR = 0x80,
    REG_EOI = 0xb0,
    REG_SPURIOUS = 0xf0,
    REG_ISR = 0x100, // 8 registers
    REG_ERROR = 0x280,
    REG_LVT_CMCI = 0x2f0,
    REG_ICR = 0x300,
    REG_ICR_HIGH = 0x310,
    REG_LVT_TIMER = 0x320,
    REG_LVT_THERMAL = 0x330,
    REG_LVT_PERF = 0x340,
    REG_LVT_LINT0 = 0x350,
    REG_LVT_LINT1 = 0x360,
    REG_LVT_ERROR = 0x370,
    REG_TIMER_INITIAL = 0x380,
    REG_TIMER_CURRENT = 0x390,
    REG_TIMER_DIVIDE = 0x3e0,
};

#define APIC_BASE_ENABLE  (1u << 11)
#define APIC_BASE_X2APIC  (1u << 10)
#define CPUID1_ECX_X2APIC (1u << 21)

#define SPURIOUS_ENABLE   (1u << 8)
#define LVT_MASKED        (1u << 16)
#define LVT_LEVEL         (1u << 15)
#define LVT_ACTIVE_LOW    (1u << 13)
#define LVT_NMI           (4u << 8)
#define LVT_TSC_DEADLINE  (2u << 17)
#define TIMER_DIVIDE_BY_1 0xb

#define ICR_BUSY         (1u << 12)
#define ICR_ASSERT       (1u << 14)
#define ICR_INIT         (5u << 8)
#define ICR_STARTUP      (6u << 8)
#define ICR_ALL_BUT_SELF (3u << 18)

bool apic_x2apic;
static volatile char *xapic; // registers of whichever CPU looks at them
static uint32_t apic_ids[MAX_CPUS];
static uint32_t nmi_lvt[2] = {LVT_MASKED, LVT_NMI}; // LINT1 carries NMIs unless the MADT says else

static uint32_t apic_read(unsigned reg)
{
    return apic_x2apic ? (uint32_t)rdmsr(MSR_X2APIC + reg / 16) : mmio_read32(xapic + reg);
}

static void apic_write(unsigned reg, uint32_t v)
{
    if (apic_x2apic)
        wrmsr(MSR_X2APIC + reg / 16, v);
    else
        mmio_write32(xapic + reg, v);
}

void apic_init(uint64_t maddr, bool allow_x2apic)
{
    bool already = rdmsr(MSR_APIC_BASE) & APIC_BASE_X2APIC;

    apic_x2apic = already || (allow_x2apic && (cpuid(1).c & CPUID1_ECX_X2APIC));
    if (!apic_x2apic) {
        xapic = mmio_map(maddr ? maddr : APIC_DEFAULT_MADDR, PAGE_SIZE);
        if (!xapic)
            panic("no room to map the local APIC\n");
    }
    irq_set_direct(VECTOR_SPURIOUS, NULL);
    log_info("APIC: %s mode%s\n", apic_x2apic ? "x2APIC" : "xAPIC",
             already ? ", as the firmware left it" : "");
}

static void apic_error(void)
{
    apic_write(REG_ERROR, 0); // a write latches what has gathered
    log_warn("APIC error %#x on CPU %u\n", apic_read(REG_ERROR), this_cpu());
}

// An interrupt that the firmware took and never ended would block all of lower priority.
static void dismiss_leftovers(void)
{
    for (unsigned round = 0; round < 256; round++) {
        uint32_t in_service = 0;

        for (unsigned i = 0; i < 8; i++)
            in_service |= apic_read(REG_ISR + i * 16);
        if (!in_service)
            return;
        apic_eoi();
    }
}

static void mask_local_inputs(void)
{
    unsigned entries = (apic_read(REG_VERSION) >> 16 & 0xff) + 1;

    apic_write(REG_LVT_TIMER, LVT_MASKED | VECTOR_TIMER);
    apic_write(REG_LVT_LINT0, nmi_lvt[0]);
    apic_write(REG_LVT_LINT1, nmi_lvt[1]);
    if (entries > 4)
        apic_write(REG_LVT_PERF, LVT_MASKED);
    if (entries > 5)
        apic_write(REG_LVT_THERMAL, LVT_MASKED);
    if (entries > 6)
        apic_write(REG_LVT_CMCI, LVT_MASKED);
}

void apic_cpu_init(void)
{
    uint64_t base = rdmsr(MSR_APIC_BASE);

    wrmsr(MSR_APIC_BASE, base | APIC_BASE_ENABLE);
    if (apic_x2apic)
        wrmsr(MSR_APIC_BASE, base | APIC_BASE_ENABLE | APIC_BASE_X2APIC);
    apic_write(REG_SPURIOUS, SPURIOUS_ENABLE | VECTOR_SPURIOUS);
    apic_write(REG_TPR, 0);
    mask_local_inputs();
    apic_write(REG_TIMER_INITIAL, 0);
    apic_write(REG_TIMER_DIVIDE, TIMER_DIVIDE_BY_1);
    apic_write(REG_ERROR, 0);
    irq_set_direct(VECTOR_ERROR, apic_error);
    apic_write(REG_LVT_ERROR, VECTOR_ERROR);
    dismiss_leftovers();
    apic_register_cpu(this_cpu(), apic_id());
}

void apic_set_nmi_input(unsigned lint, bool active_low, bool level)
{
    uint32_t lvt = LVT_NMI | (active_low ? LVT_ACTIVE_LOW : 0) | (level ? LVT_LEVEL : 0);

    if (lint > 1)
        return;
    nmi_lvt[lint] = lvt;
    nmi_lvt[lint ^ 1] = LVT_MASKED;
    apic_write(REG_LVT_LINT0, nmi_lvt[0]);
    apic_write(REG_LVT_LINT1, nmi_lvt[1]);
}

uint32_t apic_id(void)
{
    return apic_x2apic ? apic_read(REG_ID) : apic_read(REG_ID) >> 24;
}

void apic_register_cpu(unsigned cpu, uint32_t id)
{
    apic_ids[cpu] = id;
}

uint32_t apic_id_of(unsigned cpu)
{
    return apic_ids[cpu];
}

void apic_eoi(void)
{
    apic_write(REG_EOI, 0);
}

static void wait_icr_idle(void)
{
    if (!apic_x2apic)
        while (mmio_read32(xapic + REG_ICR) & ICR_BUSY)
            cpu_relax();
}

static void send(uint32_t id, uint32_t command)
{
    if (apic_x2apic) {
        // Unlike a store to memory, this write waits for nothing: order what the target shall see.
        __asm__ volatile("mfence; lfence" : : : "memory");
        wrmsr(MSR_X2APIC_ICR, (uint64_t)id << 32 | command);
        return;
    }
    wait_icr_idle();
    mmio_write32(xapic + REG_ICR_HIGH, id << 24);
    mmio_write32(xapic + REG_ICR, command);
}

void apic_send_ipi(unsigned cpu, unsigned vector)
{
    send(apic_ids[cpu], ICR_ASSERT | vector);
}

// SDM vol. 3, 9.4.4.1: INIT, 10 ms, then two start-ups 200 us apart. Of all 64-bit processors only
// the Pentium 4 still needs time after INIT.
void apic_start_cpu(uint32_t id, uint32_t code_maddr)
{
    bool slow = cpu_features.intel && (cpuid(1).a >> 8 & 15) == 15;

    send(id, ICR_ASSERT | ICR_INIT);
    wait_icr_idle();
    time_delay(slow ? MILLISECONDS(10) : MICROSECONDS(50));
    for (int i = 0; i < 2; i++) {
        send(id, ICR_ASSERT | ICR_STARTUP | code_maddr >> PAGE_SHIFT);
        wait_icr_idle();
        time_delay(slow ? MICROSECONDS(200) : MICROSECONDS(50));
    }
}

void apic_stop_others(void)
{
    if (!apic_x2apic && !xapic)
        return; // too early: nobody else runs yet
    send(0, ICR_ASSERT | ICR_INIT | ICR_ALL_BUT_SELF);
    wait_icr_idle();
}

void apic_timer_set(uint32_t ticks)
{
    apic_write(REG_TIMER_INITIAL, ticks);
}

uint32_t apic_timer_count(void)
{
    return apic_read(REG_TIMER_CURRENT);
}

void apic_timer_enable(bool tsc_deadline)
{
    apic_write(REG_LVT_TIMER, VECTOR_TIMER | (tsc_deadline ? LVT_TSC_DEADLINE : 0));
    // In xAPIC mode the mode change, a store, must be seen before the first WRMSR of a deadline.
    __asm__ volatile("mfence" : : : "memory");
}
