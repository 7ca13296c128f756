#include "consoled/log_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int open_file(struct log_file *log)
{
    struct stat status;

    // A pipe that nobody reads is an error, nothing to wait for.
    log->fd =
        open(log->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0640);
    if (log->fd < 0)
        return -errno;
    log->size = fstat(log->fd, &status) ? 0 : status.st_size;
    return 0;
}

int log_file_open(struct log_file *log, const char *path, struct log_limits limits)
{
    *log = (struct log_file){.path = strdup(path), .limits = limits, .fd = -1};
    return log->path ? open_file(log) : -ENOMEM;
}

static void close_file(struct log_file *log)
{
    if (log->fd >= 0)
        close(log->fd);
    log->fd = -1;
}

void log_file_close(struct log_file *log)
{
    close_file(log);
    free(log->path);
    log->path = NULL;
}

void log_file_reopen(struct log_file *log)
{
    close_file(log);
    if (log->path)
        open_file(log);
}

static bool is_file(const char *path)
{
    struct stat status;

    return !lstat(path, &status) && S_ISREG(status.st_mode);
}

// Devices, pipes, links and folders keep their names, whoever put them here.
static void move(const char *from, const char *to)
{
    if (is_file(from) && (is_file(to) || access(to, F_OK)))
        rename(from, to);
}

// NAME.2 becomes NAME.3, NAME.1 NAME.2, and NAME NAME.1; the oldest is no more. With none to be
// kept, NAME itself is no more.
static void rotate(struct log_file *log)
{
    char from[PATH_MAX], to[PATH_MAX];

    if (!is_file(log->path))
        return;
    close_file(log);
    for (unsigned i = log->limits.keep; i > 0; i--) {
        snprintf(to, sizeof(to), "%s.%u", log->path, i);
        snprintf(from, sizeof(from), i > 1 ? "%s.%u" : "%s", log->path, i - 1);
        move(from, to);
    }
    if (!log->limits.keep)
        unlink(log->path);
    open_file(log);
}

// Writes all of it; returns how much was written, with errno set if that is less.
static size_t append(struct log_file *log, const char *data, size_t len)
{
    size_t done = 0;

    while (done < len) {
        ssize_t now = write(log->fd, data + done, len - done);

        if (now < 0 && errno == EINTR)
            continue;
        if (now <= 0)
            break;
        done += now;
    }
    log->size += done;
    return done;
}

// Tells in the file how much is missing there. False if it still cannot be written.
static bool confess(struct log_file *log)
{
    char note[160];
    int len = snprintf(note, sizeof(note),
                       "\r\n[vellum-consoled: %" PRIu64 " bytes are missing here: %s]\r\n",
                       log->lost, strerror(log->error));

    if (append(log, note, len) < (size_t)len)
        return false;
    log->lost = 0;
    return true;
}

int log_file_write(struct log_file *log, const char *data, size_t len)
{
    bool first = !log->lost;
    size_t done = 0;

    if (!log->path || !len)
        return 0;
    errno = EIO; // should a call below fail and say nothing
    if (log->fd < 0)
        open_file(log);
    else if (log->size && log->size + (off_t)len > log->limits.size)
        rotate(log);
    if (log->fd >= 0 && (!log->lost || confess(log)))
        done = append(log, data, len);
    if (done == len)
        return 0;
    log->lost += len - done;
    log->error = errno;
    return first ? -log->error : 0;
}
