// A xenstored of few words: it answers requests as the test told it beforehand.
#pragma once

#include <stdbool.h>
#include <stddef.h>

// Bytes to be sent, up to three of the largest messages; grows by the functions below.
struct bytes {
    size_t len;
    char data[3 * (16 + 4096)];
};

// Adds a message.
void add_message(struct bytes *to, unsigned type, const void *body, size_t len);

// Starts the peer on a socket of its own and points the library to it; ends it and removes the
// socket.
void peer_start(void);
void peer_stop(void);

// The path of its socket.
const char *peer_path(void);

// The next request must be of this type, in this transaction, with this payload; then `answer` is
// sent, or the connection closed if it is NULL.
void peer_expect(unsigned type, unsigned tx, const void *payload, size_t len,
                 const struct bytes *answer);

// The same with one message for an answer.
void peer_reply(unsigned type, unsigned tx, const void *payload, size_t len, unsigned reply_type,
                const void *reply, size_t reply_len);

// Sends unasked.
void peer_send(const struct bytes *what);

// From now on, every request is answered "OK", a READ by its own path, and a WRITE sends an event
// of (path, "t") before its reply.
void peer_obey(void);

// Closes the connection that there is, now.
void peer_hang_up(void);

// Whether all that was expected came.
bool peer_asked(void);

// The same, nothing else; prints what did not.
bool peer_content(void);
