// Random operations on the machine of mmu_machine.h, for test_mmu_random.c.
#pragma once

#include <stdio.h>

#include "mm/frame.h"
#include "tests/unit/mmu_check.h"
#include "tests/unit/mmu_machine.h"

#define POOL     48 // frames of a domain at first
#define MAX_POOL 64

extern struct domain *doms[2];
extern struct vcpu *running[NR_CPUS]; // what each CPU runs, NULL: nothing
extern char last[160]; // the operation that was done last, for whoever reads of a failure
#define NOTE(...) snprintf(last, sizeof(last), __VA_ARGS__)

// Mostly sensible things of d's, sometimes what it must not have.
struct domain *any_domain(void);
struct frame *own_frame(struct domain *d); // NULL if it has none
mfn_t any_mfn(struct domain *d);
mfn_t table_mfn(struct domain *d, unsigned level);
unsigned any_index(unsigned level);
uint64_t any_entry(struct domain *d, unsigned level);

// Memory that a guest may write at will: ordinary, unless it is a table. It does so through some
// mapping that it makes and removes; NULL if it can not have one.
bool guest_may_write(const struct frame *f);
uint64_t *begin_writing(struct frame *f);
void end_writing(struct frame *f);

// The privileged domain may map the other's frames where it says so.
void lend(struct domain *to, struct domain *from, uint64_t entry);

// Operations of the current vCPU, of domain d. mmu_random_ops.c
void op_mmu_update(struct domain *d);
void op_update_va(struct domain *d);
void op_mmuext(struct domain *d);
void op_prepare_table(struct domain *d);
void op_make_tree(struct domain *d);
void op_access(struct domain *d);
void op_trapped_write(struct domain *d);
void op_reservation(struct domain *d);
void op_exchange(struct domain *d);
void op_descriptors(struct domain *d);
void op_grant(struct domain *d);
// ... after which TLBs know what is no longer so. mmu_random_stale.c
void op_page_to_table(struct domain *d);
void op_table_to_page(struct domain *d);
void op_page_to_somebody(struct domain *d);
void op_lent_to_table(struct domain *d);
void op_add_table(struct domain *d);
