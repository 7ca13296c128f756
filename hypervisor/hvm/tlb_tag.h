// Tags of guests' TLB entries: AMD-V's address-space identifiers, VT-x's VPIDs. Each CPU gives them
// out in turn; when they are used up it begins anew, which is another generation.
#pragma once

#include <stdint.h>

struct hvm_vcpu;

struct tlb_tag {
    uint32_t tag; // 0: none yet; it is the hypervisor's own
    uint32_t generation;
    uint32_t p2m_generation; // of the map that the CPU's TLB may hold entries of
    int cpu;                 // where it was given, -1: nowhere
};

enum tlb_tag_news { TLB_TAG_KEPT, TLB_TAG_FRESH, TLB_TAG_BEGUN_ANEW };

// The current vCPU's tag, before each entry, with interrupts off. `count`: how many tags there are.
// What is cached under the tag that it had is of no use when it comes from another CPU, when that
// CPU has begun anew, or when the map of the domain's memory has changed: then it gets a fresh one,
// under which nothing is cached, once the caller has dropped everything where the CPU begins anew.
enum tlb_tag_news tlb_tag_take(struct hvm_vcpu *v, struct tlb_tag *t, unsigned count);
