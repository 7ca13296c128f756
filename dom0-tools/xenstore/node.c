// Requests about nodes, and transactions.
#include "xenstore/connection.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "xenstore/text.h"

// Texts as an array in one allocation; NULL stands for a request that failed before.
static char **as_vector(char *texts, unsigned len, unsigned *num)
{
    char **vector = NULL;
    unsigned count = 0;

    if (texts) {
        count = xs_count_strings(texts, len);
        vector = xs_string_vector(texts, len, count);
    }
    if (vector)
        *num = count;
    int error = errno;

    free(texts);
    errno = error;
    return vector;
}

// A long list of children as it grows by parts, all of one generation of the node.
struct listing {
    char *names;
    unsigned len;
    char generation[MAX_STRLEN(uint64_t)];
};

// Adds the names of one part; *complete when it was the last. False and errno on failure.
static bool add_part(struct listing *list, const char *part, unsigned len, bool *complete)
{
    unsigned head = strlen(part) + 1;

    if (head > len || head > sizeof(list->generation)) {
        errno = EINVAL;
        return false;
    }
    if (strcmp(list->generation, part) != 0) { // another generation: from the start
        bool restart = list->len != 0;

        memcpy(list->generation, part, head);
        list->len = 0;
        if (restart)
            return true;
    }
    len -= head;
    *complete = len == 0 || (part[head + len - 1] == '\0' && (len == 1 || !part[head + len - 2]));
    if (*complete && len)
        len--; // the empty name that tells the end
    char *names = realloc(list->names, list->len + len + 1);

    if (!names)
        return false;
    list->names = names;
    memcpy(names + list->len, part + head, len);
    list->len += len;
    return true;
}

static char *list_by_parts(struct xs_handle *h, xs_transaction_t t, const char *path, unsigned *len)
{
    struct listing list = {NULL, 0, ""};
    bool complete = false, good = true;

    while (good && !complete) {
        char offset[MAX_STRLEN(unsigned)];
        unsigned part_len = 0;

        snprintf(offset, sizeof(offset), "%u", list.len);
        const struct iovec parts[] = {xs_text(path), xs_text(offset)};
        char *part = xs_talk(h, t, XS_DIRECTORY_PART, parts, 2, &part_len);

        good = part && add_part(&list, part, part_len, &complete);
        int error = errno;

        free(part);
        errno = error;
    }
    if (!good) {
        int error = errno;

        free(list.names);
        errno = error;
        return NULL;
    }
    *len = list.len;
    return list.names;
}

char **xs_directory(struct xs_handle *h, xs_transaction_t t, const char *path, unsigned int *num)
{
    unsigned len = 0;
    char *names = xs_talk_text(h, t, XS_DIRECTORY, path, &len);

    if (!names && errno == E2BIG)
        names = list_by_parts(h, t, path, &len);
    return as_vector(names, len, num);
}

void *xs_read(struct xs_handle *h, xs_transaction_t t, const char *path, unsigned int *len)
{
    return xs_talk_text(h, t, XS_READ, path, len);
}

bool xs_write(struct xs_handle *h, xs_transaction_t t, const char *path, const void *data,
              unsigned int len)
{
    const struct iovec parts[] = {xs_text(path), {(void *)data, len}};

    return xs_obeyed(xs_talk(h, t, XS_WRITE, parts, 2, NULL));
}

bool xs_mkdir(struct xs_handle *h, xs_transaction_t t, const char *path)
{
    return xs_obeyed(xs_talk_text(h, t, XS_MKDIR, path, NULL));
}

bool xs_rm(struct xs_handle *h, xs_transaction_t t, const char *path)
{
    return xs_obeyed(xs_talk_text(h, t, XS_RM, path, NULL));
}

bool xs_restrict(struct xs_handle *h, unsigned int domid)
{
    errno = ENOSYS;
    return false;
}

struct xs_permissions *xs_get_permissions(struct xs_handle *h, xs_transaction_t t, const char *path,
                                          unsigned int *num)
{
    unsigned len = 0;
    char *texts = xs_talk_text(h, t, XS_GET_PERMS, path, &len);

    if (!texts)
        return NULL;
    unsigned count = xs_count_strings(texts, len);
    struct xs_permissions *perms = malloc((count + 1) * sizeof(*perms));
    bool good = perms && xs_strings_to_perms(perms, count, texts);
    int error = errno;

    free(texts);
    errno = error;
    if (!good) {
        free(perms);
        errno = error;
        return NULL;
    }
    *num = count;
    return perms;
}

unsigned xs_write_permissions(char texts[XENSTORE_PAYLOAD_MAX], const struct xs_permissions *perms,
                              unsigned num)
{
    unsigned len = 0;

    for (unsigned i = 0; i < num; i++) {
        errno = E2BIG;
        if (!xs_perm_to_string(&perms[i], texts + len, XENSTORE_PAYLOAD_MAX - len))
            return 0;
        len += strlen(texts + len) + 1;
    }
    return len;
}

bool xs_set_permissions(struct xs_handle *h, xs_transaction_t t, const char *path,
                        struct xs_permissions *perms, unsigned int num_perms)
{
    char texts[XENSTORE_PAYLOAD_MAX];
    unsigned len = xs_write_permissions(texts, perms, num_perms);
    const struct iovec parts[] = {xs_text(path), {texts, len}};

    if (!len && num_perms)
        return false;
    return xs_obeyed(xs_talk(h, t, XS_SET_PERMS, parts, 2, NULL));
}

xs_transaction_t xs_transaction_start(struct xs_handle *h)
{
    char *number = xs_talk_text(h, XBT_NULL, XS_TRANSACTION_START, "", NULL);

    if (!number)
        return XBT_NULL;
    xs_transaction_t t = strtoul(number, NULL, 0);

    free(number);
    return t;
}

bool xs_transaction_end(struct xs_handle *h, xs_transaction_t t, bool abort)
{
    return xs_obeyed(xs_talk_text(h, t, XS_TRANSACTION_END, abort ? "F" : "T", NULL));
}
