#include "tests/guests/hvm/hvm.h"

// Out of x2APIC mode there is no way but through none.
void lapic_setup(void)
{
    uint64_t base = rdmsr(MSR_APIC_BASE);

    if ((base & 0xc00) != 0x800) {
        wrmsr(MSR_APIC_BASE, base & ~0xc00ul);
        wrmsr(MSR_APIC_BASE, (base & ~0xc00ul) | 0x800);
    }
    *lapic(LAPIC_SVR) = 0x1ff;
    *lapic(LAPIC_TPR) = 0;
    *lapic(LAPIC_LVT_TIMER) = 0x10000;
    *lapic(LAPIC_COUNT) = 0;
    *lapic(LAPIC_DIVIDE) = 0xb; // by 1
    for (unsigned i = 0; i < 256; i++)
        *lapic(LAPIC_EOI) = 0;
}
