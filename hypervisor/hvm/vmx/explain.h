// Why a processor refuses a guest's state: the checks of a VM entry (Intel SDM vol. 3, 26.3.1 and
// 26.2.1.3), done once more in software, each with words for it.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "hvm/vmx/vmcs.h"

struct vmx_guest_state {
    uint64_t cr0, cr3, cr4, efer, dr7, debugctl;
    uint64_t rip, rflags, pending_debug, link;
    uint64_t sysenter_esp, sysenter_eip;
    uint64_t gdtr_base, idtr_base;
    uint32_t gdtr_limit, idtr_limit;
    struct vmx_segment_state {
        uint32_t selector, limit, attributes;
        uint64_t base;
    } segments[VMX_SEGMENTS];
    uint64_t pdptes[4];
    uint32_t interruptibility, activity;
    uint32_t entry_controls;
    uint32_t event, event_error, event_length;
    // The processor's demands.
    uint64_t cr0_set, cr0_may, cr4_set, cr4_may; // bits that must and may be 1
    unsigned phys_bits;
};

// Called for each rule that is broken: whose value `value` is, and how it should be.
typedef void vmx_complaint_fn(void *data, const char *field, uint64_t value, const char *rule);

// How many rules are broken. Unrestricted guest, EPT and virtual NMIs are on.
unsigned vmx_explain(const struct vmx_guest_state *s, vmx_complaint_fn *complain, void *data);

// VMCS_INSTRUCTION_ERROR in words (30.4).
const char *vmx_instruction_error(uint32_t number);
