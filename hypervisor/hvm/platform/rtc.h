// The PC's clock (Motorola MC146818): the fourteen bytes of time, alarm and control behind ports
// 0x70 and 0x71, and interrupt line 8. The memory behind them is the device model's, as is the NMI
// gate in the index.
#pragma once

#include "hvm/platform/tick.h"
#include "pv-abi/hvm/save.h"

#define RTC_IRQ        8
#define RTC_MAX_OFFSET (1ll << 32) // seconds, either way

struct rtc {
    struct hvm_hw_rtc s; // rtc_offset is the caller's to bring, and to take when it has changed
    int64_t utc_base;    // UTC at system time 0, ns since 1970: the caller's to bring
    nsec_t looked;       // when the flags were last brought up to date
    struct tick tick;    // the periodic interrupt, in ns
};

void rtc_init(struct rtc *r, nsec_t now);
// False: the index is not of one of the clock's own bytes.
bool rtc_read(struct rtc *r, unsigned port, uint8_t *value, nsec_t now);
bool rtc_write(struct rtc *r, unsigned port, uint8_t value, nsec_t now);
// Brings the flags up to date: is its interrupt up? And when to ask next.
bool rtc_interrupt(struct rtc *r, nsec_t now);
nsec_t rtc_when(const struct rtc *r);

// The record: false if it could not be so.
bool rtc_load(struct rtc *r, const struct hvm_hw_rtc *s, bool commit, nsec_t now);
