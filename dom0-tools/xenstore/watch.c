// Watches: the thread that reads, the queue of events, and the descriptor that tells of them.
#include "xenstore/connection.h"

#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "xenstore/extensions.h"
#include "xenstore/text.h"

#define READER_STACK (256 << 10)

static void *read_for_all(void *handle)
{
    while (xs_receive(handle))
        continue;
    return NULL;
}

// The thread is nobody's to signal: it starts with every signal blocked.
static int start_thread(struct xs_handle *h)
{
    pthread_attr_t attributes;
    sigset_t all, before;

    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, READER_STACK);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&h->thread, &attributes, read_for_all, h);

    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return error;
}

// Leaves the reading to a thread from now on. Called while nobody reads.
static bool start_reader(struct xs_handle *h)
{
    int error = 0;

    pthread_mutex_lock(&h->request);
    pthread_mutex_lock(&h->lock);
    if (!h->reader) {
        h->stop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        error = h->stop < 0 ? errno : start_thread(h);
        h->reader = !error;
        h->owner = getpid();
        if (error && h->stop >= 0) {
            close(h->stop);
            h->stop = -1;
        }
    }
    pthread_mutex_unlock(&h->lock);
    pthread_mutex_unlock(&h->request);
    errno = error;
    return !error;
}

static void free_events(struct event *event)
{
    while (event) {
        struct event *next = event->next;

        free(event->vector);
        free(event);
        event = next;
    }
}

void xs_end_watches(struct xs_handle *h)
{
    if (h->reader && h->owner == getpid()) {
        eventfd_write(h->stop, 1);
        pthread_join(h->thread, NULL);
    }
    if (h->stop >= 0)
        close(h->stop);
    if (h->ready >= 0)
        close(h->ready);
    free_events(h->events);
}

// Makes xs_fileno()'s descriptor tell whether it is worth a look. With the lock held.
static void show_readiness(struct xs_handle *h)
{
    eventfd_t ignored;

    if (h->ready < 0)
        return;
    if (h->events || h->lost)
        eventfd_write(h->ready, 1);
    else
        eventfd_read(h->ready, &ignored);
}

void xs_lose(struct xs_handle *h)
{
    pthread_mutex_lock(&h->lock);
    h->lost = true;
    show_readiness(h);
    pthread_cond_broadcast(&h->changed);
    pthread_mutex_unlock(&h->lock);
}

bool xs_file_event(struct xs_handle *h, const char *body, unsigned len)
{
    unsigned strings = xs_count_strings(body, len);
    struct event *event = strings >= 2 ? malloc(sizeof(*event)) : NULL;

    if (!event)
        return false;
    *event = (struct event){NULL, strings, xs_string_vector(body, len, strings)};
    if (!event->vector) {
        free(event);
        return false;
    }
    pthread_mutex_lock(&h->lock);
    *h->last_event = event;
    h->last_event = &event->next;
    show_readiness(h);
    pthread_cond_broadcast(&h->changed);
    pthread_mutex_unlock(&h->lock);
    return true;
}

// Takes the event that *link leads to out of the queue. With the lock held.
static struct event *unlink_event(struct xs_handle *h, struct event **link)
{
    struct event *event = *link;

    *link = event->next;
    if (!*link)
        h->last_event = link;
    event->next = NULL;
    show_readiness(h);
    return event;
}

int xs_fileno(struct xs_handle *h)
{
    pthread_mutex_lock(&h->lock);
    if (h->ready < 0) {
        h->ready = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (h->events || h->lost)
            show_readiness(h);
    }
    int fd = h->ready;

    pthread_mutex_unlock(&h->lock);
    return fd;
}

static char **next_event(struct xs_handle *h, unsigned *num, bool wait)
{
    char **vector = NULL;
    struct event *event = NULL;

    pthread_mutex_lock(&h->lock);
    while (wait && !h->events && !h->lost)
        pthread_cond_wait(&h->changed, &h->lock);
    if (h->events)
        event = unlink_event(h, &h->events);
    else
        errno = h->lost ? EINVAL : EAGAIN;
    pthread_mutex_unlock(&h->lock);
    if (event) {
        vector = event->vector;
        if (num)
            *num = event->strings;
        free(event);
    }
    return vector;
}

char **xs_check_watch(struct xs_handle *h)
{
    return next_event(h, NULL, false);
}

char **xs_read_watch(struct xs_handle *h, unsigned int *num)
{
    return next_event(h, num, true);
}

bool xs_watch(struct xs_handle *h, const char *path, const char *token)
{
    const struct iovec parts[] = {xs_text(path), xs_text(token)};

    return start_reader(h) && xs_obeyed(xs_talk(h, XBT_NULL, XS_WATCH, parts, 2, NULL));
}

bool xs_watch_depth(struct xs_handle *h, const char *path, const char *token, unsigned depth)
{
    char text[MAX_STRLEN(depth)];

    snprintf(text, sizeof(text), "%u", depth);
    const struct iovec parts[] = {xs_text(path), xs_text(token), xs_text(text)};

    return start_reader(h) && xs_obeyed(xs_talk(h, XBT_NULL, XS_WATCH, parts, 3, NULL));
}

// Whether the event is of a watch that was ended.
static bool of_watch(const struct event *event, const char *path, const char *token)
{
    return strcmp(event->vector[XS_WATCH_TOKEN], token) == 0 &&
           xs_path_is_subpath(path, event->vector[XS_WATCH_PATH]);
}

bool xs_unwatch(struct xs_handle *h, const char *path, const char *token)
{
    const struct iovec parts[] = {xs_text(path), xs_text(token)};
    struct event *dropped = NULL;

    if (!xs_obeyed(xs_talk(h, XBT_NULL, XS_UNWATCH, parts, 2, NULL)))
        return false;
    if (!h->filter)
        return true;
    pthread_mutex_lock(&h->lock);
    for (struct event **link = &h->events; *link;) {
        if (of_watch(*link, path, token)) {
            struct event *event = unlink_event(h, link);

            event->next = dropped;
            dropped = event;
        } else {
            link = &(*link)->next;
        }
    }
    pthread_mutex_unlock(&h->lock);
    free_events(dropped);
    return true;
}
