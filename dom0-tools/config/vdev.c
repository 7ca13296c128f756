#include <stdlib.h>
#include <string.h>

#include "config/vdev.h"

#define EXTENDED (UINT32_C(1) << 28)

// Letters as Linux counts disks: a to z, aa to zz, ...
static bool letters(const char **at, uint32_t *disk)
{
    uint32_t number = 0;
    int count = 0;

    for (; **at >= 'a' && **at <= 'z'; (*at)++) {
        if (++count > 4)
            return false;
        number = number * 26 + (uint32_t)(**at - 'a') + 1;
    }
    *disk = number - 1;
    return count > 0;
}

static bool digits(const char **at, uint32_t most, uint32_t *out)
{
    char *end;

    if (**at < '0' || **at > '9')
        return false;
    unsigned long number = strtoul(*at, &end, 10);
    *at = end;
    *out = (uint32_t)number;
    return number <= most;
}

static bool xvd_number(uint32_t disk, uint32_t partition, uint32_t *out)
{
    if (disk > 0xfffff || partition > 255)
        return false;
    *out = disk < 16 && partition < 16 ? 202u << 8 | disk << 4 | partition
                                       : EXTENDED | disk << 8 | partition;
    return true;
}

// Two disks a controller, majors 3 and 22.
static bool ide_number(uint32_t disk, uint32_t partition, uint32_t *out)
{
    if (disk > 3 || partition > 63)
        return false;
    *out = (disk < 2 ? 3u : 22u) << 8 | (disk & 1) << 6 | partition;
    return true;
}

static bool scsi_number(uint32_t disk, uint32_t partition, uint32_t *out)
{
    if (disk > 15 || partition > 15)
        return false;
    *out = 8u << 8 | disk << 4 | partition;
    return true;
}

// d<disk>[p<partition>]
static bool parse_plain(const char *at, uint32_t *out)
{
    uint32_t disk, partition = 0;

    if (!digits(&at, 0xfffff, &disk))
        return false;
    if (*at == 'p' && (at++, !digits(&at, 255, &partition)))
        return false;
    return !*at && xvd_number(disk, partition, out);
}

bool vdev_place(uint32_t number, uint32_t *disk, uint32_t *partition)
{
    uint32_t major = number >> 8, minor = number & 255;

    if (number & EXTENDED) {
        *disk = (number & ~EXTENDED) >> 8;
        *partition = minor;
    } else if (major == 202) {
        *disk = minor >> 4;
        *partition = minor & 15;
    } else if (major == 3 || major == 22) {
        *disk = (major == 22 ? 2 : 0) + (minor >> 6);
        *partition = minor & 63;
    } else {
        return false;
    }
    return true;
}

bool vdev_number(const char *name, uint32_t *out)
{
    static const struct {
        const char *prefix;
        bool (*number)(uint32_t disk, uint32_t partition, uint32_t *out);
    } kinds[] = {{"xvd", xvd_number}, {"hd", ide_number}, {"sd", scsi_number}};

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        const char *at = name + strlen(kinds[i].prefix);
        uint32_t disk, partition = 0;
        if (strncmp(name, kinds[i].prefix, strlen(kinds[i].prefix)))
            continue;
        if (!letters(&at, &disk) || (*at && !digits(&at, 255, &partition)) || *at)
            return false;
        return kinds[i].number(disk, partition, out);
    }
    if (*name == 'd')
        return parse_plain(name + 1, out);
    return digits(&name, UINT32_MAX, out) && !*name;
}
