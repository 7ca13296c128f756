#include "backends/net/tap.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define NET_FOLDER "/sys/class/net"
#define MARK       "vellum-netback "
#define PATH       300

bool tap_name_is_good(const char *name)
{
    size_t length = strlen(name);

    if (!length || length >= TAP_NAME_MAX || !strcmp(name, ".") || !strcmp(name, ".."))
        return false;
    for (size_t i = 0; i < length; i++)
        if (!isgraph((unsigned char)name[i]) || strchr("/:%", name[i]))
            return false;
    return true;
}

// --- owners ---

static int open_alias(const char *name, int flags)
{
    char path[PATH];

    snprintf(path, sizeof(path), NET_FOLDER "/%s/ifalias", name);
    return open(path, flags | O_CLOEXEC);
}

// False: it has none, or there is no such device.
static bool read_owner(const char *name, char owner[PATH])
{
    char text[PATH];
    int fd = open_alias(name, O_RDONLY);
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

    if (fd >= 0)
        close(fd);
    if (n <= (ssize_t)strlen(MARK) || strncmp(text, MARK, strlen(MARK)))
        return false;
    text[n] = '\0';
    text[strcspn(text, "\n")] = '\0';
    memcpy(owner, text + strlen(MARK), strlen(text + strlen(MARK)) + 1);
    return true;
}

static int write_owner(const char *name, const char *owner)
{
    char text[PATH];
    int fd = open_alias(name, O_WRONLY), rc = 0;
    int length = snprintf(text, sizeof(text), MARK "%s", owner);

    if (fd < 0)
        return -errno;
    if (write(fd, text, (size_t)length) != length)
        rc = -errno;
    close(fd);
    return rc;
}

static bool exists(const char *name)
{
    char path[PATH];

    snprintf(path, sizeof(path), NET_FOLDER "/%s", name);
    return access(path, F_OK) == 0;
}

// --- devices ---

int tap_open(const char *name)
{
    struct ifreq request = {.ifr_flags =
                                (short)(IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | IFF_MULTI_QUEUE)};
    int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC), size, rc = 0;

    if (fd < 0)
        return -errno;
    size = sizeof(struct virtio_net_hdr);
    snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
    if (ioctl(fd, TUNSETIFF, &request) || ioctl(fd, TUNSETVNETHDRSZ, &size))
        rc = -errno;
    if (rc)
        close(fd);
    return rc ? rc : fd;
}

// Such an address is never a bridge's own, which takes the lowest of its ports'.
static int set_address(int fd)
{
    struct ifreq request = {.ifr_hwaddr.sa_family = ARPHRD_ETHER};

    memcpy(request.ifr_hwaddr.sa_data, (const uint8_t[]){0xfe, 0xff, 0xff, 0xff, 0xff, 0xff}, 6);
    return ioctl(fd, SIOCSIFHWADDR, &request) ? -errno : 0;
}

static void remove_device(const char *name)
{
    int fd = tap_open(name);

    if (fd < 0)
        return;
    ioctl(fd, TUNSETPERSIST, 0);
    close(fd);
}

int tap_create(const char *name, const char *owner)
{
    char other[PATH];
    int fd, rc;

    if (exists(name))
        return read_owner(name, other) && !strcmp(owner, other) ? 0 : -EEXIST;
    fd = tap_open(name);
    if (fd < 0)
        return fd;
    rc = set_address(fd);
    if (!rc)
        rc = write_owner(name, owner);
    if (!rc && ioctl(fd, TUNSETPERSIST, 1))
        rc = -errno;
    close(fd);
    return rc;
}

void tap_remove(const char *name, const char *owner)
{
    char other[PATH];

    if (read_owner(name, other) && !strcmp(owner, other))
        remove_device(name);
}

void tap_sweep(bool (*lives)(void *context, const char *owner), void *context)
{
    DIR *folder = opendir(NET_FOLDER);
    struct dirent *entry;
    char owner[PATH];

    while (folder && (entry = readdir(folder)))
        if (read_owner(entry->d_name, owner) && !lives(context, owner))
            remove_device(entry->d_name);
    if (folder)
        closedir(folder);
}

int tap_set_offload(int fd, unsigned flags)
{
    return ioctl(fd, TUNSETOFFLOAD, (unsigned long)flags) ? -errno : 0;
}
