/*
 * Parameters of an HVM domain: the index of HVMOP_set_param and HVMOP_get_param.
 */
#pragma once

#include "../types.h"

enum {
    HVM_PARAM_CALLBACK_IRQ = 0, /* how to signal events; see below */
    HVM_PARAM_STORE_PFN = 1,    /* guest frame of the xenstore ring */
    HVM_PARAM_STORE_EVTCHN = 2,
    HVM_PARAM_PAE_ENABLED = 4,
    HVM_PARAM_IOREQ_PFN = 5,
    HVM_PARAM_BUFIOREQ_PFN = 6,
    HVM_PARAM_VIRIDIAN = 9,    /* HVMPV_*: Microsoft's interface */
    HVM_PARAM_TIMER_MODE = 10, /* HVMPTM_* */
    HVM_PARAM_HPET_ENABLED = 11,
    HVM_PARAM_IDENT_PT = 12, /* guest-physical address of an identity page table, for VT-x */
    HVM_PARAM_DM_DOMAIN = 13,
    HVM_PARAM_ACPI_S_STATE = 14,
    HVM_PARAM_VM86_TSS = 15,
    HVM_PARAM_VPT_ALIGN = 16, /* let periodic timers of all vCPUs fire together */
    HVM_PARAM_CONSOLE_PFN = 17,
    HVM_PARAM_CONSOLE_EVTCHN = 18,
    HVM_PARAM_ACPI_IOPORTS_LOCATION = 19, /* 0: ACPI_*_V0 of ioreq.h, 1: ACPI_*_V1 */
    HVM_PARAM_MEMORY_EVENT_CR0 = 20,
    HVM_PARAM_MEMORY_EVENT_CR3 = 21,
    HVM_PARAM_MEMORY_EVENT_CR4 = 22,
    HVM_PARAM_MEMORY_EVENT_INT3 = 23,
    HVM_PARAM_NESTEDHVM = 24,
    HVM_PARAM_MEMORY_EVENT_SINGLE_STEP = 25,
    HVM_PARAM_BUFIOREQ_EVTCHN = 26,
    HVM_PARAM_PAGING_RING_PFN = 27,
    HVM_PARAM_MONITOR_RING_PFN = 28,
    HVM_PARAM_SHARING_RING_PFN = 29,
    HVM_PARAM_MEMORY_EVENT_MSR = 30,
    HVM_PARAM_TRIPLE_FAULT_REASON = 31, /* SHUTDOWN_* */
    HVM_PARAM_IOREQ_SERVER_PFN = 32,
    HVM_PARAM_NR_IOREQ_SERVER_PAGES = 33,
    HVM_PARAM_VM_GENERATION_ID_ADDR = 34,
    HVM_PARAM_ALTP2M = 35,        /* XEN_ALTP2M_* */
    HVM_PARAM_X87_FIP_WIDTH = 36, /* bytes: 8, 4, or 0 for either */
    HVM_PARAM_VM86_TSS_SIZED = 37,
    HVM_PARAM_MCA_CAP = 38, /* XEN_HVM_MCA_CAP_* */

    HVM_NR_PARAMS = 39,
};

/*
 * HVM_PARAM_CALLBACK_IRQ: the type is in bits 56-63.
 *   GSI: bits 0-55 hold the interrupt; all of 0 means none
 *   PCI_INTX: domain in 32-47, bus in 16-31, device in 11-15, function in 8-10, pin in 0-1
 *   VECTOR: bits 0-7 hold the vector, delivered to every vCPU
 */
#define HVM_PARAM_CALLBACK_IRQ_TYPE_MASK 0xff00000000000000ULL
#define HVM_PARAM_CALLBACK_TYPE_GSI      0
#define HVM_PARAM_CALLBACK_TYPE_PCI_INTX 1
#define HVM_PARAM_CALLBACK_TYPE_VECTOR   2

/* HVM_PARAM_VIRIDIAN; base_freq must be there for any other. */
#define _HVMPV_base_freq              0
#define HVMPV_base_freq               (1 << _HVMPV_base_freq)
#define _HVMPV_no_freq                1 /* hides the frequency MSRs */
#define HVMPV_no_freq                 (1 << _HVMPV_no_freq)
#define _HVMPV_time_ref_count         2
#define HVMPV_time_ref_count          (1 << _HVMPV_time_ref_count)
#define _HVMPV_reference_tsc          3
#define HVMPV_reference_tsc           (1 << _HVMPV_reference_tsc)
#define _HVMPV_hcall_remote_tlb_flush 4
#define HVMPV_hcall_remote_tlb_flush  (1 << _HVMPV_hcall_remote_tlb_flush)
#define _HVMPV_apic_assist            5
#define HVMPV_apic_assist             (1 << _HVMPV_apic_assist)
#define _HVMPV_crash_ctl              6
#define HVMPV_crash_ctl               (1 << _HVMPV_crash_ctl)
#define _HVMPV_synic                  7
#define HVMPV_synic                   (1 << _HVMPV_synic)
#define _HVMPV_stimer                 8
#define HVMPV_stimer                  (1 << _HVMPV_stimer)
#define _HVMPV_hcall_ipi              9
#define HVMPV_hcall_ipi               (1 << _HVMPV_hcall_ipi)
#define _HVMPV_ex_processor_masks     10
#define HVMPV_ex_processor_masks      (1 << _HVMPV_ex_processor_masks)
#define _HVMPV_no_vp_limit            11
#define HVMPV_no_vp_limit             (1 << _HVMPV_no_vp_limit)
#define _HVMPV_cpu_hotplug            12
#define HVMPV_cpu_hotplug             (1 << _HVMPV_cpu_hotplug)
#define HVMPV_feature_mask            0x1fff

/* HVM_PARAM_TIMER_MODE: ticks that fall due while the vCPU does not run. */
#define HVMPTM_delay_for_missed_ticks    0 /* virtual time stands still; all are delivered */
#define HVMPTM_no_delay_for_missed_ticks 1 /* virtual time is real; all are delivered */
#define HVMPTM_no_missed_ticks_pending   2 /* they are lost */
#define HVMPTM_one_missed_tick_pending   3 /* they are one */

/* HVM_PARAM_ALTP2M: who may use alternate P2Ms. */
#define XEN_ALTP2M_disabled 0
#define XEN_ALTP2M_mixed    1
#define XEN_ALTP2M_external 2
#define XEN_ALTP2M_limited  3

#define XEN_HVM_MCA_CAP_LMCE (1ULL << 0)
#define XEN_HVM_MCA_CAP_MASK XEN_HVM_MCA_CAP_LMCE
