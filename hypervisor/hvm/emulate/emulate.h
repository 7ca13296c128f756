// An emulator of the instructions by which programs reach devices: everything that reads or writes
// memory and general registers, strings, those of ports among them, moves of vector registers. In
// real mode and in protected code of 16, 32 and 64 bits.
//
// It stands alone: the instruction's bytes and the registers are given, and the rest of the world
// is behind struct emulate_ops. What an instruction does to the registers is done when all that can
// fail, or must wait, has succeeded; until then nothing has changed but what the operations did.
// What the processor checks before it gives an instruction away is not checked again: alignment
// (#AC); privilege to use ports, but only of as many as port_bytes says: another processor may have
// put an instruction there meanwhile that was not checked.
//
// Each instruction (of repeated strings: each iteration, or several at once of ports') makes its
// accesses in the order in which the processor does, and always the same ones while registers and
// memory are as they were: it can be tried again after a wait.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/insn.h"

struct emulate_context;

enum emulate_result {
    EMULATE_DONE,   // the registers are the next instruction's
    EMULATE_AGAIN,  // not done, the processor is to look at it again: ops->stop ended a repeated
                    // string between two iterations, or it is of wider ports than port_bytes
    EMULATE_WAIT,   // an operation waits for a device: to be tried again
    EMULATE_FAULT,  // the guest is to meet context->fault instead; nothing has changed
    EMULATE_SHORT,  // the bytes end within the instruction
    EMULATE_UNKNOWN // not one of those that are emulated
};

struct emulate_fault {
    uint8_t vector;
    int64_t error;    // -1: has none
    uint64_t address; // for CR2, of a page fault
};

struct emulate_segment {
    uint64_t base;
    uint32_t limit;          // its last byte; of one that expands down, the byte below its first
    bool readable, writable; // neither: not usable. In real mode both
    bool expand_down;
    bool wide; // 32-bit stack, or upper bound
};

// Values of a string that goes to a port or comes from it.
struct emulate_port_string {
    uint64_t address; // linear, of the first value
    uint16_t port;
    uint8_t bytes; // of each
    bool out, down;
};

// Operations answer EMULATE_DONE, EMULATE_WAIT or, with context->fault filled, EMULATE_FAULT.
// Addresses are linear; no access lies across 2^64, nor is longer than 16 bytes.
struct emulate_ops {
    // In 64-bit code only FS and GS are asked for, and of them only the base.
    void (*segment)(struct emulate_context *c, enum insn_segment n, struct emulate_segment *out);
    // May all of it be read, or written? Asked before an access whose fault would come too late.
    enum emulate_result (*probe)(struct emulate_context *c, uint64_t address, unsigned bytes,
                                 bool write);
    enum emulate_result (*read)(struct emulate_context *c, uint64_t address, void *out,
                                unsigned bytes);
    enum emulate_result (*write)(struct emulate_context *c, uint64_t address, const void *in,
                                 unsigned bytes);
    enum emulate_result (*in)(struct emulate_context *c, uint16_t port, unsigned bytes,
                              uint32_t *value);
    enum emulate_result (*out)(struct emulate_context *c, uint16_t port, unsigned bytes,
                               uint32_t value);
    // `count` values at once, all of them in one page and where the segment lets them be. With
    // *count 0 after it they are to be moved one by one, and nothing has happened. NULL: always so.
    enum emulate_result (*port_string)(struct emulate_context *c,
                                       const struct emulate_port_string *p, uint32_t *count);
    // A vector register. NULL: instructions that use them are unknown.
    enum emulate_result (*get_vector)(struct emulate_context *c, unsigned n, uint8_t value[16]);
    void (*set_vector)(struct emulate_context *c, unsigned n, const uint8_t value[16]);
    // After each iteration of a repeated string but the last, registers up to date: to stop here?
    bool (*stop)(struct emulate_context *c);
};

struct emulate_context {
    const struct emulate_ops *ops;
    struct cpu_user_regs *regs; // general registers, RIP, RFLAGS
    uint8_t bits;               // of the code: 16, 32 or 64
    uint8_t code[INSN_MAX];     // at RIP
    unsigned have;              // of them
    uint8_t port_bytes; // an access to the port in DX that the processor has allowed; 0: none
    struct emulate_fault fault; // out
};

// Emulates one instruction.
enum emulate_result emulate_step(struct emulate_context *c);
