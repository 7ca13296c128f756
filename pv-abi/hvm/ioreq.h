/*
 * Accesses that a device model emulates.
 *
 * Each vCPU has one ioreq in a page shared with the device model, and an event channel: the
 * hypervisor makes it READY and notifies, the device model makes it INPROCESS and in the end
 * STATE_IORESP_READY and notifies back. Writes that need no answer may go into a second, buffered
 * page.
 */
#pragma once

#include "../types.h"

#define IOREQ_READ  1
#define IOREQ_WRITE 0

#define STATE_IOREQ_NONE      0
#define STATE_IOREQ_READY     1
#define STATE_IOREQ_INPROCESS 2
#define STATE_IORESP_READY    3

#define IOREQ_TYPE_PIO        0
#define IOREQ_TYPE_COPY       1 /* memory */
#define IOREQ_TYPE_PCI_CONFIG 2
#define IOREQ_TYPE_TIMEOFFSET 7
#define IOREQ_TYPE_INVALIDATE 8 /* drop cached mappings of the guest */

/* PCI_CONFIG: addr has the sbdf in bits 32-63 and the register in 0-31. */
struct ioreq {
    uint64_t addr;     /* physical, or a port */
    uint64_t data;     /* the value, or the address of the values */
    uint32_t count;    /* repetitions */
    uint32_t size;     /* in bytes */
    uint32_t vp_eport; /* event channel to notify the hypervisor */
    uint16_t _pad0;
    uint8_t state : 4;       /* STATE_IO* */
    uint8_t data_is_ptr : 1; /* data is a guest-physical address */
    uint8_t dir : 1;         /* IOREQ_READ or IOREQ_WRITE */
    uint8_t df : 1;          /* addresses go downwards */
    uint8_t _pad1 : 1;
    uint8_t type; /* IOREQ_TYPE_* */
};
typedef struct ioreq ioreq_t;
ABI_SIZE(struct ioreq, 32);
ABI_OFFSET(struct ioreq, vp_eport, 24);
ABI_OFFSET(struct ioreq, type, 31);

struct shared_iopage {
    struct ioreq vcpu_ioreq[1]; /* as many as there are vCPUs */
};
typedef struct shared_iopage shared_iopage_t;
ABI_SIZE(struct shared_iopage, 32);

/* A buffered write. One of 8 bytes takes two slots, the second with the upper half as data. */
struct buf_ioreq {
    uint8_t type;
    uint8_t pad : 1;
    uint8_t dir : 1;
    uint8_t size : 2; /* log2 of bytes */
    uint32_t addr : 20;
    uint32_t data;
};
typedef struct buf_ioreq buf_ioreq_t;
ABI_SIZE(struct buf_ioreq, 8);
ABI_OFFSET(struct buf_ioreq, data, 4);

#define IOREQ_BUFFER_SLOT_NUM 511

struct buffered_iopage {
    uint32_t read_pointer; /* both run freely */
    uint32_t write_pointer;
    buf_ioreq_t buf_ioreq[IOREQ_BUFFER_SLOT_NUM];
};
typedef struct buffered_iopage buffered_iopage_t;
ABI_SIZE(struct buffered_iopage, 4096);

/* ACPI registers of the emulated machine, where HVM_PARAM_ACPI_IOPORTS_LOCATION says. */
#define ACPI_PM1A_EVT_BLK_ADDRESS_V0 0x1f40
#define ACPI_PM1A_CNT_BLK_ADDRESS_V0 0x1f44
#define ACPI_PM_TMR_BLK_ADDRESS_V0   0x1f48
#define ACPI_GPE0_BLK_ADDRESS_V0     0x1f68
#define ACPI_GPE0_BLK_LEN_V0         0x08

#define ACPI_PM1A_EVT_BLK_ADDRESS_V1 0xb000
#define ACPI_PM1A_CNT_BLK_ADDRESS_V1 0xb004
#define ACPI_PM_TMR_BLK_ADDRESS_V1   0xb008
#define ACPI_GPE0_BLK_ADDRESS_V1     0xafe0
#define ACPI_GPE0_BLK_LEN_V1         0x04

#define ACPI_PM1A_EVT_BLK_ADDRESS ACPI_PM1A_EVT_BLK_ADDRESS_V0
#define ACPI_PM1A_CNT_BLK_ADDRESS ACPI_PM1A_CNT_BLK_ADDRESS_V0
#define ACPI_PM_TMR_BLK_ADDRESS   ACPI_PM_TMR_BLK_ADDRESS_V0
#define ACPI_GPE0_BLK_ADDRESS     ACPI_GPE0_BLK_ADDRESS_V0
#define ACPI_GPE0_BLK_LEN         ACPI_GPE0_BLK_LEN_V0
