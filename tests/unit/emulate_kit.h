// A world for the instruction emulator: registers, memory, ports and segments that a test sets, and
// a record of what was asked of it.
#pragma once

#include "hvm/emulate/emulate.h"

#define KIT_LOG 16

struct kit_access {
    enum { KIT_READ, KIT_WRITE, KIT_IN, KIT_OUT } kind;
    uint64_t address;
    unsigned bytes;
    uint64_t value; // its first 8 bytes
};

struct kit {
    struct emulate_context c;
    struct cpu_user_regs regs;
    struct emulate_segment segments[6];
    uint8_t vectors[16][16];

    uint8_t *memory; // from linear address `base` on; what lies outside is a page fault
    uint64_t base, size;
    uint64_t read_only; // from here on it may not be written to
    uint64_t device;    // an access from here on, and to ports, waits for as long as `waits` says
    unsigned waits;
    uint64_t port_value;            // what ports read
    bool together;                  // strings of ports at once
    unsigned stop_after;            // iterations of a string; 0: never
    struct kit_access log[KIT_LOG]; // what was done, less what waited
    unsigned logged;
};

// Registers all 0, flat segments, `memory` from `base` on.
void kit_init(struct kit *k, unsigned bits, uint8_t *memory, uint64_t base, uint64_t size);
// The instruction at RIP.
enum emulate_result kit_run(struct kit *k, const uint8_t *code, unsigned length);
