#include "lib/heap.h"

// Joins two heaps, of which either may be empty; a and b have no siblings.
static struct heap_node *meld(struct heap_node *a, struct heap_node *b)
{
    struct heap_node *t;

    if (!a)
        return b;
    if (!b)
        return a;
    if ((int64_t)((uint64_t)b->key - (uint64_t)a->key) < 0) {
        t = a;
        a = b;
        b = t;
    }
    b->prev = a;
    b->next = a->child;
    if (b->next)
        b->next->prev = b;
    a->child = b;
    return a;
}

// Joins a list of siblings: pairs from left to right, then the pairs from right to left, which is
// what makes removal logarithmic in the long run.
static struct heap_node *meld_siblings(struct heap_node *n)
{
    struct heap_node *pairs = NULL, *all = NULL;

    while (n) {
        struct heap_node *a = n, *b = n->next;

        n = b ? b->next : NULL;
        a->next = NULL;
        if (b)
            b->next = NULL;
        a = meld(a, b);
        a->next = pairs;
        pairs = a;
    }
    while (pairs) {
        struct heap_node *rest = pairs->next;

        pairs->next = NULL;
        all = meld(all, pairs);
        pairs = rest;
    }
    if (all)
        all->prev = NULL;
    return all;
}

void heap_insert(struct heap *h, struct heap_node *n)
{
    n->child = n->next = n->prev = NULL;
    h->top = meld(h->top, n);
    h->top->prev = NULL;
}

void heap_remove(struct heap *h, struct heap_node *n)
{
    struct heap_node *below = meld_siblings(n->child);

    if (n == h->top) {
        h->top = below;
    } else {
        if (n->prev->child == n)
            n->prev->child = n->next;
        else
            n->prev->next = n->next;
        if (n->next)
            n->next->prev = n->prev;
        h->top = meld(h->top, below);
        h->top->prev = NULL;
    }
    n->child = n->next = n->prev = NULL;
}

struct heap_node *heap_next(const struct heap_node *n)
{
    if (n->child)
        return n->child;
    while (n && !n->next) {
        while (n->prev && n->prev->child != n)
            n = n->prev;
        n = n->prev;
    }
    return n ? n->next : NULL;
}
