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
extern uint64_t hash_secret[2];

// Both halves of a product of 64 by 64 bits folded together: every input bit reaches every output
// bit. Neither factor can be chosen without knowing a secret.
static inline uint64_t hash_mix(uint64_t a, uint64_t b)
{
    __uint128_t product = (__uint128_t)(a ^ hash_secret[0]) * (b ^ hash_secret[1]);

    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

// Of bytes behind which 7 more may be read, whatever they are.
static inline uint64_t hash_padded(const char *bytes, size_t size)
{
    uint64_t hash = size, word;

    for (; size > 8; bytes += 8, size -= 8) {
        __builtin_memcpy(&word, bytes, 8);
        hash = hash_mix(hash, word);
    }
    __builtin_memcpy(&word, bytes, 8);
    return hash_mix(hash, size ? word & UINT64_MAX >> (64 - 8 * size) : 0);
}

// The same, of any bytes.
uint64_t hash_bytes(const void *bytes, size_t size);
