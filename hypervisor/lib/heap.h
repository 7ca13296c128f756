// Pairing heaps, embedded in what they order: the smallest key on top. Inserting and looking at the
// top cost O(1), removing any node O(log n) amortised; nothing is ever allocated.
//
// Keys compare by the sign of their difference, so that clocks may wrap: all keys of one heap lie
// within 2^63 of each other.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct heap_node {
    int64_t key;             // may change only while the node is in no heap
    struct heap_node *child; // first child
    struct heap_node *next;  // next sibling
    struct heap_node *prev;  // previous sibling, or the parent of a first child
};

struct heap {
    struct heap_node *top; // NULL: empty
};

void heap_insert(struct heap *h, struct heap_node *n);
// n must be in h.
void heap_remove(struct heap *h, struct heap_node *n);

// All nodes in no particular order, from h->top on; NULL after the last. Not while h changes.
struct heap_node *heap_next(const struct heap_node *n);
