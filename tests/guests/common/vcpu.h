// What the guest keeps for each of its vCPUs. It lies at the base of the vCPU's stack block, so the
// stack pointer alone says which vCPU is running.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "tests/guests/common/asm.h"
#include "tests/guests/common/trap.h"

// Callee-saved registers, stack and place to go on at; filled by jump_set (entry.S).
struct jump {
    uint64_t rbx, rbp, r12, r13, r14, r15, rsp, rip;
};

int jump_set(struct jump *jump) __attribute__((returns_twice));
void jump_to(struct jump *jump, int value) __attribute__((noreturn));

struct vcpu_block {
    unsigned id;
    bool catching; // a fault in kernel mode goes to `catch_at`
    bool in_user;  // an entry from user mode goes to `user_return`
    struct jump catch_at;
    struct jump user_return;
    struct regs fault; // the frame of the last fault caught
    uint64_t fault_cr2;
    struct regs user; // the frame of the last entry from user mode
    uint64_t user_cr2;
    unsigned spurious; // entries that nobody expected
};

extern uint8_t vcpu_blocks[MAX_TEST_VCPUS][VCPU_BLOCK_SIZE];

static inline struct vcpu_block *this_vcpu(void)
{
    uintptr_t sp;

    __asm__ volatile("mov %%rsp, %0" : "=r"(sp));
    return (struct vcpu_block *)(sp & ~(uintptr_t)(VCPU_BLOCK_SIZE - 1));
}

static inline struct vcpu_block *vcpu_block(unsigned vcpu)
{
    return (struct vcpu_block *)vcpu_blocks[vcpu];
}

// Top of the stack that entries from user mode use.
static inline uint64_t vcpu_entry_stack(unsigned vcpu)
{
    return (uint64_t)vcpu_blocks[vcpu] + VCPU_BLOCK_SIZE / 2;
}

static inline uint64_t vcpu_main_stack(unsigned vcpu)
{
    return (uint64_t)vcpu_blocks[vcpu] + VCPU_BLOCK_SIZE;
}

struct vcpu_guest_context;

// A context that enters secondary_main on vCPU's own stack.
void vcpu_context_fill(struct vcpu_guest_context *c, unsigned vcpu);
void secondary_start(void);

long vcpu_op(unsigned cmd, unsigned vcpu, void *arg);
// Initialises (if that was not done before) and brings up; the first error.
long vcpu_start(unsigned vcpu);
bool vcpu_wait_running(unsigned vcpu, uint64_t ns);
// Hands the vCPU a function to run once; it idles (yielding) before and after.
void vcpu_run(unsigned vcpu, void (*function)(void *), void *arg);
bool vcpu_wait_idle(unsigned vcpu, uint64_t ns);
// Lets the vCPU take itself down once it is idle; false if it does not within two seconds.
bool vcpu_stop(unsigned vcpu);
// Takes the vCPU down at once.
void vcpu_down(unsigned vcpu);
// How many vCPUs the domain may have, at most MAX_TEST_VCPUS.
unsigned vcpu_count(void);
