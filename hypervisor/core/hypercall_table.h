// The table of hypercalls: X(name, guest kinds, number of arguments, handler's parameters).
//
// Numbers and the names of the ABI's other calls are in pv-abi/hypercalls.h. Calls that are not
// listed answer -ENOSYS, those of Xen 3.0 and before (*_op_compat) among them. The handler of x is
// do_x; it returns 0 or a positive result, or -errno.
#pragma once

#include <stdint.h>

#define HC_PV  (1u << GUEST_PV)
#define HC_HVM (1u << GUEST_HVM)
#define HC_ALL (HC_PV | HC_HVM)

// clang-format off
#define HYPERCALL_TABLE(X)                                                                         \
    X(set_trap_table,          HC_PV,  1, (uint64_t traps))                                        \
    X(mmu_update,              HC_PV,  4, (uint64_t reqs, unsigned n, uint64_t done, unsigned dom))\
    X(set_gdt,                 HC_PV,  2, (uint64_t frames, unsigned entries))                     \
    X(stack_switch,            HC_PV,  2, (uint64_t ss, uint64_t sp))                              \
    X(set_callbacks,           HC_PV,  3, (uint64_t event, uint64_t failsafe, uint64_t syscall))   \
    X(fpu_taskswitch,          HC_PV,  1, (unsigned set))                                          \
    X(platform_op,             HC_ALL, 1, (uint64_t op))                                           \
    X(set_debugreg,            HC_PV,  2, (unsigned reg, uint64_t value))                          \
    X(get_debugreg,            HC_PV,  1, (unsigned reg))                                          \
    X(update_descriptor,       HC_PV,  2, (uint64_t maddr, uint64_t descriptor))                   \
    X(memory_op,               HC_ALL, 2, (uint64_t cmd, uint64_t arg))                            \
    X(multicall,               HC_ALL, 2, (uint64_t calls, unsigned n))                            \
    X(update_va_mapping,       HC_PV,  3, (uint64_t va, uint64_t pte, uint64_t flags))             \
    X(set_timer_op,            HC_ALL, 1, (int64_t timeout))                                       \
    X(xen_version,             HC_ALL, 2, (unsigned cmd, uint64_t arg))                            \
    X(console_io,              HC_ALL, 3, (unsigned cmd, unsigned count, uint64_t buffer))         \
    X(grant_table_op,          HC_ALL, 3, (unsigned cmd, uint64_t uop, unsigned count))            \
    X(vm_assist,               HC_ALL, 2, (unsigned cmd, unsigned type))                           \
    X(update_va_mapping_otherdomain, HC_PV, 4,                                                     \
      (uint64_t va, uint64_t pte, uint64_t flags, unsigned dom))                                   \
    X(iret,                    HC_PV,  0, (void))                                                  \
    X(vcpu_op,                 HC_ALL, 3, (unsigned cmd, unsigned vcpu_id, uint64_t arg))          \
    X(set_segment_base,        HC_PV,  2, (unsigned which, uint64_t base))                         \
    X(mmuext_op,               HC_PV,  4, (uint64_t ops, unsigned n, uint64_t done, unsigned dom)) \
    X(nmi_op,                  HC_PV,  2, (unsigned cmd, uint64_t arg))                            \
    X(sched_op,                HC_ALL, 2, (unsigned cmd, uint64_t arg))                            \
    X(callback_op,             HC_PV,  2, (unsigned cmd, uint64_t arg))                            \
    X(event_channel_op,        HC_ALL, 2, (unsigned cmd, uint64_t arg))                            \
    X(physdev_op,              HC_ALL, 2, (unsigned cmd, uint64_t arg))                            \
    X(hvm_op,                  HC_ALL, 2, (unsigned cmd, uint64_t arg))                            \
    X(sysctl,                  HC_ALL, 1, (uint64_t op))                                           \
    X(domctl,                  HC_ALL, 1, (uint64_t op))                                           \
    X(dm_op,                   HC_ALL, 3, (unsigned dom, unsigned nr_bufs, uint64_t bufs))         \
    X(async_op,                HC_ALL, 2, (unsigned cmd, uint64_t arg))
// clang-format on

#define HYPERCALL_PROTOTYPE(name, kinds, nargs, params) long do_##name params;
HYPERCALL_TABLE(HYPERCALL_PROTOTYPE)
#undef HYPERCALL_PROTOTYPE
