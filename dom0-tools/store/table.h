// Hash tables whose entries lie in the things they find, and the hash: keyed by a secret, so that a
// guest that picks the names cannot make many of them collide.
#pragma once

#include <stddef.h>
#include <stdint.h>

struct table_entry {
    struct table_entry *next;
    uint64_t hash;
};

struct table {
    struct table_entry **buckets; // NULL: nothing was ever in it
    size_t size;                  // of buckets, a power of two
    size_t count;
};

#define table_of(entry, type, member) ((type *)((char *)(entry)-offsetof(type, member)))

void table_insert(struct table *table, struct table_entry *entry, uint64_t hash);
void table_remove(struct table *table, struct table_entry *entry);
// The first and the following entries of a hash; the caller compares the rest. NULL: no more.
struct table_entry *table_first(const struct table *table, uint64_t hash);
struct table_entry *table_next(const struct table_entry *entry);
// Frees the buckets of a table whose entries are gone or will not be looked for.
void table_free(struct table *table);

// Set once at the start, before anything is hashed.
void hash_set_secret(uint64_t secret);
uint64_t hash_mix(uint64_t a, uint64_t b);
uint64_t hash_bytes(const void *bytes, size_t size);
// The same, of bytes behind which 7 more may be read, whatever they are.
uint64_t hash_padded(const char *bytes, size_t size);
