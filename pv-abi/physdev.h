/*
 * Physical devices: HYPERVISOR_physdev_op(PHYSDEVOP_*, argument).
 *
 * A pirq is a domain's own number for a physical interrupt; domain 0 has pirqs equal to the
 * global system interrupts (GSI) of the I/O APICs.
 */
#pragma once

#include "types.h"

enum {
    PHYSDEVOP_irq_status_query = 5,
    PHYSDEVOP_set_iopl = 6,
    PHYSDEVOP_set_iobitmap = 7,
    PHYSDEVOP_apic_read = 8,
    PHYSDEVOP_apic_write = 9,
    PHYSDEVOP_alloc_irq_vector = 10,
    PHYSDEVOP_free_irq_vector = 11,
    PHYSDEVOP_eoi = 12,
    PHYSDEVOP_map_pirq = 13,
    PHYSDEVOP_unmap_pirq = 14,
    PHYSDEVOP_manage_pci_add = 15,
    PHYSDEVOP_manage_pci_remove = 16,
    PHYSDEVOP_pirq_eoi_gmfn_v1 = 17,
    PHYSDEVOP_restore_msi = 19,
    PHYSDEVOP_manage_pci_add_ext = 20,
    PHYSDEVOP_setup_gsi = 21,
    PHYSDEVOP_get_free_pirq = 23,
    PHYSDEVOP_pci_mmcfg_reserved = 24,
    PHYSDEVOP_pci_device_add = 25,
    PHYSDEVOP_pci_device_remove = 26, /* physdev_pci_device */
    PHYSDEVOP_restore_msi_ext = 27,   /* physdev_pci_device */
    PHYSDEVOP_pirq_eoi_gmfn_v2 = 28,
    PHYSDEVOP_dbgp_op = 29,
    PHYSDEVOP_prepare_msix = 30, /* physdev_pci_device */
    PHYSDEVOP_release_msix = 31, /* physdev_pci_device */
};
#define PHYSDEVOP_pirq_eoi_gmfn PHYSDEVOP_pirq_eoi_gmfn_v2

/* Superseded by unmasking an event channel; still answered. */
#define PHYSDEVOP_IRQ_UNMASK_NOTIFY 4

struct physdev_eoi {
    uint32_t irq; /* a pirq */
};
typedef struct physdev_eoi physdev_eoi_t;
ABI_SIZE(struct physdev_eoi, 4);

/*
 * Share a page with one bit per pirq that says whether it needs PHYSDEVOP_eoi. In v1,
 * PHYSDEVOP_eoi unmasks the event channel as well; in v2 it does not.
 */
struct physdev_pirq_eoi_gmfn {
    xen_pfn_t gmfn;
};
typedef struct physdev_pirq_eoi_gmfn physdev_pirq_eoi_gmfn_t;
ABI_SIZE(struct physdev_pirq_eoi_gmfn, 8);

#define _XENIRQSTAT_needs_eoi 0
#define XENIRQSTAT_needs_eoi  (1U << _XENIRQSTAT_needs_eoi)
#define _XENIRQSTAT_shared    1
#define XENIRQSTAT_shared     (1U << _XENIRQSTAT_shared)

struct physdev_irq_status_query {
    uint32_t irq;
    uint32_t flags; /* out: XENIRQSTAT_* */
};
typedef struct physdev_irq_status_query physdev_irq_status_query_t;
ABI_SIZE(struct physdev_irq_status_query, 8);

struct physdev_set_iopl {
    uint32_t iopl; /* of the calling vCPU; 1 or more lets its kernel use ports */
};
typedef struct physdev_set_iopl physdev_set_iopl_t;
ABI_SIZE(struct physdev_set_iopl, 4);

struct physdev_set_iobitmap {
    XEN_GUEST_HANDLE(uint8_t) bitmap; /* a clear bit lets user mode use the port */
    uint32_t nr_ports;
};
typedef struct physdev_set_iobitmap physdev_set_iobitmap_t;
ABI_SIZE(struct physdev_set_iobitmap, 16);

struct physdev_apic {
    uint64_t apic_physbase; /* of an I/O APIC */
    uint32_t reg;
    uint32_t value; /* out for read, in for write */
};
typedef struct physdev_apic physdev_apic_t;
ABI_SIZE(struct physdev_apic, 16);
ABI_OFFSET(struct physdev_apic, value, 12);

struct physdev_irq {
    uint32_t irq;
    uint32_t vector; /* out, meaningless today */
};
typedef struct physdev_irq physdev_irq_t;
ABI_SIZE(struct physdev_irq, 8);

/* physdev_map_pirq.type */
enum {
    MAP_PIRQ_TYPE_MSI = 0, /* one message; MSI-X if table_base is given */
    MAP_PIRQ_TYPE_GSI = 1,
    MAP_PIRQ_TYPE_UNKNOWN = 2,
    MAP_PIRQ_TYPE_MSI_SEG = 3,   /* bits 16-31 of bus: PCI segment */
    MAP_PIRQ_TYPE_MULTI_MSI = 4, /* the same, entry_nr messages */
};

