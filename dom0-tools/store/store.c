#include "store/store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store/alloc.h"
#include "store/log.h"
#include "store/state.h"
#include "store/transaction.h"
#include "store/watch.h"

static const char *const specials[2] = {"@introduceDomain", "@releaseDomain"};

static int special_index(const char *name)
{
    size_t length = strcspn(name, "/");

    for (int i = 0; i < 2; i++)
        if (strlen(specials[i]) == length && !memcmp(name, specials[i], length))
            return i;
    return -1;
}

struct perms *store_special_perms(struct store *store, const char *name)
{
    int index = special_index(name);

    return index < 0 ? NULL : store->special[index];
}

void store_set_special_perms(struct store *store, const char *name, struct perms *perms)
{
    int index = special_index(name);

    perms_unref(store->special[index]);
    store->special[index] = perms;
    state_special(store, name, perms);
}

struct store *store_new(const struct store_host *host)
{
    const struct permission nobody = {.domid = 0, .access = 0};
    struct store *store = allocate(sizeof(*store));

    if (host)
        store->host = *host;
    quota_defaults(store->limits);
    store->root = tree_new(perms_new(&nobody, 1, 0));
    for (int i = 0; i < 2; i++)
        store->special[i] = perms_new(&nobody, 1, 0);
    store_domain_new(store, 0, 0)->nodes = 1;
    store->domains[0]->memory = node_memory(store->root);
    return store;
}

void store_free(struct store *store)
{
    store->journal = NULL; // whose it is keeps what it says
    while (store->connections)
        connection_free(store->connections);
    for (unsigned i = 0; i < DOMID_FIRST_RESERVED; i++)
        free(store->domains[i]);
    node_unref(store->root);
    for (int i = 0; i < 2; i++)
        perms_unref(store->special[i]);
    table_free(&store->watches);
    free(store);
}

struct connection *store_connect(struct store *store)
{
    return connection_new(store, CONNECTION_SOCKETS + store->next_socket++, NULL);
}

void store_disconnect(struct connection *connection)
{
    connection_free(connection);
}

struct domain *store_domain(struct store *store, unsigned domid)
{
    return domid < DOMID_FIRST_RESERVED ? store->domains[domid] : NULL;
}

struct domain *store_domain_new(struct store *store, uint16_t domid, uint64_t since)
{
    struct domain *domain = allocate(sizeof(*domain));

    domain->domid = domid;
    domain->since = since;
    domain->target = -1;
    store->domains[domid] = domain;
    return domain;
}

void store_domain_forget(struct store *store, struct domain *domain)
{
    store->domains[domain->domid] = NULL;
    free(domain);
}

struct domain *store_know(struct store *store, unsigned domid)
{
    struct domain *domain = store_domain(store, domid);

    if (domain || domid >= DOMID_FIRST_RESERVED)
        return domain;
    if (store->host.domain_exists && !store->host.domain_exists(store->host.arg, (uint16_t)domid))
        return NULL;
    domain = store_domain_new(store, (uint16_t)domid, ++store->generation);
    state_domain(store, domain);
    return domain;
}

int store_introduce(struct store *store, unsigned domid, uint64_t frame, uint32_t port)
{
    struct domain *domain = store_domain(store, domid);
    bool fresh = !domain || !domain->introduced;
    int error;

    if (domid >= DOMID_FIRST_RESERVED)
        return -EINVAL;
    if (!domain)
        domain = store_domain_new(store, (uint16_t)domid, ++store->generation);
    if (fresh)
        domain->connection = connection_new(store, (uint16_t)domid, domain);
    domain->frame = frame;
    domain->port = port;
    error = store->host.introduce ? store->host.introduce(store->host.arg, domain) : 0;
    if (error && fresh) {
        connection_free(domain->connection);
        domain->connection = NULL;
    }
    if (error)
        return error;
    domain->introduced = true;
    domain->shut_down = false;
    if (!fresh)
        connection_reset(domain->connection, true);
    domain->connection->ignored = false;
    state_domain(store, domain);
    if (fresh && domid)
        watch_fire_special(store, specials[0], domid, true);
    return 0;
}

