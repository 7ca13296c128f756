// Headers and records of a stream, written and read. Errors are -errno: what write(2) and read(2)
// say, -EPIPE at an end that comes too early, -EINVAL for what is no such stream.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/uio.h>

#include "stream/format.h"

// All of it, or an error; the vector is used up.
int stream_write(int fd, struct iovec *iov, unsigned count);
int stream_read(int fd, void *buffer, size_t length);

int stream_write_headers(int fd, uint32_t type); // STREAM_PV or STREAM_HVM

// Writes a record whose body is `parts` one after another, at most STREAM_MAX_PARTS of them.
#define STREAM_MAX_PARTS (STREAM_BATCH + 2)
int stream_write_record(int fd, uint32_t type, const struct iovec *parts, unsigned count);

struct stream_record {
    uint32_t type;
    uint32_t length;
    void *body; // aligned for any number; valid until the next record is read
};

struct stream_reader {
    int fd;
    FILE *messages;
    uint32_t version;
    void *buffer;
    size_t size;
};

// Checks the headers of a stream of a guest of that type; says what is wrong with them.
int stream_reader_open(struct stream_reader *reader, int fd, uint32_t type, FILE *messages);
// A record: its type and length, and then its body, or all at once.
int stream_read_header(struct stream_reader *reader, struct stream_record *record);
int stream_read_body(struct stream_reader *reader, struct stream_record *record);
int stream_read_record(struct stream_reader *reader, struct stream_record *record);
void stream_reader_close(struct stream_reader *reader);

// What a record is called, for messages.
const char *stream_record_name(uint32_t type);
