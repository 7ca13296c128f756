// Doubly linked circular lists, embedded in what they link.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

struct list {
    struct list *next, *prev;
};

#define LIST_INIT(name)  \
    {                    \
        &(name), &(name) \
    }

static inline void list_init(struct list *head)
{
    head->next = head->prev = head;
}

static inline bool list_empty(const struct list *head)
{
    return head->next == head;
}

static inline void list_insert(struct list *node, struct list *prev, struct list *next)
{
    node->prev = prev;
    node->next = next;
    prev->next = node;
    next->prev = node;
}

static inline void list_add(struct list *node, struct list *head)
{
    list_insert(node, head, head->next);
}

static inline void list_add_tail(struct list *node, struct list *head)
{
    list_insert(node, head->prev, head);
}

// Unlinks and re-initialises, so that deleting twice is harmless and list_empty(node) tells.
static inline void list_del(struct list *node)
{
    node->prev->next = node->next;
    node->next->prev = node->prev;
    list_init(node);
}

#define list_entry(node, type, member) container_of(node, type, member)
#define list_first(head, type, member) list_entry((head)->next, type, member)

#define list_for_each(pos, head, member)                                                   \
    for (pos = list_entry((head)->next, __typeof__(*pos), member); &pos->member != (head); \
         pos = list_entry(pos->member.next, __typeof__(*pos), member))

#define list_for_each_safe(pos, tmp, head, member)                    \
    for (pos = list_entry((head)->next, __typeof__(*pos), member),    \
        tmp = list_entry(pos->member.next, __typeof__(*pos), member); \
         &pos->member != (head);                                      \
         pos = tmp, tmp = list_entry(pos->member.next, __typeof__(*pos), member))
