// CONTROL "check": looks through everything for what must not be.
#include <stdlib.h>
#include <string.h>

#include "store/alloc.h"
#include "store/log.h"
#include "store/store.h"
#include "store/watch.h"

struct census {
    unsigned wrong;
    uint64_t nodes[DOMID_FIRST_RESERVED]; // by owner
};

static void wrong(struct census *census, const char *what, const char *where)
{
    census->wrong++;
    log_error("check: %s: %s", where, what);
}

// A treap of children, names between two hashes; adds up how many there are and how long their list
// is.
static void check_treap(struct census *census, const struct node *node, uint64_t low, uint64_t high,
                        uint32_t *count, uint32_t *bytes)
{
    uint32_t children = 0, length = 0, owner;

    if (!node)
        return;
    owner = node->perms->entry[0].domid;
    *count += 1;
    *bytes += node->name_length + 1u;
    if (node->hash < low || node->hash > high)
        wrong(census, "not in order", node->name);
    if (!node->references || !node->perms->references || !node->perms->count)
        wrong(census, "not referred to", node->name);
    if (strlen(node->name) != node->name_length ||
        hash_bytes(node->name, node->name_length) != node->hash)
        wrong(census, "another name", node->name);
    if (owner < DOMID_FIRST_RESERVED)
        census->nodes[owner]++;
    check_treap(census, node->left, low, node->hash, count, bytes);
    check_treap(census, node->right, node->hash, high, count, bytes);
    check_treap(census, node->children, 0, UINT64_MAX, &children, &length);
    if (children != node->child_count || length != node->child_bytes)
        wrong(census, "wrong number of children", node->name);
}

static void check_connections(struct store *store, struct census *census)
{
    size_t watches = 0;

    for (struct connection *c = store->connections; c; c = c->next) {
        unsigned own = 0, replies = 0;
        size_t bytes = 0;

        for (struct watch *watch = c->watches; watch; watch = watch->next)
            own++;
        for (struct packet *packet = c->queue; packet; packet = packet->next) {
            replies += !packet->event;
            bytes += sizeof(packet->header) + packet->header.len;
        }
        watches += own;
        if (own != c->watch_count || replies != c->replies || bytes != c->queue_bytes)
            wrong(census, "miscounted", connection_name(c));
        if (c->domain && c->domain->connection != c)
            wrong(census, "not its domain's", connection_name(c));
    }
    if (watches != store->watches.count)
        wrong(census, "miscounted", "watches");
}

unsigned store_check(struct store *store)
{
    struct census *census = allocate(sizeof(*census));
    uint32_t count = 0, bytes = 0;
    unsigned result;

    census->nodes[store->root->perms->entry[0].domid % DOMID_FIRST_RESERVED]++;
    check_treap(census, store->root->children, 0, UINT64_MAX, &count, &bytes);
    if (count != store->root->child_count || bytes != store->root->child_bytes)
        wrong(census, "wrong number of children", "/");
    for (unsigned i = 0; i < DOMID_FIRST_RESERVED; i++)
        if (store->domains[i] && store->domains[i]->nodes != census->nodes[i])
            wrong(census, "nodes miscounted", "domain");
    check_connections(store, census);
    result = census->wrong;
    free(census);
    return result;
}
