// Hypercall dispatch. The table (core/hypercall_table.h) names number, handler, argument count and
// the guest kinds that may call it; prototypes, dispatch arrays and names come from it.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "pv-abi/arch-x86/cpu.h"

#define HYPERCALL_SLOTS 64 // numbers that pv/entry.S looks up; a power of 2

// A preemptible operation that has more to do ends with
//     return hypercall_continue(__HYPERVISOR_x, nargs, a1, ...);
// The hypercall is executed again with these arguments once pending work is done, in a multicall
// too. Arguments are uint64_t. Returns -ERESTART for the caller to hand on: the registers that
// call's arguments and result are in are set already.
long hypercall_continue(unsigned number, unsigned nargs, ...);

// Executes one hypercall of the current vCPU; -ENOSYS for an unknown number, or one that is not for
// guests of its kind.
long hypercall_dispatch(uint64_t number, const uint64_t args[6]);

// The hypercall that the current vCPU's registers ask for: number in rax, arguments in rdi, rsi,
// rdx, r10, r8, r9. The result goes to rax, unless the call is to be continued: then the registers
// are set to execute it again. PV guests come by pv/entry.S instead, right to the handlers.
void hypercall_from_guest(struct cpu_user_regs *regs);
