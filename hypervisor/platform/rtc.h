// The battery-backed clock of the PC.
#pragma once

#include <stdint.h>

// Seconds since 1970-01-01 00:00 UTC by the CMOS clock, which is taken to run in UTC; 0 if there is
// no clock or its time makes no sense. Accurate to a second.
int64_t wallclock_read(void);

// Days from 1970-01-01 to a date of the Gregorian calendar; month 1 to 12.
int64_t days_from_date(int64_t year, unsigned month, unsigned day);
