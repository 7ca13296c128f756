// The PC's interval timer (Intel 82C54, ports 0x40 to 0x43) and the port that has its channel 2 at
// the speaker (0x61). Channel 0 is interrupt line 0, channel 1 is nowhere.
#pragma once

#include "hvm/platform/tick.h"
#include "pv-abi/hvm/save.h"

#define PIT_HZ 1193182u

struct pit {
    struct pit_channel {
        struct hvm_hw_pit_channel s;
        uint64_t start;    // PIT clock when the count began, or will begin: a new count in the
        uint32_t previous; // periodic modes waits for the end of this one
        uint32_t held;     // clocks that had passed when the gate went down
    } channel[3];
    bool speaker;
    struct tick tick; // rising edges of channel 0's output
};

void pit_init(struct pit *p, nsec_t now);
uint8_t pit_read(struct pit *p, unsigned port, nsec_t now);
void pit_write(struct pit *p, unsigned port, uint8_t value, nsec_t now);
uint8_t pit_read_speaker(struct pit *p, nsec_t now);
void pit_write_speaker(struct pit *p, uint8_t value, nsec_t now);
bool pit_output(const struct pit *p, unsigned channel, nsec_t now);
// Channel 0: does its output rise now, if `line` is what its interrupt line looks like; and when to
// ask next.
bool pit_tick(struct pit *p, nsec_t now, enum tick_line line);
nsec_t pit_when(const struct pit *p);

// The record: false if it could not be so. Counts begin anew: how far they were is not recorded.
void pit_save(const struct pit *p, struct hvm_hw_pit *s);
bool pit_load(struct pit *p, const struct hvm_hw_pit *s, bool commit, nsec_t now);
