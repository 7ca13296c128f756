/*
 * The one table of hypercalls: number and name of each call of the ABI.
 *
 * HYPERCALL_LIST(X) expands X(number, name) once for every number that has a meaning, in
 * ascending order. Numbers 11, 43-47 and everything above 55 are unassigned. The calls named
 * *_compat are superseded ABI generations that keep their numbers.
 */
#pragma once

/* clang-format off */
#define HYPERCALL_LIST(X)                  \
    X(0,  set_trap_table)                  \
    X(1,  mmu_update)                      \
    X(2,  set_gdt)                         \
    X(3,  stack_switch)                    \
    X(4,  set_callbacks)                   \
    X(5,  fpu_taskswitch)                  \
    X(6,  sched_op_compat)                 \
    X(7,  platform_op)                     \
    X(8,  set_debugreg)                    \
    X(9,  get_debugreg)                    \
    X(10, update_descriptor)               \
    X(12, memory_op)                       \
    X(13, multicall)                       \
    X(14, update_va_mapping)               \
    X(15, set_timer_op)                    \
    X(16, event_channel_op_compat)         \
    X(17, xen_version)                     \
    X(18, console_io)                      \
    X(19, physdev_op_compat)               \
    X(20, grant_table_op)                  \
    X(21, vm_assist)                       \
    X(22, update_va_mapping_otherdomain)   \
    X(23, iret)                            \
    X(24, vcpu_op)                         \
    X(25, set_segment_base)                \
    X(26, mmuext_op)                       \
    X(27, xsm_op)                          \
    X(28, nmi_op)                          \
    X(29, sched_op)                        \
    X(30, callback_op)                     \
    X(31, xenoprof_op)                     \
    X(32, event_channel_op)                \
    X(33, physdev_op)                      \
    X(34, hvm_op)                          \
    X(35, sysctl)                          \
    X(36, domctl)                          \
    X(37, kexec_op)                        \
    X(38, tmem_op)                         \
    X(39, argo_op)                         \
    X(40, xenpmu_op)                       \
    X(41, dm_op)                           \
    X(42, hypfs_op)                        \
    X(48, arch_0)                          \
    X(49, arch_1)                          \
    X(50, arch_2)                          \
    X(51, arch_3)                          \
    X(52, arch_4)                          \
    X(53, arch_5)                          \
    X(54, arch_6)                          \
    X(55, arch_7)
/* clang-format on */

#define HYPERCALL_NUMBER(number, name) __HYPERVISOR_##name = (number),
enum { HYPERCALL_LIST(HYPERCALL_NUMBER) };
#undef HYPERCALL_NUMBER

/* What x86 puts into its architecture-specific numbers. */
#define __HYPERVISOR_mca __HYPERVISOR_arch_0
