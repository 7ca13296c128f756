/*
 * EFI as domain 0 sees it: XENPF_efi_runtime_call, and the EFI part of XENPF_firmware_info.
 */
#pragma once

#include "types.h"

/* xenpf_efi_runtime_call.function */
enum {
    XEN_EFI_get_time = 1,
    XEN_EFI_set_time = 2,
    XEN_EFI_get_wakeup_time = 3,
    XEN_EFI_set_wakeup_time = 4,
    XEN_EFI_get_next_high_monotonic_count = 5,
    XEN_EFI_get_variable = 6,
    XEN_EFI_set_variable = 7,
    XEN_EFI_get_next_variable_name = 8,
    XEN_EFI_query_variable_info = 9,
    XEN_EFI_query_capsule_capabilities = 10,
    XEN_EFI_update_capsule = 11,
};

/* xenpf_efi_runtime_call.misc, by function. */
#define XEN_EFI_GET_TIME_SET_CLEARS_NS      0x00000001U
#define XEN_EFI_GET_WAKEUP_TIME_ENABLED     0x00000001U
#define XEN_EFI_GET_WAKEUP_TIME_PENDING     0x00000002U
#define XEN_EFI_SET_WAKEUP_TIME_ENABLE      0x00000001U
#define XEN_EFI_SET_WAKEUP_TIME_ENABLE_ONLY 0x00000002U
#define XEN_EFI_VARIABLE_NON_VOLATILE       0x00000001U
#define XEN_EFI_VARIABLE_BOOTSERVICE_ACCESS 0x00000002U
#define XEN_EFI_VARIABLE_RUNTIME_ACCESS     0x00000004U
#define XEN_EFI_VARINFO_BOOT_SNAPSHOT       0x00000001U

struct xenpf_efi_time {
    uint16_t year;
    uint8_t month;
    uint8_t day;
    uint8_t hour;
    uint8_t min;
    uint8_t sec;
    uint32_t ns;
    int16_t tz; /* minutes */
    uint8_t daylight;
};
ABI_SIZE(struct xenpf_efi_time, 16);
ABI_OFFSET(struct xenpf_efi_time, ns, 8);

struct xenpf_efi_guid {
    uint32_t data1;
    uint16_t data2;
    uint16_t data3;
    uint8_t data4[8];
};
ABI_SIZE(struct xenpf_efi_guid, 16);

/* Names are UTF-16, sizes are in bytes, on input the room there is. */
struct xenpf_efi_runtime_call {
    uint32_t function;
    uint32_t misc;
    xen_ulong_t status; /* out: an EFI_STATUS */
    union {
        struct {
            struct xenpf_efi_time time;
            uint32_t resolution; /* in Hz */
            uint32_t accuracy;   /* in parts per 10^12 */
        } get_time;
        struct xenpf_efi_time set_time;
        struct xenpf_efi_time get_wakeup_time;
        struct xenpf_efi_time set_wakeup_time;
        struct {
            XEN_GUEST_HANDLE(void) name;
            xen_ulong_t size;
            XEN_GUEST_HANDLE(void) data;
            struct xenpf_efi_guid vendor_guid;
        } get_variable, set_variable;
        struct {
            xen_ulong_t size;
            XEN_GUEST_HANDLE(void) name;
            struct xenpf_efi_guid vendor_guid;
        } get_next_variable_name;
        struct {
            uint32_t attr;
            uint64_t max_store_size;
            uint64_t remain_store_size;
            uint64_t max_size;
        } query_variable_info;
        struct {
            XEN_GUEST_HANDLE(void) capsule_header_array;
            xen_ulong_t capsule_count;
            uint64_t max_capsule_size;
            uint32_t reset_type;
        } query_capsule_capabilities;
        struct {
            XEN_GUEST_HANDLE(void) capsule_header_array;
            xen_ulong_t capsule_count;
            uint64_t sg_list; /* machine address */
        } update_capsule;
    } u;
};
typedef struct xenpf_efi_runtime_call xenpf_efi_runtime_call_t;
ABI_SIZE(struct xenpf_efi_runtime_call, 56);
ABI_OFFSET(struct xenpf_efi_runtime_call, u, 16);
ABI_OFFSET(struct xenpf_efi_runtime_call, u.get_variable.vendor_guid, 40);
ABI_OFFSET(struct xenpf_efi_runtime_call, u.query_variable_info.max_store_size, 24);

/* xenpf_firmware_info.index, with XEN_FW_EFI_INFO */
enum {
    XEN_FW_EFI_VERSION = 0,
    XEN_FW_EFI_CONFIG_TABLE = 1,
    XEN_FW_EFI_VENDOR = 2,
    XEN_FW_EFI_MEM_INFO = 3,
    XEN_FW_EFI_RT_VERSION = 4,
    XEN_FW_EFI_PCI_ROM = 5,
    XEN_FW_EFI_APPLE_PROPERTIES = 6,
};

union xenpf_efi_info {
    uint32_t version;
    struct {
        uint64_t addr; /* machine address */
        uint32_t nent;
    } cfg;
    struct {
        uint32_t revision;
        uint32_t bufsz; /* in bytes */
        XEN_GUEST_HANDLE(void) name;
    } vendor;
    struct {
        uint64_t addr; /* in: the address asked about; out: its region */
        uint64_t size; /* in: how much of it matters; out */
        uint64_t attr;
        uint32_t type;
    } mem;
    struct {
        uint16_t segment; /* in: the device, down to devid */
        uint8_t bus;
        uint8_t devfn;
        uint16_t vendor;
        uint16_t devid;
        uint64_t address;
        xen_ulong_t size;
    } pci_rom;
    struct {
        uint64_t address;
        xen_ulong_t size;
    } apple_properties;
};
ABI_SIZE(union xenpf_efi_info, 32);
ABI_OFFSET(union xenpf_efi_info, pci_rom.address, 8);
ABI_OFFSET(union xenpf_efi_info, mem.type, 24);
