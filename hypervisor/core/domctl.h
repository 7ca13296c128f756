// Between the files of the domctl hypercall (pv-abi/domctl.h): control of single domains.
#pragma once

#include "core/domain.h"
#include "pv-abi/domctl.h"

// Fills in getdomaininfo of a domain.
void domctl_describe(struct domain *d, struct xen_domctl_getdomaininfo *info);

// Bitmaps of the caller's, which may be longer or shorter than the nr_bits that count here. What is
// missing reads as 0; what is beyond is written as 0. 0 or -EFAULT.
int domctl_get_bitmap(const struct xenctl_bitmap *from, uint64_t *bits, unsigned nr_bits);
int domctl_put_bitmap(const struct xenctl_bitmap *to, uint64_t bits, unsigned nr_bits);

// The operations on d, which the caller of the hypercall may control; d has a reference. The table
// in domctl.c says what has been checked before. The argument is the hypervisor's copy. 0, -errno,
// or -ERESTART to be called again.

// domctl_life.c
int domctl_create(struct domain *none, struct xen_domctl *op);
int domctl_destroy(struct domain *d, struct xen_domctl *op);
int domctl_pause(struct domain *d, struct xen_domctl *op);
int domctl_unpause(struct domain *d, struct xen_domctl *op);
int domctl_resume(struct domain *d, struct xen_domctl *op);
int domctl_max_vcpus(struct domain *d, struct xen_domctl *op);

// domctl_config.c
int domctl_set_handle(struct domain *d, struct xen_domctl *op);
int domctl_set_debugging(struct domain *d, struct xen_domctl *op);
int domctl_hypercall_init(struct domain *d, struct xen_domctl *op);
int domctl_set_time_offset(struct domain *d, struct xen_domctl *op);
int domctl_set_address_size(struct domain *d, struct xen_domctl *op);
int domctl_get_address_size(struct domain *d, struct xen_domctl *op);
int domctl_send_trigger(struct domain *d, struct xen_domctl *op);
int domctl_set_target(struct domain *d, struct xen_domctl *op);
int domctl_set_virq_handler(struct domain *d, struct xen_domctl *op);
int domctl_set_tsc(struct domain *d, struct xen_domctl *op);
int domctl_get_tsc(struct domain *d, struct xen_domctl *op);
int domctl_get_cpu_policy(struct domain *d, struct xen_domctl *op);
int domctl_set_cpu_policy(struct domain *d, struct xen_domctl *op);

// domctl_memory.c
int domctl_max_mem(struct domain *d, struct xen_domctl *op);
int domctl_get_frame_types(struct domain *d, struct xen_domctl *op);
int domctl_paging_pool(struct domain *d, struct xen_domctl *op);
int domctl_set_node_affinity(struct domain *d, struct xen_domctl *op);
int domctl_get_node_affinity(struct domain *d, struct xen_domctl *op);

// domctl_device.c
int domctl_irq_permission(struct domain *d, struct xen_domctl *op);
int domctl_iomem_permission(struct domain *d, struct xen_domctl *op);
int domctl_ioport_permission(struct domain *d, struct xen_domctl *op);
int domctl_memory_mapping(struct domain *d, struct xen_domctl *op);

// domctl_sched.c
int domctl_scheduler_op(struct domain *d, struct xen_domctl *op);
int domctl_set_affinity(struct domain *d, struct xen_domctl *op);
int domctl_get_affinity(struct domain *d, struct xen_domctl *op);

// domctl_state.c
int domctl_set_context(struct domain *d, struct xen_domctl *op);
int domctl_get_context(struct domain *d, struct xen_domctl *op);
int domctl_vcpu_info(struct domain *d, struct xen_domctl *op);
int domctl_hvm_context(struct domain *d, struct xen_domctl *op);
int domctl_get_ext_context(struct domain *d, struct xen_domctl *op);
int domctl_set_ext_context(struct domain *d, struct xen_domctl *op);
int domctl_get_xstate(struct domain *d, struct xen_domctl *op);
int domctl_set_xstate(struct domain *d, struct xen_domctl *op);
int domctl_get_msrs(struct domain *d, struct xen_domctl *op);
int domctl_set_msrs(struct domain *d, struct xen_domctl *op);
