// What a successor finds in the state file is what there was: random operations of programs and
// domains, and after each few of them a second store made from the journal, compared in every
// detail.
//
// sources: dom0-tools/store/*.c
#include <CUnit/Basic.h>
#include <unistd.h>

#include "store/state.h"
#include "store/transaction.h"
#include "store/watch.h"
#include "tests/suite.h"
#include "tests/tools/xenstored_client.h"

#define DOMAINS 4
#define DUMP    (4u << 20)

static uint64_t seed = 1;

static unsigned below(unsigned n)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(seed >> 33) % n;
}

// Until the journal is written anew: what a transaction did is then done again on a younger
// snapshot, where some of it may be impossible.
static bool exact = true;

// A text of everything that must survive.
struct dump {
    char *text;
    size_t used;
};

#define ADD(...) \
    dump->used += (size_t)snprintf(dump->text + dump->used, DUMP - dump->used, __VA_ARGS__)

static void dump_node(struct dump *dump, const struct node *node, char *path, size_t length)
{
    struct node **children = tree_children(node, true);
    char perms[256];
    size_t n = perms_print(node->perms, perms);

    for (size_t i = 0; i < n; i++)
        perms[i] = perms[i] ? perms[i] : ',';
    ADD("%s = %.*s %.*s @%lu g%lu c%lu b%lu w%u p%lu\n", path,
        node->value ? (int)node->value->length : 0, node->value ? node->value->bytes : "", (int)n,
        perms, (unsigned long)node->child_bytes, (unsigned long)node->generation,
        (unsigned long)node->children_generation, (unsigned long)node->created, node->writer,
        (unsigned long)node->perms->generation);
    for (uint32_t i = 0; i < node->child_count; i++) {
        sprintf(path + length, "/%s", children[i]->name);
        dump_node(dump, children[i], path, length + 1 + children[i]->name_length);
        path[length] = '\0';
    }
    free(children);
}

static void dump_connection(struct dump *dump, const struct connection *c)
{
    ADD("connection %u ignored %d next %u input %zu start %u sent %zu\n", c->id, c->ignored,
        c->next_transaction, c->input_length, c->queue_start, c->queue_sent);
    for (struct watch *watch = c->watches; watch; watch = watch->next)
        ADD(" watch %s %s %u %d\n", watch->path, watch->token, watch->depth, watch->relative);
    for (unsigned id = 1; id < c->next_transaction; id++) {
        struct transaction *t = transaction_find((struct connection *)c, id);

        if (!t)
            continue;
        ADD(" transaction %u\n", id);
        for (struct change *change = exact ? t->changes : NULL; change; change = change->next)
            ADD("  %u %s %.*s\n", change->kind, change->path,
                change->kind == CHANGE_WRITE ? (int)change->length : 0, (const char *)change->data);
    }
    for (struct packet *packet = c->queue; packet; packet = packet->next)
        ADD(" packet %u %u %u %.*s\n", packet->header.type, packet->header.req_id,
            packet->header.len, (int)packet->header.len, packet->payload);
    for (size_t i = 0; i < c->input_length; i++)
        ADD("%02x", (unsigned char)c->input[i]);
}

// Without what open transactions take: what they looked at is not kept.
static uint64_t memory_of(const struct domain *domain)
{
    uint64_t memory = domain->memory;

    if (domain->connection)
        for (const struct transaction *t = domain->connection->transactions; t; t = t->next)
            memory -= t->memory;
    return memory;
}

static const char *dump_store(struct store *store, struct dump *dump)
{
    char path[4096] = "";

    dump->used = 0;
    if (!dump->text)
        dump->text = malloc(DUMP);
    dump_node(dump, store->root, path, 0);
    for (unsigned i = 0; i < DOMID_FIRST_RESERVED; i++) {
        const struct domain *domain = store->domains[i];

        if (!domain)
            continue;
        ADD("domain %u %d %d since %lu frame %lu port %u target %d nodes %lu memory %lu\n", i,
            domain->introduced, domain->shut_down, (unsigned long)domain->since,
            (unsigned long)domain->frame, domain->port, domain->target,
            (unsigned long)domain->nodes, (unsigned long)memory_of(domain));
        if (domain->connection)
            dump_connection(dump, domain->connection);
    }
    for (unsigned i = 0; i < QUOTA_COUNT; i++)
        ADD("limit %u\n", store->limits[i]);
    return dump->text;
}

static struct dump before, after;

static void check_same(struct store *store)
{
    struct store *second = store_new(NULL);
    int error = state_restore(second, store->journal, NULL, NULL);

    CU_ASSERT_EQUAL_FATAL(error, 0);
    dump_store(store, &before);
    dump_store(second, &after);
    if (strcmp(before.text, after.text)) {
        size_t i = 0, start;

        while (before.text[i] == after.text[i])
            i++;
        for (start = i; start && before.text[start] != '\n';)
            start--;
        fprintf(stderr, "was: %.200s\nis: %.200s\n", before.text + start, after.text + start);
        CU_FAIL_FATAL("the restored store differs");
    }
    CU_ASSERT_EQUAL(store_check(second), 0);
    store_free(second);
}

