#include "store/table.h"

#include <stdlib.h>
#include <string.h>

#include "store/alloc.h"

#define FIRST_SIZE 8

uint64_t hash_secret[2] = {0x9e3779b97f4a7c15, 0xd6e8feb86659fd93};

void hash_set_secret(uint64_t value)
{
    hash_secret[0] = value | 1;
    hash_secret[1] = hash_mix(value, ~value) | 1;
}

uint64_t hash_bytes(const void *bytes, size_t size)
{
    const size_t whole = size > 8 ? (size - 1) & ~7ul : 0; // all but the last word
    char last[16] = {0};
    uint64_t hash = size, word;

    for (size_t i = 0; i < whole; i += 8) {
        memcpy(&word, (const char *)bytes + i, 8);
        hash = hash_mix(hash, word);
    }
    memcpy(last, (const char *)bytes + whole, size - whole);
    memcpy(&word, last, 8);
    return hash_mix(hash, word);
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
