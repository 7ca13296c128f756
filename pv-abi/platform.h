/*
 * Domain 0 as keeper of the platform: HYPERVISOR_platform_op(xen_platform_op).
 *
 * Fields are inputs unless marked "out".
 */
#pragma once

#include "platform_efi.h"
#include "platform_pm.h"
#include "types.h"

#define XENPF_INTERFACE_VERSION 0x03000001U

enum {
    XENPF_settime32 = 17,
    XENPF_add_memtype = 31,
    XENPF_del_memtype = 32,
    XENPF_read_memtype = 33,
    XENPF_microcode_update = 35,
    XENPF_platform_quirk = 39,
    XENPF_get_cpu_version = 48,
    XENPF_efi_runtime_call = 49,
    XENPF_firmware_info = 50,
    XENPF_enter_acpi_sleep = 51,
    XENPF_change_freq = 52,
    XENPF_getidletime = 53,
    XENPF_set_processor_pminfo = 54,
    XENPF_get_cpuinfo = 55,
    XENPF_cpu_online = 56,
    XENPF_cpu_offline = 57,
    XENPF_cpu_hotadd = 58,
    XENPF_mem_hotadd = 59,
    XENPF_core_parking = 60,
    XENPF_resource_op = 61,
    XENPF_settime64 = 62,
    XENPF_get_symbol = 63,
};
#define XENPF_settime XENPF_settime64
#define xenpf_settime xenpf_settime64

/* The wall clock was secs.nsecs when the system time was system_time ns. */
struct xenpf_settime32 {
    uint32_t secs;
    uint32_t nsecs;
    uint64_t system_time;
};
ABI_SIZE(struct xenpf_settime32, 16);

struct xenpf_settime64 {
    uint64_t secs;
    uint32_t nsecs;
    uint32_t mbz;
    uint64_t system_time;
};
ABI_SIZE(struct xenpf_settime64, 24);
ABI_OFFSET(struct xenpf_settime64, system_time, 16);
typedef struct xenpf_settime32 xenpf_settime32_t;
typedef struct xenpf_settime64 xenpf_settime64_t;
typedef struct xenpf_settime64 xenpf_settime_t;

/* Memory types by MTRR. */
struct xenpf_add_memtype {
    xen_pfn_t mfn;
    uint64_t nr_mfns;
    uint32_t type;
    uint32_t handle; /* out */
    uint32_t reg;    /* out */
};
typedef struct xenpf_add_memtype xenpf_add_memtype_t;
ABI_SIZE(struct xenpf_add_memtype, 32);
ABI_OFFSET(struct xenpf_add_memtype, type, 16);

struct xenpf_del_memtype {
    uint32_t handle;
    uint32_t reg;
};
typedef struct xenpf_del_memtype xenpf_del_memtype_t;
ABI_SIZE(struct xenpf_del_memtype, 8);

struct xenpf_read_memtype {
    uint32_t reg;
    xen_pfn_t mfn;    /* out */
    uint64_t nr_mfns; /* out */
    uint32_t type;    /* out */
};
typedef struct xenpf_read_memtype xenpf_read_memtype_t;
ABI_SIZE(struct xenpf_read_memtype, 32);
ABI_OFFSET(struct xenpf_read_memtype, mfn, 8);

struct xenpf_microcode_update {
    XEN_GUEST_HANDLE(const void) data;
    uint32_t length;
};
typedef struct xenpf_microcode_update xenpf_microcode_update_t;
ABI_SIZE(struct xenpf_microcode_update, 16);

#define QUIRK_NOIRQBALANCING     1
#define QUIRK_IOAPIC_BAD_REGSEL  2
#define QUIRK_IOAPIC_GOOD_REGSEL 3

struct xenpf_platform_quirk {
    uint32_t quirk_id;
};
typedef struct xenpf_platform_quirk xenpf_platform_quirk_t;
ABI_SIZE(struct xenpf_platform_quirk, 4);

/* What firmware told the boot loader, or would have told a kernel in real mode. */
enum {
    XEN_FW_DISK_INFO = 1,          /* index: disk, from 0; -ESRCH past the last */
    XEN_FW_DISK_MBR_SIGNATURE = 2, /* the same */
    XEN_FW_VBEDDC_INFO = 3,
    XEN_FW_EFI_INFO = 4, /* index: XEN_FW_EFI_* */
    XEN_FW_KBD_SHIFT_FLAGS = 5,
};

struct xenpf_firmware_info {
    uint32_t type;
    uint32_t index;
    union {
        struct {
            uint8_t device; /* BIOS number, from 0x80 */
            uint8_t version;
            uint16_t interface_support;
            uint16_t legacy_max_cylinder;
            uint8_t legacy_max_head;
            uint8_t legacy_sectors_per_track;
            XEN_GUEST_HANDLE(void) edd_params; /* begins with its length, 16 bits */
        } disk_info;
        struct {
            uint8_t device;
            uint32_t mbr_signature;
        } disk_mbr_signature;
        struct {
            uint8_t capabilities;
            uint8_t edid_transfer_time;
            XEN_GUEST_HANDLE(uint8_t) edid; /* 128 bytes */
        } vbeddc_info;
        union xenpf_efi_info efi_info;
        uint8_t kbd_shift_flags;
    } u; /* out, but for the handles */
};
typedef struct xenpf_firmware_info xenpf_firmware_info_t;
ABI_SIZE(struct xenpf_firmware_info, 40);
ABI_OFFSET(struct xenpf_firmware_info, u, 8);
ABI_OFFSET(struct xenpf_firmware_info, u.disk_info.edd_params, 16);

