/*
 * Virtual NMIs: HYPERVISOR_nmi_op(XENNMI_*, argument).
 */
#pragma once

#include "layout.h"

enum {
    XENNMI_register_callback = 0,
    XENNMI_unregister_callback = 1,
};

/* Why, in arch_shared_info.nmi_reason of domain 0. */
#define _XEN_NMIREASON_io_error 0 /* NMI by channel check */
#define XEN_NMIREASON_io_error  (1UL << _XEN_NMIREASON_io_error)
#define _XEN_NMIREASON_pci_serr 1 /* NMI by PCI system error */
#define XEN_NMIREASON_pci_serr  (1UL << _XEN_NMIREASON_pci_serr)
#define _XEN_NMIREASON_unknown  2
#define XEN_NMIREASON_unknown   (1UL << _XEN_NMIREASON_unknown)

typedef struct xennmi_callback {
    uint64_t handler_address;
    uint64_t pad;
} xennmi_callback_t;
ABI_SIZE(struct xennmi_callback, 16);
