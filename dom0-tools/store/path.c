#include "store/path.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/table.h"

#define DOMAINS "/local/domain/"

static const unsigned char allowed[256] = {
    ['a' ... 'z'] = 1, ['A' ... 'Z'] = 1, ['0' ... '9'] = 1, ['-'] = 1, ['_'] = 1, ['@'] = 1,
};

uint64_t path_hash(const struct path *path, unsigned count)
{
    return count ? path->part[count - 1].path_hash : hash_mix(1, 2);
}

void path_home(char home[PATH_HOME_MAX], unsigned domid)
{
    snprintf(home, PATH_HOME_MAX, DOMAINS "%u", domid);
}

// Names are not empty, so neither "//" nor a slash at the end passes.
static int cut(struct path *path)
{
    unsigned at = 1;
    uint64_t hash = path_hash(path, 0);

    path->count = 0;
    if (path->length == 1)
        return 0;
    while (at <= path->length) {
        struct path_part *part = &path->part[path->count];
        unsigned end = at;

        while (allowed[(unsigned char)path->text[end]])
            end++;
        if (end == at || (path->text[end] != '/' && end != path->length))
            return -EINVAL;
        part->start = (uint16_t)at;
        part->length = (uint16_t)(end - at);
        part->name_hash = hash_padded(path->text + at, end - at);
        part->path_hash = hash = hash_mix(hash, part->name_hash);
        path->count++;
        at = end + 1;
    }
    return 0;
}

// How long the part of a path is that says whose home it is, with the slash after it.
static unsigned home_length(const char *text)
{
    const char *at = text + strlen(DOMAINS);
    unsigned digits;

    if (strncmp(text, DOMAINS, strlen(DOMAINS)))
        return 0;
    digits = (unsigned)strspn(at, "0123456789");
    return digits && digits <= 5 && at[digits] == '/' ? (unsigned)(at + digits + 1 - text) : 0;
}

int path_parse(struct path *path, const char *text, const char *home, unsigned limit)
{
    size_t length = strlen(text), prefix = text[0] == '/' ? 0 : strlen(home) + 1;

    if (!length || path_is_special(text) || prefix + length >= XENSTORE_ABS_PATH_MAX)
        return -EINVAL;
    if (prefix) {
        memcpy(path->text, home, prefix - 1);
        path->text[prefix - 1] = '/';
    }
    memcpy(path->text + prefix, text, length + 1);
    path->length = (unsigned)(prefix + length);
    if (limit && path->length > home_length(path->text) + limit)
        return -EINVAL;
    return cut(path);
}
