#include "store/table.h"

#include <stdlib.h>
#include <string.h>

#include "store/alloc.h"

#define FIRST_SIZE 8

static uint64_t secret = 0x9e3779b97f4a7c15;

void hash_set_secret(uint64_t value)
{
    secret = value | 1;
}

// Both halves of a product of 64 by 64 bits folded together: every input bit reaches every output
// bit.
uint64_t hash_mix(uint64_t a, uint64_t b)
{
    __uint128_t product = (__uint128_t)(a ^ secret) * (b ^ 0xd6e8feb86659fd93);

    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t hash_words(const char **bytes, size_t *size)
{
    uint64_t hash = hash_mix(secret, *size), word;

    for (; *size > 8; *bytes += 8, *size -= 8) {
        memcpy(&word, *bytes, 8);
        hash = hash_mix(hash, word);
    }
    return hash;
}

uint64_t hash_bytes(const void *bytes, size_t size)
{
    const char *at = bytes;
    uint64_t hash = hash_words(&at, &size), word = 0;

    if (size)
        memcpy(&word, at, size);
    return hash_mix(hash, word ^ secret);
}

uint64_t hash_padded(const char *bytes, size_t size)
{
    uint64_t hash = hash_words(&bytes, &size), word = 0;

    if (size) {
        memcpy(&word, bytes, 8);
        word &= UINT64_MAX >> (64 - 8 * size);
    }
    return hash_mix(hash, word ^ secret);
}

static void grow(struct table *table)
{
    struct table_entry **old = table->buckets, *entry, *next;
    size_t old_size = table->size;

    table->size = old_size ? old_size * 2 : FIRST_SIZE;
    table->buckets = allocate(table->size * sizeof(struct table_entry *));
    for (size_t i = 0; i < old_size; i++)
        for (entry = old[i]; entry; entry = next) {
            struct table_entry **bucket = &table->buckets[entry->hash & (table->size - 1)];

            next = entry->next;
            entry->next = *bucket;
            *bucket = entry;
        }
    free(old);
}

void table_insert(struct table *table, struct table_entry *entry, uint64_t hash)
{
    struct table_entry **bucket;

    if (table->count >= table->size)
        grow(table);
    bucket = &table->buckets[hash & (table->size - 1)];
    entry->hash = hash;
    entry->next = *bucket;
    *bucket = entry;
    table->count++;
}

void table_remove(struct table *table, struct table_entry *entry)
{
    struct table_entry **at = &table->buckets[entry->hash & (table->size - 1)];

    while (*at != entry)
        at = &(*at)->next;
    *at = entry->next;
    table->count--;
}

static struct table_entry *same(struct table_entry *entry, uint64_t hash)
{
    while (entry && entry->hash != hash)
        entry = entry->next;
    return entry;
}

struct table_entry *table_first(const struct table *table, uint64_t hash)
{
    return table->count ? same(table->buckets[hash & (table->size - 1)], hash) : NULL;
}

struct table_entry *table_next(const struct table_entry *entry)
{
    return same(entry->next, entry->hash);
}

void table_free(struct table *table)
{
    free(table->buckets);
    memset(table, 0, sizeof(*table));
}
