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

// How many bytes both texts have in common, at most `length`.
static unsigned common(const char *a, const char *b, unsigned length)
{
    unsigned same = 0;
    uint64_t x, y;

    for (; same + 8 <= length; same += 8) {
        memcpy(&x, a + same, 8);
        memcpy(&y, b + same, 8);
        if (x != y)
            return same + (unsigned)__builtin_ctzll(x ^ y) / 8;
    }
    while (same < length && a[same] == b[same])
        same++;
    return same;
}

// How many names of the path that was here before begin the new text, too: requests come in runs
// about neighbours.
static unsigned names_kept(const struct path *path, const char *text, unsigned length)
{
    unsigned same = common(path->text, text, length + 1), count = path->count;

    // A name is the same one if what follows it is the same, too.
    while (count && (unsigned)(path->part[count - 1].start + path->part[count - 1].length) >= same)
        count--;
    return count;
}

// Names are not empty, so neither "//" nor a slash at the end passes. The first path->count are cut
// already.
static int cut(struct path *path)
{
    unsigned at = 1;
    uint64_t hash = path_hash(path, path->count);

    if (path->length == 1)
        return 0;
    if (path->count)
        at = path->part[path->count - 1].start + path->part[path->count - 1].length + 1u;
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
    int error;

    if (!length || path_is_special(text) || prefix + length >= XENSTORE_ABS_PATH_MAX)
        return -EINVAL;
    if (prefix) {
        path->count = 0;
        memcpy(path->text, home, prefix - 1);
        path->text[prefix - 1] = '/';
    } else {
        path->count = names_kept(path, text, (unsigned)length);
    }
    memcpy(path->text + prefix, text, length + 1);
    path->length = (unsigned)(prefix + length);
    error = limit && path->length > home_length(path->text) + limit ? -EINVAL : cut(path);
    if (error)
        path->count = 0; // what was cut of it is no valid path's
    return error;
}
