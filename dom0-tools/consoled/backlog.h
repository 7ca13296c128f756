// What waits to be read from a pty: the newest bytes, as many as there is room for. Of those that
// had to go, the reader is told how many.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct backlog {
    char *data;
    size_t size, start, len;
    uint64_t dropped; // in all
    uint64_t untold;  // of them, those that no note tells of yet
    char note[112];
    uint64_t note_count; // what the note tells; 0: there is none
    size_t note_at, note_len;
};

// False if there is no memory.
bool backlog_init(struct backlog *backlog, size_t size);
void backlog_free(struct backlog *backlog);

// Adds bytes, the oldest going first. True if these are the first to go since the reader was told.
bool backlog_add(struct backlog *backlog, const char *data, size_t len);

// What is to be written next, in one piece; NULL: nothing.
const char *backlog_next(struct backlog *backlog, size_t *len);

// So much of it was written.
void backlog_written(struct backlog *backlog, size_t len);