struct physdev_map_pirq {
    domid_t domid;
    int32_t type;
    int32_t index; /* the GSI, for that type */
    int32_t pirq;  /* in: the one wanted, or negative for any; out */
    int32_t bus;
    int32_t devfn;
    int32_t entry_nr;    /* MSI-X table entry; MULTI_MSI: in and out, number of messages */
    uint64_t table_base; /* physical address of the MSI-X table, or 0 */
};
typedef struct physdev_map_pirq physdev_map_pirq_t;
ABI_SIZE(struct physdev_map_pirq, 40);
ABI_OFFSET(struct physdev_map_pirq, type, 4);
ABI_OFFSET(struct physdev_map_pirq, entry_nr, 24);
ABI_OFFSET(struct physdev_map_pirq, table_base, 32);

struct physdev_unmap_pirq {
    domid_t domid;
    int32_t pirq;
};
typedef struct physdev_unmap_pirq physdev_unmap_pirq_t;
ABI_SIZE(struct physdev_unmap_pirq, 8);

/* Reporting PCI devices: three generations. Only the last knows of PCI segments. */
struct physdev_manage_pci {
    uint8_t bus;
    uint8_t devfn;
};
typedef struct physdev_manage_pci physdev_manage_pci_t;
ABI_SIZE(struct physdev_manage_pci, 2);

struct physdev_restore_msi {
    uint8_t bus;
    uint8_t devfn;
};
typedef struct physdev_restore_msi physdev_restore_msi_t;
ABI_SIZE(struct physdev_restore_msi, 2);

struct physdev_manage_pci_ext {
    uint8_t bus;
    uint8_t devfn;
    uint32_t is_extfn;
    uint32_t is_virtfn;
    struct {
        uint8_t bus;
        uint8_t devfn;
    } physfn;
};
typedef struct physdev_manage_pci_ext physdev_manage_pci_ext_t;
ABI_SIZE(struct physdev_manage_pci_ext, 16);
ABI_OFFSET(struct physdev_manage_pci_ext, physfn, 12);

/* physdev_pci_device_add.flags */
#define XEN_PCI_DEV_EXTFN  0x1U
#define XEN_PCI_DEV_VIRTFN 0x2U /* physfn is given */
#define XEN_PCI_DEV_PXM    0x4U /* optarr[0] is the ACPI proximity domain */

struct physdev_pci_device_add {
    uint16_t seg;
    uint8_t bus;
    uint8_t devfn;
    uint32_t flags; /* XEN_PCI_DEV_* */
    struct {
        uint8_t bus;
        uint8_t devfn;
    } physfn;
    uint32_t optarr[];
};
typedef struct physdev_pci_device_add physdev_pci_device_add_t;
ABI_SIZE(struct physdev_pci_device_add, 12);
ABI_OFFSET(struct physdev_pci_device_add, flags, 4);
ABI_OFFSET(struct physdev_pci_device_add, physfn, 8);
ABI_OFFSET(struct physdev_pci_device_add, optarr, 12);

struct physdev_pci_device {
    uint16_t seg;
    uint8_t bus;
    uint8_t devfn;
};
typedef struct physdev_pci_device physdev_pci_device_t;
ABI_SIZE(struct physdev_pci_device, 4);

struct physdev_setup_gsi {
    int32_t gsi;
    uint8_t triggering; /* 0: edge, 1: level */
    uint8_t polarity;   /* 0: active high, 1: active low */
};
typedef struct physdev_setup_gsi physdev_setup_gsi_t;
ABI_SIZE(struct physdev_setup_gsi, 8);
ABI_OFFSET(struct physdev_setup_gsi, polarity, 5);

struct physdev_get_free_pirq {
    int32_t type;  /* MAP_PIRQ_TYPE_* */
    uint32_t pirq; /* out */
};
typedef struct physdev_get_free_pirq physdev_get_free_pirq_t;
ABI_SIZE(struct physdev_get_free_pirq, 8);

#define XEN_PCI_MMCFG_RESERVED 0x1U /* firmware reserves the region: it may be trusted */

struct physdev_pci_mmcfg_reserved {
    uint64_t address;
    uint16_t segment;
    uint8_t start_bus;
    uint8_t end_bus;
    uint32_t flags; /* XEN_PCI_MMCFG_* */
};
typedef struct physdev_pci_mmcfg_reserved physdev_pci_mmcfg_reserved_t;
ABI_SIZE(struct physdev_pci_mmcfg_reserved, 16);

/* Domain 0 is about to reset, or has reset, the USB controller of a debug port. */
#define PHYSDEVOP_DBGP_RESET_PREPARE 1
#define PHYSDEVOP_DBGP_RESET_DONE    2
#define PHYSDEVOP_DBGP_BUS_UNKNOWN   0
#define PHYSDEVOP_DBGP_BUS_PCI       1

struct physdev_dbgp_op {
    uint8_t op;
    uint8_t bus;
    union {
        physdev_pci_device_t pci;
    } u;
};
typedef struct physdev_dbgp_op physdev_dbgp_op_t;
ABI_SIZE(struct physdev_dbgp_op, 6);
ABI_OFFSET(struct physdev_dbgp_op, u, 2);

/* The argument of the superseded physdev_op_compat. */
struct physdev_op {
    uint32_t cmd;
    union {
        physdev_irq_status_query_t irq_status_query;
        physdev_set_iopl_t set_iopl;
        physdev_set_iobitmap_t set_iobitmap;
        physdev_apic_t apic_op;
        physdev_irq_t irq_op;
    } u;
};
typedef struct physdev_op physdev_op_t;
ABI_SIZE(struct physdev_op, 24);
ABI_OFFSET(struct physdev_op, u, 8);
