// Entries into the guest: exceptions, event upcalls, system calls; catching the faults that a test
// provokes on purpose; running code in user mode.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "tests/guests/common/asm.h"

// The frame that entry.S builds; `error` holds the iret flags on the way back.
struct regs {
    uint64_t r15, r14, r13, r12, r11, r10, r9, r8, rbp, rdi, rsi, rdx, rcx, rbx, rax;
    uint64_t vector, error;
    uint64_t rip, cs, rflags, rsp, ss;
};

#define VEC_DE 0
#define VEC_DB 1
#define VEC_BP 3
#define VEC_OF 4
#define VEC_BR 5
#define VEC_UD 6
#define VEC_NM 7
#define VEC_TS 10
#define VEC_NP 11
#define VEC_SS 12
#define VEC_GP 13
#define VEC_PF 14
#define VEC_MF 16
#define VEC_AC 17
#define VEC_XM 19

#define NO_FAULT (-1)

// Bits of a page fault's error code.
#define PF_PRESENT 0x01
#define PF_WRITE   0x02
#define PF_USER    0x04
#define PF_FETCH   0x10

#define RFLAGS_TF   0x100UL
#define RFLAGS_IF   0x200UL
#define RFLAGS_IOPL 0x3000UL

// Sets trap table, callbacks and kernel stack of the calling vCPU.
void trap_init(void);
// The runtime's own trap table and callbacks, after a test had others.
void trap_restore(void);

// Called by entry.S; returns to load the (perhaps changed) frame again.
void trap_dispatch(struct regs *regs);

// If a test sets it, it sees every exception and system call first; true means handled.
extern bool (*trap_hook)(struct regs *regs);

// Runs STMT and gives the vector of the fault that it raised, or NO_FAULT. What was caught stands
// in last_fault(). Locals that STMT changes must be volatile. Not to be nested.
#define FAULT_OF(STMT)                      \
    __extension__({                         \
        if (jump_set(catch_begin()) == 0) { \
            STMT;                           \
            catch_end();                    \
        }                                   \
        catch_result();                     \
    })

struct jump *catch_begin(void);
void catch_end(void);
int catch_result(void);
// For trap_dispatch: goes on where the vCPU that is catching wants to.
void trap_caught(const struct regs *regs, uint64_t cr2) __attribute__((noreturn));
const struct regs *last_fault(void);
uint64_t last_fault_cr2(void);

// Goes to user mode with *REGS (rip, rsp, rflags and general registers used as they are; cs and ss
// are the flat ones where 0) and returns when user mode enters the kernel again by a system call or
// an exception: the vector (VEC_SYSCALL or the exception's). The frame then stands in *REGS.
int user_run(struct regs *regs);
uint64_t user_fault_cr2(void);

// Loads a frame by the iret hypercall, whatever it is.
void regs_load(struct regs *regs) __attribute__((noreturn));

extern uint8_t exception_stubs[32][16];
extern uint8_t softint_stubs[16][16];
void entry_event(void);
void entry_failsafe(void);
void entry_syscall(void);
void entry_sysenter(void);
void entry_nmi(void);
