// One connection to xenstored, inside the library.
//
// Requests go one at a time: `request` is held from a request's first byte until its reply is
// there. Until the first watch, whoever waits for a reply reads the connection himself, holding
// `request`. From then on only the reader thread reads; it never takes `request`. `lock` guards
// what both touch. A connection that broke its protocol or ended is lost for good; its descriptor
// stays open until the handle is closed, so that no thread meets another's.
#pragma once

#include <pthread.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "xenstore.h"

struct event {
    struct event *next;
    unsigned strings;
    char **vector; // one allocation, as the caller gets it
};

struct xs_handle {
    int fd;
    bool filter; // XS_UNWATCH_FILTER
    pthread_mutex_t request;

    // Who reads has these.
    char input[sizeof(struct xsd_sockmsg) + XENSTORE_PAYLOAD_MAX];
    size_t from, to; // of `input`, not yet looked at

    pthread_mutex_t lock;
    pthread_cond_t changed; // one of the following did
    bool lost;
    bool replied;
    struct xsd_sockmsg reply;
    char *reply_body; // with a NUL behind it
    struct event *events, **last_event;
    int ready; // eventfd of xs_fileno(), -1 until it is asked for

    bool reader; // the thread was started, by process `owner`; changes under `request` and `lock`
    pthread_t thread;
    pid_t owner;
    int stop; // eventfd that ends it
};

// Sends one request of `count` parts and returns the reply, *len (may be NULL) bytes and a NUL.
char *xs_talk(struct xs_handle *h, xs_transaction_t t, enum xsd_sockmsg_type type,
              const struct iovec *parts, unsigned count, unsigned *len);

// The same for a request of one text, its end included.
char *xs_talk_text(struct xs_handle *h, xs_transaction_t t, enum xsd_sockmsg_type type,
                   const char *text, unsigned *len);

// The steps of that, for whoever holds `request`: whether the connection can be used at all, whole
// messages, and the reply to a request of this type that is next. They fail with errno set.
bool xs_can_talk(struct xs_handle *h);
bool xs_send(struct xs_handle *h, const char *messages, size_t len);
char *xs_next_reply(struct xs_handle *h, enum xsd_sockmsg_type type, unsigned *len);

// For requests whose reply says nothing but that they were obeyed: frees it. True if there was one.
bool xs_obeyed(char *reply);

// The protocol's texts of permissions, one after the other; 0 and errno if they cannot be sent.
unsigned xs_write_permissions(char texts[XENSTORE_PAYLOAD_MAX], const struct xs_permissions *perms,
                              unsigned num);

// A part of a request: a text with its end.
static inline struct iovec xs_text(const char *text)
{
    return (struct iovec){(void *)text, __builtin_strlen(text) + 1};
}

// Reads the next message and files it. False if the connection is lost, or the reader told to stop.
bool xs_receive(struct xs_handle *h);

// Queues an event; it must hold two texts. False if it does not, or there is no memory for it.
bool xs_file_event(struct xs_handle *h, const char *body, unsigned len);

// Tells all who wait that there is no more to come.
void xs_lose(struct xs_handle *h);

// Ends the reader if this process has it, and frees what watches hold.
void xs_end_watches(struct xs_handle *h);
