// The console daemon: what its parts share.
#pragma once

#include <event2/event.h>

#include "consoled/log_file.h"
#include "control/control.h"
#include "xenstore/xenstore.h"

struct guest;

struct settings {
    const char *log_dir;  // NULL: no logs
    const char *link_dir; // for links to the ptys, by the guests' names
    struct log_limits log;
    size_t backlog; // bytes a guest's pty may lag behind
};

struct consoled {
    struct settings settings;
    struct event_base *base;
    struct control *control;
    int evtchn;
    int grants; // -1: pages are mapped by their frames only

    struct xs_handle *xs; // NULL while the store is away
    struct event *xs_event, *xs_retry;

    struct guest *guests[DOMID_FIRST_RESERVED]; // by domain; those below `domains` only
    unsigned domains;
    struct guest **by_port; // `ports` of them
    unsigned ports;
};

// A line for the daemon's log. What a guest can provoke is limited by whoever calls this.
__attribute__((format(printf, 1, 2))) void note(const char *format, ...);
