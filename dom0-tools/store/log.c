#include "store/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

static bool to_syslog;
static int trace_fd = -1;
static char trace_path[4096];
bool trace_on;

void log_to_syslog(void)
{
    openlog("vellum-xenstored", LOG_PID, LOG_DAEMON);
    to_syslog = true;
}

static void say(int level, const char *format, va_list list)
{
    char line[1024];

    vsnprintf(line, sizeof(line), format, list);
    if (to_syslog)
        syslog(level, "%s", line);
    else
        fprintf(stderr, "vellum-xenstored: %s\n", line);
    trace("%s", line);
}

void log_error(const char *format, ...)
{
    va_list list;

    va_start(list, format);
    say(LOG_ERR, format, list);
    va_end(list);
}

void log_info(const char *format, ...)
{
    va_list list;

    va_start(list, format);
    say(LOG_INFO, format, list);
    va_end(list);
}

int trace_file(const char *name)
{
    if (!name[0] || strlen(name) >= sizeof(trace_path))
        return -EINVAL;
    trace_switch(false);
    strcpy(trace_path, name);
    return trace_switch(true);
}

int trace_switch(bool on)
{
    if (trace_fd >= 0)
        close(trace_fd);
    trace_fd = -1;
    if (on && trace_path[0])
        trace_fd = open(trace_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    trace_on = trace_fd >= 0;
    return on && trace_path[0] && !trace_on ? -errno : 0;
}

const char *trace_name(void)
{
    return trace_path;
}

void trace(const char *format, ...)
{
    char line[1200];
    struct timespec now;
    struct tm tm;
    va_list list;
    size_t used;

    if (!trace_on)
        return;
    clock_gettime(CLOCK_REALTIME, &now);
    used = strftime(line, sizeof(line), "%Y-%m-%d %H:%M:%S", localtime_r(&now.tv_sec, &tm));
    used += (size_t)snprintf(line + used, sizeof(line) - used, ".%06ld ", now.tv_nsec / 1000);
    va_start(list, format);
    vsnprintf(line + used, sizeof(line) - used - 1, format, list);
    va_end(list);
    strcat(line, "\n");
    if (write(trace_fd, line, strlen(line)) < 0)
        trace_on = false; // a full disk must not stop the store
}

void trace_message(const char *direction, const char *who, const char *type, const char *payload,
                   size_t length)
{
    char text[1024];
    size_t n = length < sizeof(text) - 1 ? length : sizeof(text) - 1;

    for (size_t i = 0; i < n; i++)
        text[i] = payload[i] >= ' ' && payload[i] < 0x7f ? payload[i] : ' ';
    text[n] = '\0';
    trace("%s %s %s (%s)", direction, who, type, text);
}
