// The high-precision event timers (IA-PC HPET specification 1.0a): memory at 0xfed00000, a counter
// of 62.5 MHz and three timers, each of which may be periodic, has 32 or 64 bits, and goes to one
// of the I/O APIC's inputs 20 to 23, or the first two to the lines of PIT and RTC in their stead.
#pragma once

#include "hvm/platform/tick.h"
#include "pv-abi/hvm/save.h"

#define HPET_BASE  0xfed00000u
#define HPET_BYTES 0x400
#define HPET_HZ    62500000u

struct hpet {
    struct hvm_hw_hpet s;
    uint64_t offset; // of the counter from the HPET clock, while it runs
    struct tick tick[HPET_TIMER_NUM];
};

void hpet_init(struct hpet *h);
// A register of 8 bytes; of what is written the bits in `mask` count.
uint64_t hpet_read(struct hpet *h, unsigned offset, nsec_t now);
void hpet_write(struct hpet *h, unsigned offset, uint64_t value, uint64_t mask, nsec_t now);
bool hpet_is_legacy(const struct hpet *h); // stands in for PIT and RTC
// Where a timer's interrupt goes: below 16 an ISA line, from 16 on an input; -1: nowhere.
int hpet_line(const struct hpet *h, unsigned timer);
// Has the timer an interrupt by edge to give, if `line` is what its line looks like? What is by
// level holds the lines that hpet_levels() tells up (bits as hpet_line()'s numbers).
bool hpet_tick(struct hpet *h, unsigned timer, nsec_t now, enum tick_line line);
uint64_t hpet_levels(const struct hpet *h);
nsec_t hpet_when(const struct hpet *h);

void hpet_save(struct hpet *h, struct hvm_hw_hpet *s, nsec_t now);
bool hpet_load(struct hpet *h, const struct hvm_hw_hpet *s, bool commit, nsec_t now);
