// Exceptions. The guest expects none: each is a bug of its own, shown with all registers.
#pragma once

#include <stdint.h>

struct trap_frame {
    uint64_t r15, r14, r13, r12, r11, r10, r9, r8, rbp, rdi, rsi, rdx, rcx, rbx, rax;
    uint64_t vector, error;
    uint64_t rip, cs, rflags, rsp, ss;
};

// Registers the trap table, and the callbacks for events and failsafe.
void trap_init(void);

// Called by entry.S.
void trap_panic(const struct trap_frame *frame) __attribute__((noreturn));
