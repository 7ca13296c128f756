/*
 * Domain control: giving a domain devices, and what belongs to them.
 *
 * An "sbdf" is a PCI segment << 16 | bus << 8 | device << 3 | function.
 */
#pragma once

#include "../types.h"

struct xen_domctl_irq_permission {
    uint32_t pirq;
    uint8_t allow_access;
    uint8_t pad[3];
};
ABI_SIZE(struct xen_domctl_irq_permission, 8);

struct xen_domctl_iomem_permission {
    uint64_t first_mfn;
    uint64_t nr_mfns;
    uint8_t allow_access;
};
ABI_SIZE(struct xen_domctl_iomem_permission, 24);

struct xen_domctl_ioport_permission {
    uint32_t first_port;
    uint32_t nr_ports;
    uint8_t allow_access;
};
ABI_SIZE(struct xen_domctl_ioport_permission, 12);

#define XEN_DOMCTL_DEV_PCI         0
#define XEN_DOMCTL_DEV_DT          1
#define XEN_DOMCTL_DEV_RDM_RELAXED 1U /* flags: a conflict with reserved memory is a warning */

struct xen_domctl_assign_device {
    uint32_t dev; /* XEN_DOMCTL_DEV_* */
    uint32_t flags;
    union {
        struct {
            uint32_t machine_sbdf;
        } pci;
        struct {
            uint32_t size;
            XEN_GUEST_HANDLE_64(char) path;
        } dt;
    } u;
};
ABI_SIZE(struct xen_domctl_assign_device, 24);

/* The devices that can only be given away together with one. */
struct xen_domctl_get_device_group {
    uint32_t machine_sbdf;
    uint32_t max_sdevs;
    uint32_t num_sdevs;                       /* out */
    XEN_GUEST_HANDLE_64(uint32_t) sdev_array; /* out */
};
ABI_SIZE(struct xen_domctl_get_device_group, 24);
ABI_OFFSET(struct xen_domctl_get_device_group, sdev_array, 16);

/* The interrupt of a device given to an HVM guest. */
enum pt_irq_type {
    PT_IRQ_TYPE_PCI = 0,
    PT_IRQ_TYPE_ISA = 1,
    PT_IRQ_TYPE_MSI = 2,
    PT_IRQ_TYPE_MSI_TRANSLATE = 3,
    PT_IRQ_TYPE_SPI = 4,
};

/* bind_pt_irq.u.msi.gflags */
#define XEN_DOMCTL_VMSI_X86_DEST_ID_MASK 0x0000ff
#define XEN_DOMCTL_VMSI_X86_RH_MASK      0x000100
#define XEN_DOMCTL_VMSI_X86_DM_MASK      0x000200
#define XEN_DOMCTL_VMSI_X86_DELIV_MASK   0x007000
#define XEN_DOMCTL_VMSI_X86_TRIG_MASK    0x008000
#define XEN_DOMCTL_VMSI_X86_UNMASKED     0x010000

struct xen_domctl_bind_pt_irq {
    uint32_t machine_irq;
    uint32_t irq_type; /* PT_IRQ_TYPE_* */
    union {
        struct {
            uint8_t isa_irq;
        } isa;
        struct {
            uint8_t bus;
            uint8_t device;
            uint8_t intx;
        } pci;
        struct {
            uint8_t gvec;
            uint32_t gflags;
            uint64_t gtable; /* guest-physical address of the MSI-X table, or 0 */
        } msi;
        struct {
            uint16_t spi;
        } spi;
    } u;
};
ABI_SIZE(struct xen_domctl_bind_pt_irq, 24);
ABI_OFFSET(struct xen_domctl_bind_pt_irq, u, 8);
ABI_OFFSET(struct xen_domctl_bind_pt_irq, u.msi.gtable, 16);

/* {memory,ioport}_mapping.add_mapping */
#define DPCI_ADD_MAPPING    1
#define DPCI_REMOVE_MAPPING 0

struct xen_domctl_memory_mapping {
    uint64_t first_gfn;
    uint64_t first_mfn;
    uint64_t nr_mfns;
    uint32_t add_mapping;
    uint32_t padding;
};
ABI_SIZE(struct xen_domctl_memory_mapping, 32);

struct xen_domctl_ioport_mapping {
    uint32_t first_gport;
    uint32_t first_mport;
    uint32_t nr_ports;
    uint32_t add_mapping;
};
ABI_SIZE(struct xen_domctl_ioport_mapping, 16);

/* Cache attributes of guest memory, as dm_op's pin_memory_cacheattr takes them. */
#define XEN_DOMCTL_MEM_CACHEATTR_UC     0
#define XEN_DOMCTL_MEM_CACHEATTR_WC     1
#define XEN_DOMCTL_MEM_CACHEATTR_WT     4
#define XEN_DOMCTL_MEM_CACHEATTR_WP     5
#define XEN_DOMCTL_MEM_CACHEATTR_WB     6
#define XEN_DOMCTL_MEM_CACHEATTR_UCM    7
#define XEN_DOMCTL_DELETE_MEM_CACHEATTR (~(uint32_t)0)