static void random_path(char *path, unsigned domid)
{
    unsigned depth = 1 + below(3);

    path += sprintf(path, below(3) ? "/local/domain/%u" : "/x", domid);
    while (depth--)
        path += sprintf(path, "/%c", 'a' + below(4));
}

static void random_request(struct connection *c, unsigned domid)
{
    static const uint32_t types[] = {XS_WRITE,
                                     XS_WRITE,
                                     XS_WRITE,
                                     XS_MKDIR,
                                     XS_RM,
                                     XS_SET_PERMS,
                                     XS_READ,
                                     XS_WATCH,
                                     XS_UNWATCH,
                                     XS_RESET_WATCHES,
                                     XS_TRANSACTION_START,
                                     XS_TRANSACTION_END};
    uint32_t type = types[below(12)], tx = 0;
    char text[256], path[128];

    if (type == XS_RESET_WATCHES && below(20))
        type = XS_WRITE;
    random_path(path, domid);
    if (c->transactions && below(2) && type != XS_TRANSACTION_START)
        tx = c->transactions->id;
    if (type == XS_WRITE)
        sprintf(text, "%s|value%u", path, below(1000));
    else if (type == XS_SET_PERMS)
        sprintf(text, "%s|%c%u|%c%u|", path, "nrwb"[below(4)], domid, "nrwb"[below(4)],
                below(DOMAINS));
    else if (type == XS_WATCH || type == XS_UNWATCH)
        sprintf(text, "%s|token%u|", path, below(2));
    else if (type == XS_TRANSACTION_END)
        sprintf(text, "%c|", "TF"[below(2)]);
    else
        sprintf(text, "%s|", path);
    for (char *at = text; *at; at++)
        *at = *at == '|' ? '\0' : *at;
    {
        static char message[512];
        struct xsd_sockmsg header = {type, below(1000), tx, 0};

        header.len = (uint32_t)strlen(text) + 1;
        if (type == XS_WRITE || type == XS_WATCH || type == XS_UNWATCH)
            header.len += (uint32_t)strlen(text + header.len) + (type != XS_WRITE);
        if (type == XS_SET_PERMS) {
            header.len += (uint32_t)strlen(text + header.len) + 1;
            header.len += (uint32_t)strlen(text + header.len) + 1;
        }
        memcpy(message, &header, sizeof(header));
        memcpy(message + sizeof(header), text, header.len);
        connection_input(c, message, sizeof(header) + header.len);
    }
}

static void take_some(struct connection *c)
{
    size_t length;

    while (below(4) &&
           connection_output(c, &length)) // whole packets: what the ring has is not ours to know
        connection_sent(c, length);
    if (c->domain)
        state_domain(c->store, c->domain);
}

static void test_random(void)
{
    struct store *store = store_new(NULL);
    struct connection *c[DOMAINS + 1];
    char text[64];
    size_t first;

    CU_ASSERT_EQUAL_FATAL(state_begin(store, NULL), 0);
    first = store->journal->compacted;
    c[DOMAINS] = store_connect(store);
    for (unsigned i = 1; i < DOMAINS; i++) {
        c[i] = domain(store, i);
        sprintf(text, "/local/domain/%u|", i);
        say(c[DOMAINS], XS_WRITE, 0, text);
        sprintf(text, "/local/domain/%u|n%u|", i, i);
        say(c[DOMAINS], XS_SET_PERMS, 0, text);
    }
    c[0] = domain(store, 0);
    for (int step = 0; step < 20000; step++) {
        unsigned who = below(DOMAINS + 1);

        random_request(c[who], who % DOMAINS);
        take_some(c[below(DOMAINS + 1)]);
        drain(c[DOMAINS]);
        if (below(2000) == 0 && who && who < DOMAINS) {
            store_release(store, store_domain(store, who));
            c[who] = domain(store, who);
        }
        if (below(3000) == 0)
            say(c[DOMAINS], XS_CONTROL, 0, "quota|set|nodes|900|");
        if (below(1000) == 0)
            say(c[DOMAINS], XS_SET_TARGET, 0, "1|2|");
        if (step > 10000 && below(1000) == 0) {
            CU_ASSERT_EQUAL(state_begin(store, NULL), 0); // as when it has grown too long
        }
        state_commit(store);
        exact &= store->journal->compacted == first;
        if (step % 100 == 0)
            check_same(store);
    }
    check_same(store);
    journal_free(store->journal);
    store_free(store);
}

