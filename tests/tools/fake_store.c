#include "tests/tools/fake_store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "xenstore/extensions.h"

#define NODES   512
#define WATCHES 8
#define EVENTS  64
#define HANDLES 8
#define BATCH   256

struct node {
    char path[FAKE_PATH], value[FAKE_VALUE];
};

struct nodes {
    struct node list[NODES];
    unsigned count;
};

struct xs_handle {
    bool open;
    int ready;
    struct node watches[WATCHES], events[EVENTS]; // the token is the value
    unsigned watches_count, first, last;
};

struct fake_store store;

static struct nodes now, before, remembered;
static struct xs_handle handles[HANDLES];

static bool refused(const char *what)
{
    int error = store.refuse ? store.refuse(what) : 0;

    errno = -error;
    return error;
}

static bool below(const char *path, const char *above)
{
    size_t len = strlen(above);

    return !strncmp(path, above, len) && (!path[len] || path[len] == '/');
}

static struct node *find(const char *path)
{
    for (unsigned i = 0; i < now.count; i++)
        if (!strcmp(now.list[i].path, path))
            return &now.list[i];
    return NULL;
}

static void set(struct node *node, const char *path, const char *value, size_t len)
{
    if (strlen(path) >= FAKE_PATH || len >= FAKE_VALUE)
        abort();
    strcpy(node->path, path);
    memcpy(node->value, value, len);
    node->value[len] = '\0';
}

static void tell(const char *path)
{
    for (struct xs_handle *h = handles; h < handles + HANDLES; h++)
        for (unsigned i = 0; h->open && i < h->watches_count; i++)
            if (below(path, h->watches[i].path) && h->last < EVENTS) {
                set(&h->events[h->last++], path, h->watches[i].value, strlen(h->watches[i].value));
                eventfd_write(h->ready, 1);
            }
}

static void put(const char *path, const char *value, size_t len)
{
    struct node *node = find(path);
    char above[FAKE_PATH];

    if (!node) {
        snprintf(above, sizeof(above), "%s", path);
        *strrchr(above, '/') = '\0';
        if (*above && !find(above))
            put(above, "", 0);
        if (now.count == NODES)
            abort();
        node = &now.list[now.count++];
    }
    set(node, path, value, len);
    tell(path);
}

static bool drop(const char *path)
{
    bool found = false;

    for (unsigned i = now.count; i-- > 0;)
        if (below(now.list[i].path, path)) {
            now.list[i] = now.list[--now.count];
            found = true;
        }
    if (found)
        tell(path);
    return found;
}

void store_reset(void)
{
    memset(&store, 0, sizeof(store));
    now.count = 0;
}

void store_set(const char *path, const char *value)
{
    if (value)
        put(path, value, strlen(value));
    else
        drop(path);
}

const char *store_get(const char *path)
{
    struct node *node = find(path);

    return node ? node->value : NULL;
}

void store_fire(const char *special)
{
    tell(special);
}

void store_remember(void)
{
    remembered = now;
}

bool store_is_as_remembered(void)
{
    bool same = now.count == remembered.count;

    for (unsigned i = 0; i < remembered.count; i++) {
        const char *value = store_get(remembered.list[i].path);

        same &= value && !strcmp(value, remembered.list[i].value);
    }
    for (unsigned i = 0; !same && i < now.count; i++)
        printf("      now: %s = %s\n", now.list[i].path, now.list[i].value);
    return same;
}

// --- the library ---

struct xs_handle *xs_open(unsigned long flags)
{
    struct xs_handle *h = handles;

    if (refused("open"))
        return NULL;
    while (h->open)
        if (++h == handles + HANDLES)
            abort();
    *h = (struct xs_handle){.open = true, .ready = eventfd(0, EFD_NONBLOCK)};
    store.handles++;
    return h;
}

void xs_close(struct xs_handle *h)
{
    if (!h)
        return;
    close(h->ready);
    h->open = false;
    store.handles--;
}

void xs_daemon_destroy_postfork(struct xs_handle *h)
{
    xs_close(h);
}

int xs_fileno(struct xs_handle *h)
{
    return h->ready;
}

bool xs_watch(struct xs_handle *h, const char *path, const char *token)
{
    if (refused("watch"))
        return false;
    set(&h->watches[h->watches_count++], path, token, strlen(token));
    set(&h->events[h->last++], path, token, strlen(token));
    eventfd_write(h->ready, 1);
    return true;
}

// As of Debian's daemons, which know no depths.
bool xs_watch_depth(struct xs_handle *h, const char *path, const char *token, unsigned depth)
{
    errno = EINVAL;
    return false;
}

char **xs_check_watch(struct xs_handle *h)
{
    eventfd_t ignored;

    if (refused("check_watch")) {
        errno = EINVAL;
        return NULL;
    }
    errno = EAGAIN;
    if (h->first == h->last) {
        h->first = h->last = 0;
        eventfd_read(h->ready, &ignored);
        errno = EAGAIN;
        return NULL;
    }
    struct node *event = &h->events[h->first++];
    char **vector = malloc(2 * sizeof(*vector) + sizeof(*event));

    if (!vector)
        return NULL;
    memcpy(vector + 2, event, sizeof(*event));
    vector[XS_WATCH_PATH] = ((struct node *)(vector + 2))->path;
    vector[XS_WATCH_TOKEN] = ((struct node *)(vector + 2))->value;
    return vector;
}

