// The bytes of a migration stream (Xen's "LibXenCtrl Domain Image Format", version 3; version 2 is
// the same without the two records of policies and STATIC_DATA_END).
//
// An image header, a domain header, and records, each padded to eight bytes. All numbers but the
// image header's are little-endian. A guest frame number stands wherever the guest itself has a
// machine frame number: in page tables, the P2M list's own frames, descriptor tables and roots of a
// PV guest.
#pragma once

#include <assert.h>
#include <stdint.h>

#define STREAM_MARKER  UINT64_MAX
#define STREAM_ID      0x58454e46 // "XENF"
#define STREAM_VERSION 3

struct stream_image_header { // big-endian
    uint64_t marker;
    uint32_t id;
    uint32_t version;
    uint16_t options; // bit 0: what follows is big-endian
    uint16_t reserved[3];
};
static_assert(sizeof(struct stream_image_header) == 24, "as specified");

enum { STREAM_PV = 1, STREAM_HVM = 2 };

struct stream_domain_header {
    uint32_t type;
    uint16_t page_shift;
    uint16_t reserved;
    uint32_t xen_major, xen_minor; // of the hypervisor that it was saved on
};
static_assert(sizeof(struct stream_domain_header) == 16, "as specified");

struct stream_record_header {
    uint32_t type;
    uint32_t length; // of the body, without padding
};
static_assert(sizeof(struct stream_record_header) == 8, "as specified");

enum stream_record_type {
    RECORD_END,
    RECORD_PAGE_DATA,
    RECORD_PV_INFO,
    RECORD_P2M_FRAMES,
    RECORD_VCPU_BASIC,
    RECORD_VCPU_EXTENDED,
    RECORD_VCPU_XSAVE,
    RECORD_SHARED_INFO,
    RECORD_TSC_INFO,
    RECORD_HVM_CONTEXT,
    RECORD_HVM_PARAMS,
    RECORD_TOOLSTACK,
    RECORD_VCPU_MSRS,
    RECORD_VERIFY,
    RECORD_CHECKPOINT,
    RECORD_DIRTY_PFN_LIST,
    RECORD_STATIC_DATA_END,
    RECORD_CPUID_POLICY,
    RECORD_MSR_POLICY,
};
#define RECORD_OPTIONAL 0x80000000u // bit of the type: may be passed over

#define STREAM_BATCH 1024 // frames of a PAGE_DATA record at the most

struct stream_page_data {
    uint32_t count;
    uint32_t reserved;
    uint64_t pfns[]; // and types, from PAGE_TYPE_SHIFT on; then the pages that have content
};
#define PAGE_TYPE_SHIFT 60
#define PAGE_PFN_MASK   ((1ull << 52) - 1)
enum {
    PAGE_PLAIN,
    PAGE_L1,
    PAGE_L2,
    PAGE_L3,
    PAGE_L4,
    PAGE_PINNED = 8, // added to a level
    PAGE_BROKEN = 13,
    PAGE_EMPTY = 14,   // no content yet
    PAGE_INVALID = 15, // no such frame any more
};
#define PAGE_LEVEL(type) ((type)&7)

struct stream_pv_info {
    uint8_t width;  // of the guest, in bytes
    uint8_t levels; // of its page tables
    uint8_t reserved[6];
};

struct stream_p2m_frames {
    uint32_t first, last; // guest frames that the list is about
    uint64_t pfns[];      // where the list itself lies
};

struct stream_vcpu {
    uint32_t vcpu;
    uint32_t reserved;
    uint8_t state[]; // as domctl's operation of that name has it
};

struct stream_hvm_params {
    uint32_t count;
    uint32_t reserved;
    struct {
        uint64_t index, value; // HVM_PARAM_*
    } params[];
};

struct stream_tsc_info {
    uint32_t mode;
    uint32_t khz;
    uint64_t ns;
    uint32_t incarnation;
    uint32_t reserved;
};

#define STREAM_PAGE_SIZE 4096u
#define PTES             512u

// The longest body that makes sense: pages, or the P2M list of 8 TB.
#define STREAM_MAX_BODY (32u << 20)
