#include "xenstored/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/alloc.h"
#include "store/log.h"

// One store at a time: a second one would take the socket and the state away from the first. The
// lock goes with the process, and stays through a live update.
int launch_lock(const char *socket_path)
{
    char *path = NULL;
    int fd;

    if (asprintf(&path, "%s.lock", socket_path) < 0)
        abort();
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB)) {
        log_error(fd >= 0 && errno == EWOULDBLOCK ? "another store is running: '%s' is locked%s"
                                                  : "cannot lock '%s': %s",
                  path, fd >= 0 && errno == EWOULDBLOCK ? "" : strerror(errno));
        free(path);
        return -EBUSY;
    }
    free(path);
    return fd;
}

void launch_make_folder(const char *file)
{
    char *path = duplicate(file, strlen(file) + 1), *slash = strrchr(path, '/');

    if (slash && slash != path) {
        *slash = '\0';
        mkdir(path, 0755); // what is wrong with it shows when it is used
    }
    free(path);
}

void launch_write_pid(const char *path)
{
    FILE *file = path ? fopen(path, "we") : NULL;

    if (file) {
        fprintf(file, "%d\n", getpid());
        fclose(file);
    } else if (path) {
        log_error("cannot write the process id to '%s': %s", path, strerror(errno));
    }
}

int launch_into_background(void)
{
    int ready[2];
    char byte;
    pid_t child;

    if (pipe2(ready, O_CLOEXEC) || (child = fork()) < 0) {
        log_error("cannot fork: %s", strerror(errno));
        exit(1);
    }
    if (child) {
        close(ready[1]);
        _exit(read(ready[0], &byte, 1) == 1 ? 0 : 1);
    }
    close(ready[0]);
    setsid();
    return ready[1];
}

void launch_detach(int ready)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    log_to_syslog();
    if (null >= 0)
        for (int fd = 0; fd < 3; fd++)
            dup2(null, fd);
    if (write(ready, "r", 1) != 1)
        log_error("nobody waits for this store to be ready");
    close(ready);
}
