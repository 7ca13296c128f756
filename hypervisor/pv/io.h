// Port input and output of PV guests.
#pragma once

#include "pv/domain.h"
#include "pv/insn.h"

// IN, OUT and their string forms in the guest's name. False: #GP.
bool pv_io(struct pv_vcpu *v, struct insn *i, struct cpu_user_regs *regs);
bool pv_io_string(struct pv_vcpu *v, struct insn *i, struct cpu_user_regs *regs);
