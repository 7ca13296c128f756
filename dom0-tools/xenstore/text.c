#include "xenstore/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "xenstore/xenstore.h"

static const char letters[] = "nrwb"; // by XS_PERM_READ and XS_PERM_WRITE

const char *xs_daemon_rundir(void)
{
    const char *folder = getenv("XENSTORED_RUNDIR");

    return folder ? folder : "/run/xenstored";
}

const char *xs_daemon_socket(void)
{
    static char path[PATH_MAX];
    const char *set = getenv("XENSTORED_PATH");

    if (set)
        return set;
    if (snprintf(path, sizeof(path), "%s/socket", xs_daemon_rundir()) >= (int)sizeof(path))
        return NULL;
    return path;
}

const char *xs_daemon_socket_ro(void)
{
    return xs_daemon_socket();
}

bool xs_write_all(int fd, const void *data, unsigned int len)
{
    const char *at = data;

    while (len) {
        ssize_t done = write(fd, at, len);

        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return false;
        at += done;
        len -= done;
    }
    return true;
}

bool xs_strings_to_perms(struct xs_permissions *perms, unsigned int num, const char *strings)
{
    for (unsigned i = 0; i < num; i++, strings += strlen(strings) + 1) {
        const char *letter = *strings ? strchr(letters, *strings) : NULL;
        char *end = NULL;

        if (letter)
            perms[i] = (struct xs_permissions){strtol(strings + 1, &end, 0), letter - letters};
        if (!letter || end == strings + 1 || *end) {
            errno = EINVAL;
            return false;
        }
    }
    return true;
}

bool xs_perm_to_string(const struct xs_permissions *perm, char *buffer, size_t buf_len)
{
    if ((perm->perms & ~XS_PERM_IGNORE) > (XS_PERM_READ | XS_PERM_WRITE)) {
        errno = EINVAL;
        return false;
    }
    int need = snprintf(buffer, buf_len, "%c%u", letters[perm->perms & 3], perm->id);

    return need > 0 && (size_t)need < buf_len;
}

unsigned int xs_count_strings(const char *strings, unsigned int len)
{
    unsigned count = 0;

    for (unsigned i = 0; i < len; i++)
        count += strings[i] == '\0';
    return count;
}

char **xs_string_vector(const char *strings, unsigned int len, unsigned int count)
{
    char **vector = malloc(count * sizeof(*vector) + len + 1);

    if (!vector)
        return NULL;
    char *text = (char *)(vector + count);

    memcpy(text, strings, len);
    for (unsigned i = 0; i < count; i++, text += strlen(text) + 1)
        vector[i] = text;
    return vector;
}

bool xs_path_is_subpath(const char *parent, const char *child)
{
    size_t length = strlen(parent);

    return strncmp(parent, child, length) == 0 && (child[length] == '/' || !child[length]);
}
