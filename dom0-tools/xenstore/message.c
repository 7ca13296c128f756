// Messages of the wire protocol, and the way from a request to its reply.
#include "xenstore/connection.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static bool lost(struct xs_handle *h)
{
    pthread_mutex_lock(&h->lock);
    bool answer = h->lost;

    pthread_mutex_unlock(&h->lock);
    return answer;
}

// More bytes of input. Only the reader thread can be told to stop.
static bool fill(struct xs_handle *h)
{
    struct pollfd waits[] = {{.fd = h->fd, .events = POLLIN}, {.fd = h->stop, .events = POLLIN}};

    if (h->from) {
        memmove(h->input, h->input + h->from, h->to - h->from);
        h->to -= h->from;
        h->from = 0;
    }
    for (;;) {
        if (h->stop >= 0 && poll(waits, 2, -1) > 0 && waits[1].revents)
            return false;
        ssize_t got = read(h->fd, h->input + h->to, sizeof(h->input) - h->to);

        if (got > 0)
            h->to += got;
        if (got >= 0 || (errno != EINTR && errno != EAGAIN))
            return got > 0;
    }
}

// Takes bytes from the input; NULL if there will never be so many.
static const char *take(struct xs_handle *h, size_t count)
{
    while (h->to - h->from < count) {
        if (!fill(h))
            return NULL;
    }
    h->from += count;
    return h->input + h->from - count;
}

static bool file_reply(struct xs_handle *h, const struct xsd_sockmsg *head, const char *body)
{
    char *copy = malloc(head->len + 1);

    if (!copy)
        return false;
    memcpy(copy, body, head->len);
    copy[head->len] = '\0';
    pthread_mutex_lock(&h->lock);
    bool unasked = h->replied;

    if (!unasked) {
        h->replied = true;
        h->reply = *head;
        h->reply_body = copy;
        pthread_cond_broadcast(&h->changed);
    }
    pthread_mutex_unlock(&h->lock);
    if (unasked)
        free(copy);
    return !unasked;
}

bool xs_receive(struct xs_handle *h)
{
    struct xsd_sockmsg head;
    const char *at = take(h, sizeof(head));

    if (at)
        memcpy(&head, at, sizeof(head));
    if (at && head.len <= XENSTORE_PAYLOAD_MAX && (at = take(h, head.len)) &&
        (head.type == XS_WATCH_EVENT ? xs_file_event(h, at, head.len) : file_reply(h, &head, at)))
        return true;
    xs_lose(h);
    return false;
}

bool xs_send(struct xs_handle *h, const char *at, size_t len)
{
    while (len) {
        ssize_t done = send(h->fd, at, len, MSG_NOSIGNAL);

        if (done < 0 && errno == ENOTSOCK) // the device, whose writing raises no SIGPIPE
            done = write(h->fd, at, len);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0) {
            if (!h->reader) // which else finds what can still be read
                xs_lose(h);
            errno = EBADF;
            return false;
        }
        at += done;
        len -= done;
    }
    return true;
}

// The message, assembled so that the device gets it in one write. E2BIG: it is too long.
static bool send_request(struct xs_handle *h, struct xsd_sockmsg *head, const struct iovec *parts,
                         unsigned count)
{
    char message[sizeof(*head) + XENSTORE_PAYLOAD_MAX];
    size_t len = sizeof(*head);

    for (unsigned i = 0; i < count; i++) {
        if (parts[i].iov_len > sizeof(message) - len) {
            errno = E2BIG;
            return false;
        }
        if (parts[i].iov_len)
            memcpy(message + len, parts[i].iov_base, parts[i].iov_len);
        len += parts[i].iov_len;
    }
    head->len = len - sizeof(*head);
    memcpy(message, head, sizeof(*head));
    return xs_send(h, message, len);
}

// Waits until the reply is there, reading if nobody else does.
static bool wait_reply(struct xs_handle *h)
{
    pthread_mutex_lock(&h->lock);
    while (!h->replied && !h->lost) {
        if (h->reader) {
            pthread_cond_wait(&h->changed, &h->lock);
            continue;
        }
        pthread_mutex_unlock(&h->lock);
        xs_receive(h);
        pthread_mutex_lock(&h->lock);
    }
    bool replied = h->replied;

    h->replied = false;
    pthread_mutex_unlock(&h->lock);
    return replied;
}

static int named_error(const char *name)
{
#define ERROR_OF(error)            \
    if (strcmp(name, #error) == 0) \
        return error;
    XSD_ERROR_LIST(ERROR_OF)
#undef ERROR_OF
    return EINVAL;
}

// What a reply to a request of this type says; errno as the daemon named it.
static char *read_reply(struct xs_handle *h, enum xsd_sockmsg_type type, unsigned *len)
{
    char *body = h->reply_body;

    h->reply_body = NULL;
    if (h->reply.type == type) {
        if (len)
            *len = h->reply.len;
        return body;
    }
    if (h->reply.type == XS_ERROR) {
        errno = named_error(body);
    } else { // out of step
        xs_lose(h);
        errno = EBADF;
    }
    int error = errno;

    free(body);
    errno = error;
    return NULL;
}

char *xs_next_reply(struct xs_handle *h, enum xsd_sockmsg_type type, unsigned *len)
{
    if (wait_reply(h))
        return read_reply(h, type, len);
    errno = EBADF;
    return NULL;
}

bool xs_can_talk(struct xs_handle *h)
{
    bool can = !lost(h) && (!h->reader || h->owner == getpid());

    if (!can)
        errno = EBADF;
    return can;
}

char *xs_talk(struct xs_handle *h, xs_transaction_t t, enum xsd_sockmsg_type type,
              const struct iovec *parts, unsigned count, unsigned *len)
{
    struct xsd_sockmsg head = {.type = type, .tx_id = t};
    char *answer = NULL;

    pthread_mutex_lock(&h->request);
    if (xs_can_talk(h) && send_request(h, &head, parts, count))
        answer = xs_next_reply(h, type, len);
    int error = answer ? 0 : errno; // 0, too, is what programs have come to look for

    pthread_mutex_unlock(&h->request);
    errno = error;
    return answer;
}

char *xs_talk_text(struct xs_handle *h, xs_transaction_t t, enum xsd_sockmsg_type type,
                   const char *text, unsigned *len)
{
    struct iovec part = xs_text(text);

    return xs_talk(h, t, type, &part, 1, len);
}

bool xs_obeyed(char *reply)
{
    free(reply);
    return reply != NULL;
}
