// Numbers that the guest's assembly and C share.
#pragma once

#define VCPU_BLOCK_SIZE 0x10000 // bytes, and its alignment
#define MAX_TEST_VCPUS  4

// Pseudo vectors of entries that are not exceptions.
#define VEC_EVENT    0x100
#define VEC_FAILSAFE 0x101
#define VEC_SYSCALL  0x102
#define VEC_SYSENTER 0x103
#define VEC_NMI      0x104

#define HYPERCALL_IRET_OFFSET (23 * 32)