// Removes the nodes that belong to a domain, with all below them, from `node` of a snapshot
// downwards, whose path is `text`. Stops when the domain has no more.
static void remove_owned(struct store *store, struct domain *domain, struct node *node, char *text,
                         size_t length)
{
    struct change rm = {.kind = CHANGE_RM, .path = text};
    struct node **children;

    if (length > 1 && node->perms->entry[0].domid == domain->domid) {
        if (!path_parse(&store->commit, text, "", 0))
            store_change(store, &rm, &store->commit);
        return;
    }
    children = tree_children(node, true);
    for (uint32_t i = 0; i < node->child_count && domain->nodes; i++) {
        size_t at = length > 1 ? length : 0;

        text[at] = '/';
        memcpy(text + at + 1, children[i]->name, children[i]->name_length + 1u);
        remove_owned(store, domain, children[i], text, at + 1 + children[i]->name_length);
        text[length] = '\0';
    }
    free(children);
}

static void remove_owned_below(struct store *store, struct domain *domain, const char *path)
{
    char text[XENSTORE_ABS_PATH_MAX + 1];
    struct node *root = node_ref(store->root), *node;

    strcpy(text, path);
    if (domain->nodes && !path_parse(&store->commit, path, "", 0)) {
        node = tree_find(root, &store->commit, store->commit.count);
        if (node)
            remove_owned(store, domain, node, text, strlen(text));
    }
    node_unref(root);
}

static void forget_target(struct store *store, unsigned domid)
{
    for (struct connection *c = store->connections; c; c = c->next)
        if (c->domain && c->domain->target == (int)domid) {
            c->domain->target = -1;
            c->who.has_target = false;
            state_domain(store, c->domain);
        }
}

void store_release(struct store *store, struct domain *domain)
{
    char home[PATH_HOME_MAX];
    uint16_t domid = domain->domid;
    bool introduced = domain->introduced;

    if (introduced) {
        if (store->host.release)
            store->host.release(store->host.arg, domain);
        connection_free(domain->connection);
        domain->connection = NULL;
    }
    forget_target(store, domid);
    path_home(home, domid);
    remove_owned_below(store, domain, home); // most of them, so that the search ends there
    remove_owned_below(store, domain, "/");
    state_domain_gone(store, domain);
    store_domain_forget(store, domain);
    if (introduced)
        watch_fire_special(store, specials[1], domid, true);
}

void store_set_target(struct domain *domain, struct domain *target)
{
    struct identity *who = &domain->connection->who;

    domain->target = target->domid;
    who->has_target = true;
    who->target = target->domid;
    who->target_since = target->since;
    state_domain(domain->connection->store, domain);
}

void store_shut_down(struct store *store, struct domain *domain)
{
    if (domain->shut_down || !domain->introduced)
        return;
    domain->shut_down = true;
    state_domain(store, domain);
    watch_fire_special(store, specials[1], domain->domid, true);
}

void store_ignore(struct connection *connection)
{
    connection_reset(connection, true);
    connection->ignored = true;
    if (connection->domain)
        state_domain(connection->store, connection->domain);
}

void store_blame(struct store *store, struct connection *victim, uint16_t writer)
{
    struct domain *domain = store_domain(store, writer);

    store->conflicts++;
    if (writer && domain && domain->introduced && victim->who.domid != writer &&
        store->host.slow_down)
        store->host.slow_down(store->host.arg, domain);
}

static void owned(void *arg, const struct node *node, int sign)
{
    struct store *store = arg;
    struct domain *domain = store_domain(store, node->perms->entry[0].domid);

    if (!domain)
        return;
    domain->nodes += (uint64_t)(int64_t)sign;
    quota_memory(store, domain,
                 sign < 0 ? -(int64_t)node_memory(node) : (int64_t)node_memory(node));
}

static void changed(void *arg, const char *path, const struct node *node,
                    const struct perms *before, bool exact)
{
    watch_fire(arg, path, node, before, exact);
}

void store_change(struct store *store, struct change *change, const struct path *path)
{
    const struct change_listener listener = {.owned = owned, .changed = changed, .arg = store};

    change->generation = ++store->generation;
    state_change(store, change);
    change_apply(&store->root, change, path, &listener);
}
