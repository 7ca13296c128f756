#include "consoled/backlog.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool backlog_init(struct backlog *backlog, size_t size)
{
    *backlog = (struct backlog){.data = malloc(size), .size = size};
    return backlog->data;
}

void backlog_free(struct backlog *backlog)
{
    free(backlog->data);
    *backlog = (struct backlog){0};
}

static void skip(struct backlog *backlog, size_t len)
{
    backlog->start = (backlog->start + len) % backlog->size;
    backlog->len -= len;
}

bool backlog_add(struct backlog *backlog, const char *data, size_t len)
{
    uint64_t untold = backlog->untold, gone = 0;

    if (len > backlog->size) {
        gone = len - backlog->size;
        data += gone;
        len = backlog->size;
    }
    if (len > backlog->size - backlog->len) {
        size_t most = len - (backlog->size - backlog->len);

        gone += most;
        skip(backlog, most);
    }
    size_t end = (backlog->start + backlog->len) % backlog->size;
    size_t first = len < backlog->size - end ? len : backlog->size - end;

    memcpy(backlog->data + end, data, first);
    memcpy(backlog->data, data + first, len - first);
    backlog->len += len;
    backlog->dropped += gone;
    backlog->untold += gone;
    return gone && !untold;
}

// A note that nobody has begun to read tells of what went after it was made, too.
static void make_note(struct backlog *backlog)
{
    if (!backlog->untold || backlog->note_at)
        return;
    backlog->note_count += backlog->untold;
    backlog->untold = 0;
    backlog->note_len = snprintf(backlog->note, sizeof(backlog->note),
                                 "\r\n[vellum-consoled: %" PRIu64
                                 " bytes were not read in time; the log has them]\r\n",
                                 backlog->note_count);
}

const char *backlog_next(struct backlog *backlog, size_t *len)
{
    make_note(backlog);
    if (backlog->note_count) {
        *len = backlog->note_len - backlog->note_at;
        return backlog->note + backlog->note_at;
    }
    *len = backlog->len < backlog->size - backlog->start ? backlog->len
                                                         : backlog->size - backlog->start;
    return *len ? backlog->data + backlog->start : NULL;
}

void backlog_written(struct backlog *backlog, size_t len)
{
    if (!backlog->note_count) {
        skip(backlog, len);
        return;
    }
    backlog->note_at += len;
    if (backlog->note_at == backlog->note_len)
        backlog->note_at = backlog->note_count = 0;
}
