#include "backends/common/keys.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/common/store.h"

char *keys_text(struct device *device, const char *path, const char *name, size_t most)
{
    char full[2 * BACKEND_PATH_MAX];
    unsigned length = 0;
    char *text;

    if (!device_store(device) ||
        (size_t)snprintf(full, sizeof(full), "%s/%s", path, name) >= sizeof(full))
        return NULL;
    text = xs_read(device_store(device), XBT_NULL, full, &length);
    if (!text)
        return NULL;
    if (length <= most && strlen(text) == length)
        return text;
    device_note(device, "%s: is %s", full, length > most ? "too long" : "no text");
    free(text);
    return NULL;
}

// All of the text, without sign or spaces.
static bool parse(const char *text, uint64_t *value)
{
    char *end;

    if (*text < '0' || *text > '9')
        return false;
    errno = 0;
    *value = strtoull(text, &end, 10);
    return !errno && !*end;
}

static int read_number(struct device *device, const char *path, const char *name, uint64_t least,
                       uint64_t most, uint64_t *value)
{
    char *text = keys_text(device, path, name, 24);
    int rc = 0;

    if (!text)
        return -ENOENT;
    if (!parse(text, value) || *value < least || *value > most)
        rc = device_fail(device, -EINVAL,
                         "%s/%s is '%.24s', not a number from %" PRIu64 " to %" PRIu64, path, name,
                         text, least, most);
    free(text);
    return rc;
}

int keys_number(struct device *device, const char *path, const char *name, uint64_t least,
                uint64_t most, uint64_t *value)
{
    int rc = read_number(device, path, name, least, most, value);

    return rc == -ENOENT ? device_fail(device, rc, "%s/%s", path, name) : rc;
}

int keys_optional(struct device *device, const char *path, const char *name, uint64_t least,
                  uint64_t most, uint64_t otherwise, uint64_t *value)
{
    int rc = read_number(device, path, name, least, most, value);

    if (rc != -ENOENT)
        return rc;
    *value = otherwise;
    return 0;
}

int keys_rate(struct device *device, const char *path, char rate[CREDIT_TEXT])
{
    char *text = keys_text(device, path, "rate", 200);
    struct credit unused;
    int rc = 0;

    rate[0] = '\0';
    if (text && (strlen(text) >= CREDIT_TEXT || !credit_parse(&unused, text, 0)))
        rc = device_fail(device, -EINVAL, "%s/rate is '%s', not BYTES,MICROSECONDS", path, text);
    else if (text)
        snprintf(rate, CREDIT_TEXT, "%s", text);
    free(text);
    return rc;
}

int keys_ring(struct device *device, const char *path, const char *prefix, uint32_t pages,
              bool numbered, struct backend_ring *ring)
{
    if (!pages || pages > BACKEND_RING_PAGES_MAX)
        return device_fail(device, -EINVAL, "%s: a ring of %u pages", path, pages);
    ring->pages = pages;
    for (uint32_t i = 0; i < pages; i++) {
        char name[40];
        uint64_t reference = 0;
        int rc;

        if (numbered)
            snprintf(name, sizeof(name), "%sref%u", prefix, i);
        else
            snprintf(name, sizeof(name), "%sref", prefix);
        rc = keys_number(device, path, name, 0, UINT32_MAX, &reference);
        if (rc)
            return rc;
        ring->references[i] = (uint32_t)reference;
    }
    return 0;
}
