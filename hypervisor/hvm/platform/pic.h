// The PC's pair of interrupt controllers (Intel 8259A, with the trigger registers of the EISA and
// ICH chip sets): ports 0x20 and 0x21, 0xa0 and 0xa1, 0x4d0 and 0x4d1. The second one's output is
// the first one's line 2.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "pv-abi/hvm/save.h"

struct pic {
    struct pic_chip {
        struct hvm_hw_vpic s;
        uint8_t lines; // that are high
    } chip[2];
};

void pic_init(struct pic *p);
uint8_t pic_read(struct pic *p, unsigned port);
void pic_write(struct pic *p, unsigned port, uint8_t value);
// All 16 lines; line 2 is not to be had.
void pic_set_lines(struct pic *p, uint16_t levels);
// Is INTR up?
bool pic_output(const struct pic *p);
// The processor's acknowledge cycle: the vector.
uint8_t pic_acknowledge(struct pic *p);
// The line is let through, and its request waits to be acknowledged.
bool pic_is_masked(const struct pic *p, unsigned line);
bool pic_is_requested(const struct pic *p, unsigned line);

// Records: false if no chip could be in that state. After a load the lines come back by
// pic_adopt_lines(), which takes none of them for an edge.
void pic_save(const struct pic *p, unsigned n, struct hvm_hw_vpic *s);
bool pic_load(struct pic *p, unsigned n, const struct hvm_hw_vpic *s, bool commit);
void pic_adopt_lines(struct pic *p, uint16_t levels);
