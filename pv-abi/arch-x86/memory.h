/*
 * Parts of a 64-bit paravirtual guest's address space and GDT that the hypervisor owns.
 */
#pragma once

/* Slots 256 to 271 of the root table; a guest may use everything else. */
#define __HYPERVISOR_VIRT_START 0xffff800000000000
#define __HYPERVISOR_VIRT_END   0xffff880000000000
#define HYPERVISOR_VIRT_START   0xffff800000000000UL
#define HYPERVISOR_VIRT_END     0xffff880000000000UL

/* The machine-to-physical table: one 64-bit guest frame number per machine frame, read-only. */
#define __MACH2PHYS_VIRT_START 0xffff800000000000
#define __MACH2PHYS_VIRT_END   0xffff804000000000
#define MACH2PHYS_VIRT_START   0xffff800000000000UL
#define MACH2PHYS_VIRT_END     0xffff804000000000UL
#define MACH2PHYS_NR_ENTRIES   ((MACH2PHYS_VIRT_END - MACH2PHYS_VIRT_START) >> 3)

/* A guest's GDT has 14 pages of its own; the hypervisor's descriptors follow them. */
#define FIRST_RESERVED_GDT_PAGE  14
#define FIRST_RESERVED_GDT_BYTE  (FIRST_RESERVED_GDT_PAGE * 4096)
#define FIRST_RESERVED_GDT_ENTRY (FIRST_RESERVED_GDT_BYTE / 8)
