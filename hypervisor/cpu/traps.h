// Exceptions and interrupts: the IDT and what happens before a room above is asked.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "pv-abi/xen.h"

// Intel SDM vol. 3, table 6-1.
enum trap_vector {
    TRAP_DE = 0,
    TRAP_DB = 1,
    TRAP_NMI = 2,
    TRAP_BP = 3,
    TRAP_OF = 4,
    TRAP_BR = 5,
    TRAP_UD = 6,
    TRAP_NM = 7,
    TRAP_DF = 8,
    TRAP_TS = 10,
    TRAP_NP = 11,
    TRAP_SS = 12,
    TRAP_GP = 13,
    TRAP_PF = 14,
    TRAP_MF = 16,
    TRAP_AC = 17,
    TRAP_MC = 18,
    TRAP_XM = 19,
    FIRST_IRQ_VECTOR = 0x20,
};

// Page-fault error code.
#define PFEC_PRESENT 0x01
#define PFEC_WRITE   0x02
#define PFEC_USER    0x04
#define PFEC_RSVD    0x08
#define PFEC_INSN    0x10

#define X86_EFLAGS_CF   0x00000001
#define X86_EFLAGS_MBS  0x00000002
#define X86_EFLAGS_TF   0x00000100
#define X86_EFLAGS_IF   0x00000200
#define X86_EFLAGS_DF   0x00000400
#define X86_EFLAGS_IOPL 0x00003000
#define X86_EFLAGS_NT   0x00004000
#define X86_EFLAGS_RF   0x00010000
#define X86_EFLAGS_VM   0x00020000
#define X86_EFLAGS_AC   0x00040000
#define X86_EFLAGS_ID   0x00200000

void traps_init(void);     // builds the IDT; once
void traps_cpu_init(void); // loads it on this CPU

// Provided by pv/: an exception or interrupt that struck a guest, and the way back into it.
void guest_trap(struct cpu_user_regs *regs);
void guest_return(void);

// A page fault of the hypervisor's own at addr, before the exception table is asked: true if the
// cause is gone and the instruction is to be tried again. Set by pv/, for what is mapped on demand.
extern bool (*hypervisor_page_fault)(uint64_t addr, uint32_t error);

// An NMI: called on the NMI stack, so nothing but counting and printing.
extern void (*nmi_handler)(struct cpu_user_regs *regs);

void show_registers(const struct cpu_user_regs *regs);
