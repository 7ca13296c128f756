// Data to compress, and the real programs to compress it with, for the tests of the decompressors.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct blob {
    uint8_t *data;
    size_t len;
};

// A copy in an allocation of just that size, so that the sanitizer sees each step beyond it.
static inline struct blob blob_copy(const void *data, size_t len)
{
    struct blob b = {malloc(len), len};

    if (len)
        memcpy(b.data, data, len);
    return b;
}

static inline void blob_free(struct blob *b)
{
    free(b->data);
    b->data = NULL;
}

static inline struct blob blob_join(struct blob a, struct blob b)
{
    struct blob r = {malloc(a.len + b.len), a.len + b.len};

    memcpy(r.data, a.data, a.len);
    memcpy(r.data + a.len, b.data, b.len);
    return r;
}

static inline uint32_t sample_random(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    return *state ^= *state << 5;
}

// Bytes drawn from the first `kinds` of an alphabet; with kinds = 256 nothing compresses them.
static inline struct blob sample_noise(size_t len, const uint8_t *alphabet, unsigned kinds)
{
    struct blob b = {malloc(len), len};
    uint32_t state = 2463534242u;

    for (size_t i = 0; i < len; i++) {
        unsigned n = sample_random(&state) >> 8;

        b.data[i] = alphabet ? alphabet[n % kinds] : (uint8_t)(n % kinds);
    }
    return b;
}

// Repetitions of all lengths and distances between noise of several kinds.
static inline struct blob sample_mixed(size_t len)
{
    struct blob b = {malloc(len), len};
    uint32_t state = 88172645u;

    for (size_t i = 0; i < len;) {
        size_t n = 1 + sample_random(&state) % (sample_random(&state) % 8 ? 40 : 3000);
        size_t distance = 1 + sample_random(&state) % (sample_random(&state) % 2 ? 12 : 200000);
        unsigned kind = sample_random(&state) % 4;

        for (; n > 0 && i < len; n--, i++) {
            if (kind > 1 && distance <= i)
                b.data[i] = b.data[i - distance];
            else
                b.data[i] = (uint8_t)(sample_random(&state) >> (kind ? 9 : 14 + kind)) & 0x7f;
        }
    }
    return b;
}

static inline struct blob sample_text(size_t len)
{
    static const char *const words[] = {"the ",     "domain ", "frame ",  "event ",
                                        "channel ", "grant ",  "maps a ", "to ",
                                        "guest's ", "page ",   "table, ", "and\n"};
    struct blob b = {malloc(len), len};
    uint32_t state = 123456789u;

    for (size_t i = 0; i < len;)
        for (const char *w = words[sample_random(&state) % 12]; *w && i < len; w++)
            b.data[i++] = (uint8_t)*w;
    return b;
}

static inline struct blob sample_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    struct blob b = {NULL, 0};
    size_t room = 1 << 16, n;

    if (!f)
        return b;
    b.data = malloc(room);
    while ((n = fread(b.data + b.len, 1, room - b.len, f)) > 0) {
        b.len += n;
        if (b.len == room)
            b.data = realloc(b.data, room *= 2);
    }
    fclose(f);
    return b;
}

// What the shell command makes of the data on its standard input ("$IN" also names it as a file).
// Ends the test program if the command fails: a missing tool must not pass for a passed test.
static inline struct blob pipe_through(const char *command, struct blob in)
{
    char in_name[] = "/tmp/vellum-in-XXXXXX", out_name[] = "/tmp/vellum-out-XXXXXX", line[512];
    int in_fd = mkstemp(in_name), out_fd = mkstemp(out_name);
    FILE *f = fdopen(in_fd, "wb");
    struct blob loose, exact;

    if (fwrite(in.data, 1, in.len, f) != in.len || fclose(f)) {
        perror(in_name);
        exit(1);
    }
    close(out_fd);
    snprintf(line, sizeof(line), "IN=%s; (%s) <%s >%s", in_name, command, in_name, out_name);
    if (system(line)) {
        fprintf(stderr, "failed: %s\n", command);
        exit(1);
    }
    loose = sample_file(out_name);
    exact = blob_copy(loose.data, loose.len);
    blob_free(&loose);
    unlink(in_name);
    unlink(out_name);
    return exact;
}
