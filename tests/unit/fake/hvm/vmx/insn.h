// A VMCS of a test's own: fields by their encodings.
#pragma once

#include <stdint.h>

extern uint64_t fake_vmcs[0x8000];

static inline uint64_t vmread(unsigned field)
{
    return fake_vmcs[field];
}

static inline void vmwrite(unsigned field, uint64_t value)
{
    fake_vmcs[field] = value;
}
