/*
 * ACPI hot-plug of vCPUs: a bitmap of the online ones in I/O ports, and the event that says it
 * has changed.
 */
#pragma once

#define XEN_ACPI_CPU_MAP        0xaf00
#define XEN_ACPI_CPU_MAP_LEN    16
#define XEN_ACPI_GPE0_CPUHP_BIT 2