// What was not committed did not happen.
static void test_uncommitted(void)
{
    struct store *store = store_new(NULL), *second = store_new(NULL);
    struct connection *c = store_connect(store);

    CU_ASSERT_EQUAL_FATAL(state_begin(store, NULL), 0);
    say(c, XS_WRITE, 0, "/a|1");
    state_commit(store);
    say(c, XS_WRITE, 0, "/a|2");
    say(c, XS_WRITE, 0, "/b|2");
    CU_ASSERT_EQUAL(state_restore(second, store->journal, NULL, NULL), 0);
    CU_ASSERT_STRING_EQUAL(say(store_connect(second), XS_READ, 0, "/a|"), "1");
    CU_ASSERT_STRING_EQUAL(say(store_connect(second), XS_READ, 0, "/b|"), "!ENOENT");
    journal_free(store->journal);
    store_free(store);
    store_free(second);
}

// A transaction that was open must be repeated, and says what it said before until then.
static void test_open_transaction(void)
{
    struct store *store = store_new(NULL), *second = store_new(NULL);
    struct connection *five;
    char started[16];
    uint32_t t;

    CU_ASSERT_EQUAL_FATAL(state_begin(store, NULL), 0);
    five = domain(store, 5);
    say(store_connect(store), XS_WRITE, 0, "/local/domain/5|");
    say(store_connect(store), XS_SET_PERMS, 0, "/local/domain/5|n5|");
    t = begin(five);
    CU_ASSERT_STRING_EQUAL(say(five, XS_WRITE, t, "a|1"), "OK|");
    state_commit(store);
    CU_ASSERT_EQUAL(state_restore(second, store->journal, NULL, NULL), 0);
    five = store_domain(second, 5)->connection;
    drain(five);
    CU_ASSERT_STRING_EQUAL(say(five, XS_READ, t, "a|"), "1");
    CU_ASSERT_STRING_EQUAL(say(five, XS_READ, 0, "a|"), "!ENOENT");
    CU_ASSERT_STRING_EQUAL(say(five, XS_TRANSACTION_END, t, "T|"), "!EAGAIN");
    sprintf(started, "%u|", t + 1);
    CU_ASSERT_STRING_EQUAL(say(five, XS_TRANSACTION_START, 0, "|"), started);
    journal_free(store->journal);
    store_free(store);
    store_free(second);
}

// A damaged file is refused, whatever is wrong with it; nothing falls.
static void test_damage(void)
{
    struct store *store = store_new(NULL);
    struct connection *five;
    struct journal copy;

    CU_ASSERT_EQUAL_FATAL(state_begin(store, NULL), 0);
    five = domain(store, 5);
    for (int i = 0; i < 300; i++)
        random_request(five, 5);
    state_commit(store);
    copy = *store->journal;
    copy.map = malloc(copy.size);
    for (int i = 0; i < 3000; i++) {
        struct store *second = store_new(NULL);

        memcpy(copy.map, store->journal->map, copy.used);
        for (unsigned n = 1 + below(3); n--;)
            copy.map[72 + below((unsigned)copy.used - 72)] ^= (char)(1 << below(8));
        state_restore(second, &copy, NULL, NULL);
        store_free(second);
    }
    free(copy.map);
    journal_free(store->journal);
    store_free(store);
}

static void test_file(void)
{
    char path[] = "/tmp/vellum-state-XXXXXX";
    int fd = mkstemp(path);
    struct store *store = store_new(NULL), *second = store_new(NULL);
    struct connection *c = store_connect(store);
    struct journal *journal;
    char text[64];

    close(fd);
    CU_ASSERT_PTR_NULL(journal_open(path)); // empty
    CU_ASSERT_EQUAL(errno, EBADMSG);
    CU_ASSERT_PTR_NULL(journal_open("/nonexistent/state"));
    CU_ASSERT_EQUAL(errno, ENOENT);
    CU_ASSERT_EQUAL(state_begin(store, "/nonexistent/state"), -ENOENT);
    CU_ASSERT_EQUAL_FATAL(state_begin(store, path), 0);
    for (int i = 0; i < 200000; i++) { // many times longer than what it says
        sprintf(text, "/n/%d|%d", i % 50, i);
        say(c, XS_WRITE, 0, text);
        state_commit(store);
    }
    CU_ASSERT(store->journal->size <= 4u << 20);
    journal = journal_open(path);
    CU_ASSERT_PTR_NOT_NULL_FATAL(journal);
    CU_ASSERT_EQUAL(state_restore(second, journal, NULL, NULL), 0);
    CU_ASSERT_STRING_EQUAL(say(store_connect(second), XS_READ, 0, "/n/49|"), "199999");
    journal_free(journal);
    journal_free(store->journal);
    store_free(store);
    store_free(second);
    unlink(path);
}

int main(int argc, char **argv)
{
    static CU_TestInfo tests[] = {
        {"random operations", test_random},
        {"uncommitted", test_uncommitted},
        {"an open transaction", test_open_transaction},
        {"damaged", test_damage},
        {"file", test_file},
        CU_TEST_INFO_NULL,
    };
    int failed;

    if (argc > 1)
        seed = strtoull(argv[1], NULL, 0);
    failed = run_suite("xenstored state", tests);
    free(before.text);
    free(after.text);
    return failed;
}
