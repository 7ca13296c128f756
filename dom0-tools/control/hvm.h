// What the hypervisor keeps of HVM domains: parameters, and vCPUs' and devices' state as records
// (pv-abi/hvm/save.h). Functions return 0 or -errno.
#pragma once

#include "control/control.h"

// HVM_PARAM_* of pv-abi/hvm/params.h.
int control_hvm_set_param(struct control *control, domid_t domain, uint32_t index, uint64_t value);
int control_hvm_get_param(struct control *control, domid_t domain, uint32_t index, uint64_t *value);

// *out is malloc'ed.
int control_hvm_get_context(struct control *control, domid_t domain, uint8_t **out, size_t *len);
// Changes a register in a context: RAX of a vCPU. -ENOENT: the context has no such vCPU.
int control_hvm_set_rax(void *records, size_t len, unsigned vcpu, uint64_t rax);
int control_hvm_set_context(struct control *control, domid_t domain, const void *records,
                            size_t len);
