// Random operations, in and outside of several transactions at once, against a simple model.
//
// The model keeps whole copies: a list of paths with values, owners' permissions and all. A
// transaction works on a copy of its own. Whether it may end is asked of the model by brute force:
// all that it did is done again on the present copy, and if every reply is the same as it was, the
// transaction could have run just now. The store may refuse more than that (it compares what was
// looked at, not what came of it), but never accept what the model refuses. What it refuses of what
// the model accepts is counted, and must stay rare.
//
// sources: dom0-tools/store/*.c
#include <CUnit/Basic.h>

#include "tests/suite.h"
#include "tests/tools/xenstored_client.h"

#define NODES    400
#define CLIENTS  4
#define OPEN     3 // transactions of a client
#define LOG      24
#define STEPS    60000
#define PATH_MAX 64

struct entry {
    char path[PATH_MAX];
    char value[16];
    char perms[24];
    unsigned created;
};

struct model {
    struct entry entry[NODES];
    unsigned count, clock;
};

struct operation {
    uint32_t type;
    char text[96]; // with '|' for NUL
    char reply[512];
};

struct open_transaction {
    uint32_t id; // 0: none
    struct model copy;
    struct operation log[LOG];
    unsigned count;
};

static struct client {
    struct connection *connection;
    struct open_transaction open[OPEN];
} clients[CLIENTS];

static struct store *store;
static struct model world, trial;
static unsigned commits, refused, needlessly;
static uint64_t seed = 1;

static unsigned below(unsigned n)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(seed >> 33) % n;
}

static struct entry *find(struct model *model, const char *path)
{
    for (unsigned i = 0; i < model->count; i++)
        if (!strcmp(model->entry[i].path, path))
            return &model->entry[i];
    return NULL;
}

static void parent_of(const char *path, char *parent)
{
    strcpy(parent, path);
    *strrchr(parent, '/') = '\0';
    if (!parent[0])
        strcpy(parent, "/");
}

static struct entry *make(struct model *model, const char *path)
{
    struct entry *entry = find(model, path), *above;
    char parent[PATH_MAX];

    if (entry)
        return entry;
    parent_of(path, parent);
    above = make(model, parent);
    entry = &model->entry[model->count++];
    *entry = *above;
    strcpy(entry->path, path);
    entry->value[0] = '\0';
    entry->created = ++model->clock;
    return entry;
}

static int inside(const char *path, const char *parent)
{
    size_t n = strlen(parent);

    return !strncmp(path, parent, n) && (path[n] == '/' || !path[n]);
}

static void removed(struct model *model, const char *path)
{
    unsigned n = 0;

    for (unsigned i = 0; i < model->count; i++)
        if (!inside(model->entry[i].path, path))
            model->entry[n++] = model->entry[i];
    model->count = n;
}

static void list(struct model *model, const char *path, char *reply)
{
    unsigned last = 0;
    char parent[PATH_MAX];

    for (reply[0] = '\0';;) {
        struct entry *next = NULL;

        for (unsigned i = 0; i < model->count; i++) {
            if (!model->entry[i].path[1])
                continue;
            parent_of(model->entry[i].path, parent);
            if (!strcmp(parent, path) && model->entry[i].created > last &&
                (!next || model->entry[i].created < next->created))
                next = &model->entry[i];
        }
        if (!next)
            return;
        last = next->created;
        sprintf(reply + strlen(reply), "%s|", strrchr(next->path, '/') + 1);
    }
}

// What a privileged client is answered.
static void model_do(struct model *model, struct operation *op, char *reply)
{
    char path[PATH_MAX], parent[PATH_MAX];
    const char *rest = strchr(op->text, '|') + 1;
    struct entry *entry;

    memcpy(path, op->text, (size_t)(rest - op->text) - 1);
    path[rest - op->text - 1] = '\0';
    entry = find(model, path);
    strcpy(reply, "OK|");
    if (op->type == XS_WRITE) {
        strcpy(make(model, path)->value, rest);
    } else if (op->type == XS_MKDIR) {
        make(model, path);
    } else if (op->type == XS_RM) {
        parent_of(path, parent);
        if (!entry && !find(model, parent))
            strcpy(reply, "!ENOENT");
        else if (!strcmp(path, "/"))
            strcpy(reply, "!EINVAL");
        else
            removed(model, path);
    } else if (!entry) {
        strcpy(reply, "!ENOENT");
    } else if (op->type == XS_SET_PERMS) {
        strcpy(entry->perms, rest);
    } else if (op->type == XS_GET_PERMS) {
        strcpy(reply, entry->perms);
    } else if (op->type == XS_DIRECTORY) {
        list(model, path, reply);
    } else {
        strcpy(reply, entry->value);
    }
}