/* Domain 0 has evaluated the ACPI methods; the values go into the PM1 control registers. */
#define XENPF_ACPI_SLEEP_EXTENDED 0x00000001U /* val_a: the sleep control register instead */

struct xenpf_enter_acpi_sleep {
    uint16_t val_a;
    uint16_t val_b;
    uint32_t sleep_state; /* n of Sn */
    uint32_t flags;
};
typedef struct xenpf_enter_acpi_sleep xenpf_enter_acpi_sleep_t;
ABI_SIZE(struct xenpf_enter_acpi_sleep, 12);

struct xenpf_pcpuinfo {
    uint32_t xen_cpuid;   /* the hypervisor's number of the CPU */
    uint32_t max_present; /* out: the highest such number */
    uint32_t flags;       /* out: XEN_PCPU_FLAGS_* */
    uint32_t apic_id;     /* out */
    uint32_t acpi_id;     /* out */
};
typedef struct xenpf_pcpuinfo xenpf_pcpuinfo_t;
ABI_SIZE(struct xenpf_pcpuinfo, 20);

#define XEN_PCPU_FLAGS_ONLINE  1U
#define XEN_PCPU_FLAGS_INVALID 2U /* there is no such CPU */

struct xenpf_pcpu_version {
    uint32_t xen_cpuid;
    uint32_t max_present; /* out from here on */
    char vendor_id[12];
    uint32_t family;
    uint32_t model;
    uint32_t stepping;
};
typedef struct xenpf_pcpu_version xenpf_pcpu_version_t;
ABI_SIZE(struct xenpf_pcpu_version, 32);

struct xenpf_cpu_ol {
    uint32_t cpuid;
};
typedef struct xenpf_cpu_ol xenpf_cpu_ol_t;
ABI_SIZE(struct xenpf_cpu_ol, 4);

struct xenpf_cpu_hotadd {
    uint32_t apic_id;
    uint32_t acpi_id;
    uint32_t pxm;
};
typedef struct xenpf_cpu_hotadd xenpf_cpu_hotadd_t;
ABI_SIZE(struct xenpf_cpu_hotadd, 12);

struct xenpf_mem_hotadd {
    uint64_t spfn; /* first frame, and one past the last */
    uint64_t epfn;
    uint32_t pxm;
    uint32_t flags;
};
typedef struct xenpf_mem_hotadd xenpf_mem_hotadd_t;
ABI_SIZE(struct xenpf_mem_hotadd, 24);

/* Batched accesses to a CPU's registers. */
#define XEN_RESOURCE_OP_MSR_READ  0
#define XEN_RESOURCE_OP_MSR_WRITE 1

struct xenpf_resource_entry {
    union {
        uint32_t cmd; /* in: XEN_RESOURCE_OP_* */
        int32_t ret;  /* out, where the operation failed */
    } u;
    uint32_t rsvd;
    uint64_t idx;
    uint64_t val; /* in for write, out for read */
};
typedef struct xenpf_resource_entry xenpf_resource_entry_t;
ABI_SIZE(struct xenpf_resource_entry, 24);

struct xenpf_resource_op {
    uint32_t nr_entries;
    uint32_t cpu;
    XEN_GUEST_HANDLE(xenpf_resource_entry_t) entries;
};
typedef struct xenpf_resource_op xenpf_resource_op_t;
ABI_SIZE(struct xenpf_resource_op, 16);

/* The hypervisor's own symbol table, one symbol a call. */
struct xenpf_symdata {
    uint32_t namelen; /* in: room; out: length of the name, which may exceed it */
    uint32_t symnum;  /* in: which; out: the next, or the same at the end */
    XEN_GUEST_HANDLE(char) name;
    uint64_t address; /* out */
    char type;        /* out, as nm prints it */
};
typedef struct xenpf_symdata xenpf_symdata_t;
ABI_SIZE(struct xenpf_symdata, 32);
ABI_OFFSET(struct xenpf_symdata, address, 16);

struct xen_platform_op {
    uint32_t cmd;               /* XENPF_* */
    uint32_t interface_version; /* XENPF_INTERFACE_VERSION */
    union {
        struct xenpf_settime64 settime;
        struct xenpf_settime32 settime32;
        struct xenpf_settime64 settime64;
        struct xenpf_add_memtype add_memtype;
        struct xenpf_del_memtype del_memtype;
        struct xenpf_read_memtype read_memtype;
        struct xenpf_microcode_update microcode;
        struct xenpf_platform_quirk platform_quirk;
        struct xenpf_efi_runtime_call efi_runtime_call;
        struct xenpf_firmware_info firmware_info;
        struct xenpf_enter_acpi_sleep enter_acpi_sleep;
        struct xenpf_change_freq change_freq;
        struct xenpf_getidletime getidletime;
        struct xenpf_set_processor_pminfo set_pminfo;
        struct xenpf_pcpuinfo pcpu_info;
        struct xenpf_pcpu_version pcpu_version;
        struct xenpf_cpu_ol cpu_ol;
        struct xenpf_cpu_hotadd cpu_add;
        struct xenpf_mem_hotadd mem_add;
        struct xenpf_core_parking core_parking;
        struct xenpf_resource_op resource_op;
        struct xenpf_symdata symdata;
        uint8_t pad[128];
    } u;
};
typedef struct xen_platform_op xen_platform_op_t;
ABI_SIZE(struct xen_platform_op, 136);
ABI_OFFSET(struct xen_platform_op, u, 8);
