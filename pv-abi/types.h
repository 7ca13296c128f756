/*
 * Scalar types, domain identifiers and guest handles.
 *
 * A guest handle is an address in the caller's own address space. On x86-64 it is a plain
 * 64-bit pointer, which tools store and the hypervisor never follows except through its
 * checking accessors. XEN_GUEST_HANDLE_64 is the same thing in the control interfaces, where
 * 32-bit callers would have had to widen it.
 */
#pragma once

#include "layout.h"

typedef uint64_t xen_pfn_t;      /* a frame number; guest or machine depends on the call */
typedef uint64_t xen_ulong_t;    /* a machine word, as wide as a register */
typedef uint64_t xen_callback_t; /* a guest's entry point */
typedef uint16_t domid_t;

typedef uint64_t uint64_aligned_t;
typedef int64_t int64_aligned_t;

#define XEN_GUEST_HANDLE(type)    type *
#define XEN_GUEST_HANDLE_64(type) type *

/* printf conversions for the types above. */
#define PRI_xen_pfn   "lx"
#define PRIu_xen_pfn  "lu"
#define PRI_xen_ulong "lx"

/* Identifiers from here on name no ordinary domain. */
#define DOMID_FIRST_RESERVED 0x7ff0U
#define DOMID_SELF           0x7ff0U /* the caller */
#define DOMID_IO             0x7ff1U /* owner of device memory */
#define DOMID_XEN            0x7ff2U /* owner of what the hypervisor shares */
#define DOMID_COW            0x7ff3U /* owner of shared-until-written frames */
#define DOMID_INVALID        0x7ff4U /* matches no domain at all */
#define DOMID_IDLE           0x7fffU
#define DOMID_MASK           0x7fffU

typedef uint8_t xen_domain_handle_t[16]; /* a domain's UUID */

typedef struct {
    uint8_t a[16];
} xen_uuid_t;
ABI_SIZE(xen_uuid_t, 16);

/* A bitmap in the caller's memory; bytes beyond nr_bits are left alone. */
typedef struct xenctl_bitmap {
    XEN_GUEST_HANDLE_64(uint8_t) bitmap;
    uint32_t nr_bits;
} xenctl_bitmap_t;
ABI_SIZE(struct xenctl_bitmap, 16);
ABI_OFFSET(struct xenctl_bitmap, nr_bits, 8);
