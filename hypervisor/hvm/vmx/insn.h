// The instructions of VT-x (chapter 30). Unit tests have a VMCS of their own instead
// (tests/unit/fake/hvm/vmx/insn.h).
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "lib/bug.h"
#include "mm/layout.h"

// Of the VMCS that is loaded. A field that cannot be is the hypervisor's mistake.
static inline uint64_t vmread(unsigned field)
{
    uint64_t value;
    bool failed;

    __asm__ volatile("vmread %2, %0"
                     : "=r"(value), "=@ccbe"(failed)
                     : "r"((uint64_t)field)
                     : "memory");
    BUG_ON(failed);
    return value;
}

static inline void vmwrite(unsigned field, uint64_t value)
{
    bool failed;

    __asm__ volatile("vmwrite %1, %2"
                     : "=@ccbe"(failed)
                     : "r"(value), "r"((uint64_t)field)
                     : "memory");
    BUG_ON(failed);
}

#define VMX_ON_ADDRESS(name)                                                   \
    static inline bool name(maddr_t at)                                        \
    {                                                                          \
        bool failed;                                                           \
                                                                               \
        __asm__ volatile(#name " %1" : "=@ccbe"(failed) : "m"(at) : "memory"); \
        return !failed;                                                        \
    }
VMX_ON_ADDRESS(vmxon)
VMX_ON_ADDRESS(vmclear)
VMX_ON_ADDRESS(vmptrld)
#undef VMX_ON_ADDRESS

#define INVEPT_SINGLE 1
// Drops translations of guest-physical addresses by the tables that ept_pointer names, and all that
// was made of them.
static inline void invept(uint64_t ept_pointer)
{
    const struct {
        uint64_t ept_pointer, reserved;
    } descriptor = {ept_pointer, 0};
    bool failed;

    __asm__ volatile("invept %1, %2"
                     : "=@ccbe"(failed)
                     : "m"(descriptor), "r"((uint64_t)INVEPT_SINGLE)
                     : "memory");
    BUG_ON(failed);
}