static void random_operation(struct operation *op)
{
    static const uint32_t types[] = {XS_WRITE,     XS_WRITE,     XS_WRITE,    XS_MKDIR,
                                     XS_READ,      XS_READ,      XS_READ,     XS_RM,
                                     XS_DIRECTORY, XS_SET_PERMS, XS_GET_PERMS};
    unsigned depth = 1 + below(3);
    char *at = op->text;

    op->type = types[below(sizeof(types) / sizeof(types[0]))];
    for (unsigned i = 0; i < depth; i++)
        at += sprintf(at, "/%c", 'a' + below(i ? 5 : 6));
    at += sprintf(at, "|");
    if (op->type == XS_WRITE)
        sprintf(at, "%u", below(4));
    if (op->type == XS_SET_PERMS)
        sprintf(at, "%c%u|%c7|", "nrwb"[below(4)], below(3), "nrwb"[below(4)]);
}

static void expect(const char *what, const struct operation *op, const char *reply,
                   const char *want)
{
    if (strcmp(reply, want)) {
        fprintf(stderr, "%s: type %u \"%s\": \"%s\", the model says \"%s\"\n", what, op->type,
                op->text, reply, want);
        CU_FAIL("not what the model says");
    }
}

static void one_operation(struct client *client)
{
    struct open_transaction *open = &client->open[below(OPEN + 1) % OPEN];
    struct operation op;
    char want[512];
    bool in = open->id && below(4) && open->count < LOG;

    random_operation(&op);
    snprintf(op.reply, sizeof(op.reply), "%s",
             say(client->connection, op.type, in ? open->id : 0, op.text));
    model_do(in ? &open->copy : &world, &op, want);
    expect(in ? "inside" : "outside", &op, op.reply, want);
    if (in)
        open->log[open->count++] = op;
}

static void finish(struct client *client, struct open_transaction *open)
{
    bool want = below(5), same = true;
    char reply[512];
    const char *got;

    trial = world;
    for (unsigned i = 0; i < open->count; i++) {
        model_do(&trial, &open->log[i], reply);
        same &= !strcmp(reply, open->log[i].reply);
    }
    got = say(client->connection, XS_TRANSACTION_END, open->id, want ? "T|" : "F|");
    open->id = 0;
    if (!want) {
        CU_ASSERT_STRING_EQUAL(got, "OK|");
        return;
    }
    if (!strcmp(got, "OK|")) {
        CU_ASSERT(same);
        world = trial;
        commits++;
    } else {
        CU_ASSERT_STRING_EQUAL(got, "!EAGAIN");
        refused++;
        needlessly += same;
    }
}

static void compare_all(void)
{
    unsigned nodes = 0;

    for (unsigned i = 0; i < world.count; i++) {
        struct operation op = {.type = XS_READ};
        char want[512];

        sprintf(op.text, "%s|", world.entry[i].path);
        expect("value", &op, say(clients[0].connection, XS_READ, 0, op.text), world.entry[i].value);
        expect("permissions", &op, say(clients[0].connection, XS_GET_PERMS, 0, op.text),
               world.entry[i].perms);
        list(&world, world.entry[i].path, want);
        expect("children", &op, say(clients[0].connection, XS_DIRECTORY, 0, op.text), want);
    }
    for (unsigned i = 0; i < DOMID_FIRST_RESERVED; i++)
        nodes += store->domains[i] ? store->domains[i]->nodes : 0;
    CU_ASSERT_EQUAL(nodes, world.count);
    CU_ASSERT_EQUAL(store_check(store), 0);
}

static void test_model(void)
{
    store = store_new(NULL);
    world.count = 1;
    strcpy(world.entry[0].path, "/");
    strcpy(world.entry[0].perms, "n0|");
    for (int i = 0; i < CLIENTS; i++)
        clients[i].connection = store_connect(store);
    for (int step = 0; step < STEPS; step++) {
        struct client *client = &clients[below(CLIENTS)];
        struct open_transaction *open = &client->open[below(OPEN)];
        unsigned what = below(20);

        if (what == 0 && !open->id) {
            open->id = begin(client->connection);
            open->copy = world;
            open->count = 0;
        } else if (what == 1 && open->id) {
            finish(client, open);
        } else {
            one_operation(client);
        }
        if (step % 2000 == 0)
            compare_all();
    }
    compare_all();
    printf("    %u transactions committed, %u refused, of these %u that could have been\n", commits,
           refused, needlessly);
    CU_ASSERT(commits > 200 && refused > 100);
    CU_ASSERT(needlessly * 4 < commits + refused);
    store_free(store);
}

int main(int argc, char **argv)
{
    static CU_TestInfo tests[] = {
        {"random operations in parallel transactions", test_model},
        CU_TEST_INFO_NULL,
    };

    if (argc > 1)
        seed = strtoull(argv[1], NULL, 0);
    return run_suite("xenstored against a model", tests);
}
