// A file of records that outlives the daemon: memory shared with a file, normally in /run, so that
// what is stored there stays when the process is killed, without any system call.
//
// Records between two commits belong together: a reader sees all of them or none. A journal may
// also be memory alone (no path).
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct journal_record {
    uint32_t type;
    uint32_t length; // of what follows, which is padded to a multiple of 8
};

struct journal {
    char *path; // NULL: memory alone
    int fd;
    char *map;
    size_t size;      // of the file
    size_t used;      // with what is not committed yet
    size_t compacted; // `used` when it held a snapshot alone
    unsigned commits; // since it failed
    bool failed;      // no room: records are dropped, and the file is gone
};

// Begins an empty journal. With a path, it is PATH.new until journal_publish() puts it in the place
// of what was at PATH. NULL and errno if there is no room.
struct journal *journal_new(const char *path);
int journal_publish(struct journal *journal); // 0 or -errno

// Opens what is at `path`: NULL with errno ENOENT if nothing is; EBADMSG if it is no journal or of
// another boot of the machine.
struct journal *journal_open(const char *path);
void journal_free(struct journal *journal);

// Room for one more record; NULL if the journal failed.
void *journal_add(struct journal *journal, uint32_t type, size_t length);
void journal_commit(struct journal *journal);

// The first (after NULL) and the next committed records; NULL at the end. A record that does not
// fit ends it too, with *damaged.
const struct journal_record *journal_next(const struct journal *journal,
                                          const struct journal_record *record, bool *damaged);
