// What the daemon has to say: to standard error or the system log, and the trace of all messages to
// a file that CONTROL "log" and "logfile" govern.
#pragma once

#include <stdbool.h>
#include <stddef.h>

void log_to_syslog(void);
void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));

// The trace file. `trace_file` names it, `trace_switch` opens or closes it; both return 0 or
// -errno.
extern bool trace_on;
int trace_file(const char *name);
int trace_switch(bool on);
const char *trace_name(void); // "" if none was named
void trace(const char *format, ...) __attribute__((format(printf, 1, 2)));
// One message: `direction` is "in" or "out"; bytes that are no text are shown as spaces.
void trace_message(const char *direction, const char *who, const char *type, const char *payload,
                   size_t length);
