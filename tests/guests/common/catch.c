// Faults that tests provoke on purpose.
#include "tests/guests/common/guest.h"

bool (*trap_hook)(struct regs *regs);

struct jump *catch_begin(void)
{
    struct vcpu_block *vcpu = this_vcpu();

    vcpu->fault.vector = (uint64_t)NO_FAULT;
    vcpu->catching = true;
    return &vcpu->catch_at;
}

void catch_end(void)
{
    this_vcpu()->catching = false;
}

int catch_result(void)
{
    return (int)this_vcpu()->fault.vector;
}

void trap_caught(const struct regs *regs, uint64_t cr2)
{
    struct vcpu_block *vcpu = this_vcpu();

    vcpu->fault = *regs;
    vcpu->fault_cr2 = cr2;
    vcpu->catching = false;
    events_enable();
    jump_to(&vcpu->catch_at, 1);
}

const struct regs *last_fault(void)
{
    return &this_vcpu()->fault;
}

uint64_t last_fault_cr2(void)
{
    return this_vcpu()->fault_cr2;
}
