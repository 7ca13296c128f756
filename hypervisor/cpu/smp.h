// Asking other CPUs to do something now.
#pragma once

#include "cpu/percpu.h"

// Runs fn(arg) on each CPU of mask (this one included if it is in it) and returns when all have
// done so. fn runs with interrupts off and must not take locks or call others.
void smp_call(cpumask_t mask, void (*fn)(void *), void *arg);

// Serves requests that other CPUs have made of this one. Called by the IPI handler and by every
// loop that waits.
void smp_serve(void);

// Interrupts a CPU so that it looks at its pending work and its vCPU's events.
void smp_kick(unsigned cpu);

// Opens a window of one instruction for pending interrupts. Only where no lock is held, or only
// locks that no interrupt handler takes (docs/architecture.md, lock order).
static inline void interrupt_window(void)
{
    __asm__ volatile("sti; nop; cli" : : : "memory");
}

// Should a long operation stop now and continue later? Opens an interrupt window, then tells
// whether this CPU has work or its vCPU an event to take. Same rule for locks.
bool preempt_check(void);

// Sets up the interrupts that the above use; once.
void smp_init(void);
