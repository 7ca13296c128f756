// A log file that is renamed to NAME.1 when it would grow too large, as NAME.1 is to NAME.2 and so
// on.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct log_limits {
    off_t size;    // of one file, in bytes
    unsigned keep; // how many old ones
};

struct log_file {
    char *path;
    struct log_limits limits;
    int fd; // -1: cannot be written now
    off_t size;
    uint64_t lost; // bytes that could not be written since the last that could
    int error;     // why
};

// Opens for appending. 0 or -errno; with an error, writing tries again each time.
int log_file_open(struct log_file *log, const char *path, struct log_limits limits);

// Appends. Bytes that cannot be written are counted, and the file tells of them as soon as it can.
// Returns 0, or -errno if these were the first to be lost.
int log_file_write(struct log_file *log, const char *data, size_t len);

// Opens the file by its name again, for somebody moved it away.
void log_file_reopen(struct log_file *log);

void log_file_close(struct log_file *log);
