// The x86 branch filter of .xz files (filter ID 0x04).
#pragma once

#include <stddef.h>
#include <stdint.h>

// Undoes the filter in place: the 32-bit operands of CALL and JMP, which the encoder had made
// absolute, become relative again. `ip` is the address that the first byte was taken to have.
void bcj_x86_decode(uint8_t *buf, size_t len, uint32_t ip);
