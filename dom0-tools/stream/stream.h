// Guests as streams of bytes, to be kept in a file or sent to another machine: libxc's migration
// stream, version 3 (stream/format.h). What the toolstack adds (the configuration, xenstore) is not
// in it.
//
// Each function says on `messages`, in a line, why it failed.
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "control/control.h"

// For a signal handler to set: whatever is being saved or restored ends with -EINTR as soon as it
// reads or writes, and is cleaned up after as after any other error.
extern volatile sig_atomic_t stream_interrupted;

struct stream_progress {
    unsigned round;       // 1: everything; further ones: what was written meanwhile; 0: the last
    uint64_t done, total; // frames of this round; equal at its end
};

struct stream_save {
    struct control *control;
    domid_t domain;
    bool hvm; // HVM or PVH
    int fd;   // written to from its present position on
    FILE *messages;
    bool live; // the guest runs on while most of its memory is sent
    // Has the guest suspend itself. Returns 0 once the domain is shut down for that reason, or
    // -errno (the story told already): then the stream is abandoned.
    int (*suspend)(void *arg);
    // NULL: nobody looks.
    void (*progress)(void *arg, const struct stream_progress *progress);
    void *arg;
};

// Writes a guest, which is suspended afterwards. On failure the guest may be suspended or not, the
// log of dirty frames is off, and the stream is worthless. -EOPNOTSUPP: the guest's kernel keeps
// its P2M list in a form that is not understood, or the hypervisor cannot log dirty frames (live).
int stream_save_guest(const struct stream_save *save);

struct stream_restore {
    struct control *control;
    bool hvm;       // HVM or PVH
    domid_t domain; // paused, with its vCPUs and a memory limit, and without memory
    int fd;         // read up to the end of the stream and no further
    FILE *messages;
    // The guest's ports to its console and to xenstore, and who may map these pages.
    uint32_t console_port, xenstore_port;
    domid_t console_domain, xenstore_domain;
};

struct stream_restored {
    uint64_t console_mfn, xenstore_mfn; // an HVM guest's: guest frames
    uint64_t pages;                     // memory that the guest has
};

// Fills a new domain; its vCPUs are ready to go on where they suspended. -EINVAL: not such a
// stream, or damaged; -EOPNOTSUPP: of a kind of guest that is not known; -ENOMEM; what the
// hypervisor says. A domain that could not be restored is to be destroyed.
int stream_restore_guest(const struct stream_restore *restore, struct stream_restored *restored);
