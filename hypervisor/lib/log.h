// The hypervisor's log. Messages go to the console ring (read by `dmesg` tools) and, when their
// level passes the threshold of `loglvl=`/`guest_loglvl=`, to the consoles. Callers end lines with
// \n.
#pragma once

#include <stdarg.h>

enum log_level { LOG_ERR, LOG_WARN, LOG_INFO, LOG_DEBUG };

__attribute__((format(printf, 2, 3))) void log_print(enum log_level level, const char *fmt, ...);
void log_vprint(enum log_level level, const char *fmt, va_list ap);

// For what a guest can trigger: rate limited, prefixed with the current vCPU (dNvM).
__attribute__((format(printf, 2, 3))) void log_guest(enum log_level level, const char *fmt, ...);

#define log_err(...)     log_print(LOG_ERR, __VA_ARGS__)
#define log_warn(...)    log_print(LOG_WARN, __VA_ARGS__)
#define log_info(...)    log_print(LOG_INFO, __VA_ARGS__)
#define log_debug(...)   log_print(LOG_DEBUG, __VA_ARGS__)
#define guest_warn(...)  log_guest(LOG_WARN, __VA_ARGS__)
#define guest_debug(...) log_guest(LOG_DEBUG, __VA_ARGS__)
