// The records of the state file. Numbers are the machine's own; texts end in NUL and lie at the
// end, in the order of their names here.
#pragma once

#include <stdint.h>

enum record_type {
    RECORD_STORE = 1,
    RECORD_NODE,
    RECORD_CHANGE,
    RECORD_TRANSACTION,
    RECORD_TRANSACTION_CHANGE,
    RECORD_DOMAIN,
    RECORD_DOMAIN_GONE,
    RECORD_SOCKET,
    RECORD_WATCH,
    RECORD_OUTPUT,
    RECORD_CONSUMED,
    RECORD_TAKEN_IN,
    RECORD_RESET,
    RECORD_SPECIAL,
    RECORD_QUOTA,
};

struct record_store {
    uint64_t generation, next_watch;
    uint32_t next_socket, reserved;
};

// A node of a snapshot, after its parent: struct permission[permissions], path, value (without
// NUL).
struct record_node {
    uint64_t generation, children_generation, created, perms_generation;
    uint32_t writer, permissions, path_length, value_length;
};

// data, path
struct record_change {
    uint32_t connection, transaction; // of RECORD_TRANSACTION_CHANGE
    uint32_t kind, writer, owned, data_length;
    uint64_t generation;
};

struct record_transaction {
    uint32_t connection, id, open, reserved;
};

#define RECORD_DOMAIN_INTRODUCED 1
#define RECORD_DOMAIN_SHUT_DOWN  2
#define RECORD_DOMAIN_IGNORED    4

struct record_domain {
    uint32_t domid, flags, port, next_transaction;
    int32_t target;
    uint32_t queue_start, consumer, reserved;
    uint64_t since, frame;
};

// A socket's client, in a live update.
struct record_socket {
    uint32_t connection;
    int32_t fd;
    uint32_t next_transaction, queue_sent;
};

// path, token
struct record_watch {
    uint32_t connection, depth, added, relative;
};

// the bytes of a packet, header and payload
struct record_output {
    uint32_t connection, length;
};

// RECORD_CONSUMED, RECORD_RESET: nothing; RECORD_TAKEN_IN: bytes
struct record_input {
    uint32_t connection, consumer, length, reserved;
};

// struct permission[permissions], name
struct record_special {
    uint64_t generation;
    uint32_t permissions, reserved;
};

struct record_quota {
    uint32_t quota, limit;
};
