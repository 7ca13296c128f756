// An HVM domain on the fake machine, and a vendor's operations whose registers the test sets.
#pragma once

#include "hvm/hvm.h"
#include "tests/unit/fake/platform.h"

extern uint64_t kit_fields[HVM_PAT + 1]; // what hvm_ops->read() gives
extern unsigned kit_inits, kit_startups, kit_nmis;
extern uint8_t kit_startup_page;
extern struct hvm_vcpu *kit_target;
extern nsec_t kit_now;
extern const struct p2m_format *kit_format; // of the maps of domains that are made

// Has hvm_ops->get_state() and set_state() do this.
void kit_set_state_ops(void (*get)(const struct hvm_vcpu *, struct hvm_hw_cpu *),
                       void (*set)(struct hvm_vcpu *, const struct hvm_hw_cpu *));
// A domain with vCPUs, its map empty. The current vCPU is its first.
struct hvm_domain *kit_domain(unsigned nr_vcpus);
void kit_domain_free(struct hvm_domain *d);
// Memory of the domain at gfn.
struct frame *kit_populate(struct hvm_domain *d, gfn_t gfn);
// Lets the timer that is set fire, if its time has come by `now`.
void kit_pass_time(nsec_t now);
