#include "backends/block/image.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define SECTOR 512u

unsigned image_patience = 60000;

static int open_file(struct image *image, const char *path, bool read_only)
{
    int flags = (read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC | O_NONBLOCK;

    image->direct = true;
    image->fd = open(path, flags | O_DIRECT);
    if (image->fd < 0 && errno == EINVAL) {
        image->direct = false;
        image->fd = open(path, flags);
    }
    return image->fd < 0 ? -errno : 0;
}

static int lock(int fd, bool read_only, unsigned patience)
{
    const struct timespec pause = {0, 10000000};

    for (unsigned waited = 0;; waited += 10) {
        if (!flock(fd, (read_only ? LOCK_SH : LOCK_EX) | LOCK_NB))
            return 0;
        if (errno != EWOULDBLOCK && errno != EINTR)
            return -errno;
        if (waited >= patience)
            return -EWOULDBLOCK;
        nanosleep(&pause, NULL);
    }
}

static int measure(const struct image *image, uint64_t *bytes)
{
    struct stat status;

    if (image->device)
        return ioctl(image->fd, BLKGETSIZE64, bytes) ? -errno : 0;
    if (fstat(image->fd, &status))
        return -errno;
    *bytes = (uint64_t)status.st_size;
    return 0;
}

static int look(struct image *image)
{
    struct stat status;
    int size = SECTOR, rc;

    if (fstat(image->fd, &status))
        return -errno;
    if (!S_ISREG(status.st_mode) && !S_ISBLK(status.st_mode))
        return S_ISDIR(status.st_mode) ? -EISDIR : -ENOTBLK;
    rc = fcntl(image->fd, F_GETFL); // O_NONBLOCK was for whatever else has a name there
    if (rc < 0 || fcntl(image->fd, F_SETFL, rc & ~O_NONBLOCK))
        return -errno;
    image->device = S_ISBLK(status.st_mode);
    if (image->device && ioctl(image->fd, BLKSSZGET, &size))
        return -errno;
    image->block_size = (uint32_t)size;
    rc = measure(image, &image->bytes);
    image->bytes -= image->bytes % image->block_size;
    return rc;
}

int image_open(struct image *image, const char *path, bool read_only, bool discard,
               const char **what)
{
    int rc = open_file(image, path, read_only);

    *what = "open";
    if (rc)
        return rc;
    *what = "measure";
    rc = look(image);
    if (!rc) {
        *what = "lock";
        rc = lock(image->fd, read_only, image_patience);
    }
    image->discard = discard && !read_only;
    if (rc)
        close(image->fd);
    return rc;
}

void image_none(struct image *image)
{
    *image = (struct image){.fd = -1, .block_size = SECTOR};
}

int image_in_use(const char *path, bool read_only)
{
    int fd = open(path, (read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC | O_NONBLOCK);
    int rc = fd < 0 ? -errno : lock(fd, read_only, 500);

    if (fd >= 0)
        close(fd);
    return rc;
}

bool image_resized(struct image *image)
{
    uint64_t bytes = 0;

    if (measure(image, &bytes))
        return false;
    bytes -= bytes % image->block_size;
    if (bytes == image->bytes)
        return false;
    image->bytes = bytes;
    return true;
}

void image_not_direct(struct image *image)
{
    int flags = fcntl(image->fd, F_GETFL);

    if (flags >= 0)
        fcntl(image->fd, F_SETFL, flags & ~O_DIRECT);
    image->direct = false;
}
