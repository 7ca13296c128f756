// Requests that are sent together.
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "xenstore/connection.h"
#include "xenstore/extensions.h"

#define TOGETHER (16u << 10) // bytes of requests under way: both ends' buffers take that at once

struct xs_batch {
    struct xs_handle *h;
    xs_transaction_t t;
    char *messages;
    size_t len, room;
    int error; // of adding
};

struct xs_batch *xs_batch_new(struct xs_handle *h, xs_transaction_t t)
{
    struct xs_batch *batch = calloc(1, sizeof(*batch));

    if (batch) {
        batch->h = h;
        batch->t = t;
    }
    return batch;
}

void xs_batch_free(struct xs_batch *batch)
{
    if (batch)
        free(batch->messages);
    free(batch);
}

// --- requests ---

static char *make_room(struct xs_batch *batch, size_t len)
{
    char *messages = batch->messages;

    if (batch->len + len > batch->room) {
        batch->room = (batch->len + len) * 2;
        messages = realloc(messages, batch->room);
        if (!messages) {
            batch->room /= 2;
            batch->error = ENOMEM;
            return NULL;
        }
        batch->messages = messages;
    }
    batch->len += len;
    return messages + batch->len - len;
}

static void add(struct xs_batch *batch, enum xsd_sockmsg_type type, const char *path,
                const void *data, size_t data_len)
{
    size_t path_len = strlen(path) + 1, len = path_len + data_len;
    struct xsd_sockmsg head = {.type = type, .tx_id = batch->t, .len = (uint32_t)len};
    char *at = NULL;

    if (len > XENSTORE_PAYLOAD_MAX)
        batch->error = E2BIG;
    else
        at = make_room(batch, sizeof(head) + len);
    if (!at)
        return;
    memcpy(at, &head, sizeof(head));
    memcpy(at + sizeof(head), path, path_len);
    if (data_len)
        memcpy(at + sizeof(head) + path_len, data, data_len);
}

void xs_batch_read(struct xs_batch *batch, const char *path)
{
    add(batch, XS_READ, path, NULL, 0);
}

void xs_batch_write(struct xs_batch *batch, const char *path, const char *value)
{
    add(batch, XS_WRITE, path, value, strlen(value));
}

void xs_batch_rm(struct xs_batch *batch, const char *path)
{
    add(batch, XS_RM, path, NULL, 0);
}

void xs_batch_set_permissions(struct xs_batch *batch, const char *path,
                              const struct xs_permissions *perms, unsigned num)
{
    char texts[XENSTORE_PAYLOAD_MAX];
    unsigned len = xs_write_permissions(texts, perms, num);

    if (!len)
        batch->error = errno;
    else
        add(batch, XS_SET_PERMS, path, texts, len);
}

// --- sending ---

// A watching handle's thread hands over one reply at a time, and the kernel's device takes one
// request a write.
static bool must_go_singly(const struct xs_handle *h)
{
    struct stat status;

    return h->reader || fstat(h->fd, &status) || !S_ISSOCK(status.st_mode);
}

static size_t message_len(const char *message)
{
    struct xsd_sockmsg head;

    memcpy(&head, message, sizeof(head));
    return sizeof(head) + head.len;
}

// How many bytes of whole messages go at once: at least one message.
static size_t portion(const struct xs_batch *batch, size_t from, bool singly)
{
    size_t end = from + message_len(batch->messages + from);

    while (!singly && end < batch->len &&
           end + message_len(batch->messages + end) - from <= TOGETHER)
        end += message_len(batch->messages + end);
    return end - from;
}

static bool hear(const struct xs_batch *batch, const char *message, xs_batch_reply *reply,
                 void *arg)
{
    struct xsd_sockmsg head;

    memcpy(&head, message, sizeof(head));
    errno = 0;
    char *value = xs_next_reply(batch->h, head.type, NULL);

    if (!value && errno == EBADF)
        return false;
    reply(arg, message + sizeof(head), value);
    return true;
}

static bool talk(const struct xs_batch *batch, xs_batch_reply *reply, void *arg)
{
    bool singly = must_go_singly(batch->h), good = xs_can_talk(batch->h);

    for (size_t at = 0, end; good && at < batch->len;) {
        end = at + portion(batch, at, singly);
        good = xs_send(batch->h, batch->messages + at, end - at);
        for (; good && at < end; at += message_len(batch->messages + at))
            good = hear(batch, batch->messages + at, reply, arg);
    }
    return good;
}

bool xs_batch_run(struct xs_batch *batch, xs_batch_reply *reply, void *arg)
{
    bool good = false;

    errno = batch->error;
    if (!batch->error) {
        pthread_mutex_lock(&batch->h->request);
        good = talk(batch, reply, arg);
        int error = errno;

        pthread_mutex_unlock(&batch->h->request);
        errno = error;
    }
    batch->len = 0;
    batch->error = 0;
    return good;
}
