// Port input and output of PV guests.
#pragma once

#include "pv/domain.h"
#include "core/insn.h"

// IN, OUT and their string forms in the guest's name. False: #GP.
bool pv_io(struct pv_vcpu *v, struct insn *i, struct cpu_user_regs *regs);
bool pv_io_string(struct pv_vcpu *v, struct insn *i, struct cpu_user_regs *regs);

// PHYSDEVOP_set_iopl and _set_iobitmap: what the guest's kernel lets its own code do. Return 0.
int pv_set_iopl(struct vcpu *vcpu, unsigned iopl);
int pv_set_io_bitmap(struct vcpu *vcpu, uint64_t bitmap, unsigned nr_ports);
