#include "vl/new_file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void forget(struct new_file *file)
{
    if (file->fd >= 0)
        close(file->fd);
    free(file->path);
    free(file->part);
    *file = (struct new_file){.fd = -1};
}

// Where the path leads, or the path itself if nothing is there yet.
static int find(struct new_file *file, const char *path)
{
    file->path = realpath(path, NULL);
    if (!file->path && errno == ENOENT)
        file->path = strdup(path);
    return file->path ? 0 : -errno;
}

int new_file_open(struct new_file *file, const char *path)
{
    struct stat status;
    int rc;

    *file = (struct new_file){.fd = -1};
    rc = find(file, path);
    if (rc)
        return rc;
    if (!stat(file->path, &status) && !S_ISREG(status.st_mode))
        file->fd = open(file->path, O_WRONLY | O_CLOEXEC);
    else if (asprintf(&file->part, "%s.XXXXXX", file->path) >= 0)
        file->fd = mkostemp(file->part, O_CLOEXEC);
    else
        file->part = NULL; // which is undefined then
    rc = file->fd < 0 ? -errno : 0;
    if (rc)
        forget(file);
    return rc;
}

// Until its folder is on the disk, a crash of the machine may bring the old name back.
static int sync_folder(const char *path)
{
    char *copy = strdup(path);
    int fd = copy ? open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    int rc = fd < 0 || fsync(fd) ? -errno : 0;

    if (fd >= 0)
        close(fd);
    free(copy);
    return rc == -EINVAL ? 0 : rc; // a file system that does not do this
}

static int commit(struct new_file *file)
{
    int fd = file->fd;

    if (fsync(fd) && errno != EINVAL && errno != EROFS) // which is what pipes and devices say
        return -errno;
    file->fd = -1;
    if (close(fd))
        return -errno;
    if (!file->part)
        return 0;
    if (rename(file->part, file->path))
        return -errno;
    return sync_folder(file->path);
}

int new_file_keep(struct new_file *file)
{
    int rc = commit(file);

    if (rc)
        new_file_drop(file);
    else
        forget(file);
    return rc;
}

void new_file_drop(struct new_file *file)
{
    if (file->part)
        unlink(file->part);
    forget(file);
}