// The children's names lie behind the pointers, as the library returns them.
char **xs_directory(struct xs_handle *h, xs_transaction_t t, const char *path, unsigned int *num)
{
    char **names, *at;
    size_t len = strlen(path);

    *num = 0;
    if (refused("directory"))
        return NULL;
    errno = ENOENT;
    names = find(path) ? malloc(now.count * (sizeof(*names) + FAKE_PATH)) : NULL;
    if (!names)
        return NULL;
    at = (char *)(names + now.count);
    for (unsigned i = 0; i < now.count; i++) {
        const char *name = now.list[i].path + len + 1;

        if (!below(now.list[i].path, path) || !now.list[i].path[len] || strchr(name, '/'))
            continue;
        names[(*num)++] = strcpy(at, name);
        at += strlen(name) + 1;
    }
    return names;
}

void *xs_read(struct xs_handle *h, xs_transaction_t t, const char *path, unsigned int *len)
{
    struct node *node;

    if (refused("read"))
        return NULL;
    node = find(path);
    errno = node ? 0 : ENOENT;
    if (node && len)
        *len = (unsigned)strlen(node->value);
    return node ? strdup(node->value) : NULL;
}

bool xs_write(struct xs_handle *h, xs_transaction_t t, const char *path, const void *data,
              unsigned int len)
{
    if (refused("write"))
        return false;
    put(path, data, len);
    return true;
}

bool xs_rm(struct xs_handle *h, xs_transaction_t t, const char *path)
{
    char above[FAKE_PATH];

    if (refused("rm"))
        return false;
    snprintf(above, sizeof(above), "%s", path);
    *strrchr(above, '/') = '\0';
    errno = ENOENT;
    return drop(path) || find(above); // as every xenstored has it
}

bool xs_set_permissions(struct xs_handle *h, xs_transaction_t t, const char *path,
                        struct xs_permissions *perms, unsigned int num_perms)
{
    if (refused("set_permissions"))
        return false;
    errno = ENOENT;
    return find(path);
}

// One request of a batch.
struct request {
    enum { BATCH_READ, BATCH_WRITE, BATCH_RM, BATCH_PERMS } kind;
    struct node node;
};

struct xs_batch {
    struct xs_handle *h;
    unsigned count;
    struct request list[BATCH];
};

struct xs_batch *xs_batch_new(struct xs_handle *h, xs_transaction_t t)
{
    struct xs_batch *batch = calloc(1, sizeof(*batch));

    if (batch)
        batch->h = h;
    return batch;
}

void xs_batch_free(struct xs_batch *batch)
{
    free(batch);
}

static void add(struct xs_batch *batch, int kind, const char *path, const char *value)
{
    if (batch->count == BATCH)
        abort();
    batch->list[batch->count].kind = kind;
    set(&batch->list[batch->count++].node, path, value, strlen(value));
}

void xs_batch_read(struct xs_batch *batch, const char *path)
{
    add(batch, BATCH_READ, path, "");
}

void xs_batch_write(struct xs_batch *batch, const char *path, const char *value)
{
    add(batch, BATCH_WRITE, path, value);
}

void xs_batch_rm(struct xs_batch *batch, const char *path)
{
    add(batch, BATCH_RM, path, "");
}

void xs_batch_set_permissions(struct xs_batch *batch, const char *path,
                              const struct xs_permissions *perms, unsigned num)
{
    add(batch, BATCH_PERMS, path, "");
}

static char *ask(struct xs_handle *h, const struct request *request)
{
    const char *path = request->node.path, *value = request->node.value;

    if (request->kind == BATCH_READ)
        return xs_read(h, 0, path, NULL);
    if (request->kind == BATCH_WRITE ? xs_write(h, 0, path, value, (unsigned)strlen(value))
        : request->kind == BATCH_RM  ? xs_rm(h, 0, path)
                                     : xs_set_permissions(h, 0, path, NULL, 0))
        return strdup("OK");
    return NULL;
}

bool xs_batch_run(struct xs_batch *batch, xs_batch_reply *reply, void *arg)
{
    for (unsigned i = 0; i < batch->count; i++) {
        char *answer = ask(batch->h, &batch->list[i]);

        reply(arg, batch->list[i].node.path, answer);
    }
    batch->count = 0;
    return true;
}

xs_transaction_t xs_transaction_start(struct xs_handle *h)
{
    if (refused("transaction_start"))
        return XBT_NULL;
    before = now;
    return 1;
}

// A transaction whose end is refused is not done.
bool xs_transaction_end(struct xs_handle *h, xs_transaction_t t, bool abort)
{
    bool wrong = refused("transaction_end");

    if (!wrong && store.conflicts && !abort) {
        store.conflicts--;
        errno = EAGAIN;
        wrong = true;
    }
    if (wrong || abort)
        now = before;
    return !wrong;
}

bool xs_introduce_domain(struct xs_handle *h, unsigned int domid, unsigned long mfn,
                         unsigned int eventchn)
{
    if (refused("introduce"))
        return false;
    store.introduced |= 1u << domid;
    return true;
}

bool xs_release_domain(struct xs_handle *h, unsigned int domid)
{
    if (refused("release"))
        return false;
    store.introduced &= ~(1u << domid);
    return true;
}

bool xs_resume_domain(struct xs_handle *h, unsigned int domid)
{
    return !refused("resume");
}
