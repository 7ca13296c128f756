// What the parts of the emulator share: one instruction that is under way.
//
// Handlers do first what can fail, in the processor's order, and change registers when nothing can
// any more; emulate_step() moves RIP on behind them.
#pragma once

#include "core/alu.h"
#include "hvm/emulate/emulate.h"

struct step {
    struct emulate_context *c;
    struct insn i;
    unsigned bytes; // of the operand
};

typedef enum emulate_result handler(struct step *s);

// #UD, #GP(0), ...
enum emulate_result fault_raise(struct step *s, uint8_t vector, int64_t error);

// operand.c: general registers by number; a byte of AH to BH where there is no REX,
uint64_t register_read(const struct step *s, unsigned n, unsigned bytes);
void register_write(struct step *s, unsigned n, unsigned bytes, uint64_t value);
// registers of addresses and counts, of which an instruction may use a part,
uint64_t address_read(const struct step *s, unsigned n);
void address_write(struct step *s, unsigned n, unsigned bytes, uint64_t value);
// memory by segment and offset, up to 16 bytes, with the checks of segmentation: its linear
// address,
enum emulate_result memory_address(struct step *s, enum insn_segment segment, uint64_t offset,
                                   unsigned bytes, bool write, uint64_t *address);
enum emulate_result memory_probe(struct step *s, enum insn_segment segment, uint64_t offset,
                                 unsigned bytes, bool write);
enum emulate_result memory_read(struct step *s, enum insn_segment segment, uint64_t offset,
                                void *out, unsigned bytes);
enum emulate_result memory_write(struct step *s, enum insn_segment segment, uint64_t offset,
                                 const void *in, unsigned bytes);
// and ModRM's operand, register or memory: only read, or read to be written to afterwards.
bool operand_is_memory(const struct step *s);
bool operand_is_aligned(struct step *s, unsigned to);
enum emulate_result operand_read(struct step *s, unsigned bytes, uint64_t *value);
enum emulate_result operand_modify(struct step *s, unsigned bytes, uint64_t *value);
enum emulate_result operand_write(struct step *s, unsigned bytes, uint64_t value);

// The families of instructions. s->bytes: what the lowest bit of most opcodes says.
handler move_store, move_load, move_immediate, move_absolute, move_extended, move_if, move_swapped;
handler move_exchange, move_set, move_nontemporal, move_push, move_pop; // move.c
handler alu_two, alu_immediate, alu_test, alu_one, alu_inc_dec;         // arithmetic.c
handler alu_shifts, alu_bits, alu_bits_immediate, alu_imul;             // ...
handler atomic_add, atomic_compare, atomic_compare_wide;                // ...
handler string_any;                                                     // string.c
handler vector_any;                                                     // vector.c
