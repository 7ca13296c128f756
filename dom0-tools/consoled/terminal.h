// A guest's console as its user meets it: a pseudo terminal, held open at both ends so that what is
// written waits for a reader to come, and the backlog of what does not fit into it.
#pragma once

#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// How long the last words of a guest wait for a reader, in ms.
extern unsigned terminal_linger;

struct terminal;

// Whoever takes what the user types.
struct typing {
    size_t (*room)(void *of); // how much he can take now
    void (*typed)(void *of, const char *text, size_t len);
    void *of;
};

// A terminal with so many bytes of backlog. 0 or -errno. Nothing is read until terminal_listen().
int terminal_open(struct terminal **out, struct event_base *base, size_t backlog,
                  struct typing typing);

// Closes it once all was read, or terminal_linger later. Nobody is told any more what is typed.
// Returns how many bytes were dropped in all.
uint64_t terminal_release(struct terminal *terminal);

// Closes it now.
void terminal_close(struct terminal *terminal);

// The path of what users open.
const char *terminal_name(const struct terminal *terminal);

// For the reader. True if bytes were dropped for the first time.
bool terminal_show(struct terminal *terminal, const char *text, size_t len);

// Reads what is typed as long as there is room for it; to be called again when there is room anew.
void terminal_listen(struct terminal *terminal);
