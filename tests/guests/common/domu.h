// A domain made of eight pages, run by domain 0 through the control interface: page tables, one
// page of code, one of data and stack. Enough to live, call, crash and be destroyed.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "pv-abi/domctl.h"

#define DOMU_PAGES 8
#define DOMU_BASE  0x10000UL // where its pages lie, in order
enum { DOMU_L4, DOMU_L3, DOMU_L2, DOMU_L1, DOMU_CODE, DOMU_DATA, DOMU_STACK, DOMU_SPARE };

struct domu {
    unsigned id; // 0: there is none
    uint64_t frame[DOMU_PAGES];
    uint64_t shared_info; // frame
};

// A domctl on DOM; its structure for arguments and results.
extern struct xen_domctl domu_op;
long domu_domctl(unsigned cmd, unsigned dom);
// Ends the test as skipped where there is no control interface.
void domu_need_control(void);

// Creates, populates and pins; paused. Ends the test on failure.
void domu_create(struct domu *domu);
// Gives it CODE to run from its first byte on, in kernel mode.
void domu_load(struct domu *domu, const void *code, unsigned size);
void domu_start(struct domu *domu);
// The flags of getdomaininfo; 0 if it is gone.
uint32_t domu_flags(const struct domu *domu);
// Waits until it has shut down; the reason, or -1 after two seconds.
int domu_wait_shutdown(const struct domu *domu);
// Destroys, and waits until nothing of it is left; false if something is.
bool domu_destroy(struct domu *domu);

// Maps one of its frames at window index, as its own.
long domu_map(const struct domu *domu, unsigned slot, unsigned page, uint64_t flags);
static inline uint64_t domu_va(unsigned page)
{
    return DOMU_BASE + page * 4096UL;
}
