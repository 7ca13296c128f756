// The way to the other machine: a program's standard input and output, or a TCP connection.
#pragma once

#include <stdbool.h>
#include <sys/types.h>

struct peer {
    pid_t process; // 0: none
    int to, from;
};

// Each 0, or -errno, with words.
//
// Runs `command` by the shell.
int peer_run(struct peer *peer, const char *command);
// Connects to "ADDRESS:PORT" or "[ADDRESS]:PORT", in numbers.
int peer_connect(struct peer *peer, const char *address);
// Waits for one connection to such an address of this machine; 0.0.0.0 and [::] are all of them.
int peer_accept(struct peer *peer, const char *address);

// Closes it, and waits for the program; returns its exit status, or -1 if a signal ended it.
int peer_close(struct peer *peer);
