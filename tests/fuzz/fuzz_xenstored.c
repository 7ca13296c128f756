// The store as its clients reach it: a program, two domains with what they own, a byte stream each,
// in pieces of any size; and the state file after it, which must make the same store again.
//
// Input: pieces of a byte that says whose (bits 0-1) and what (bit 7: its queue is emptied), one
// that says how many bytes follow (0: a request whose header is made up from the next four bytes),
// and those bytes.
//
// sources: dom0-tools/store/*.c
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store/state.h"
#include "store/store.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    hash_set_secret(1);
    return 0;
}

static void set_up(struct store *store)
{
    static const struct permission owner[2] = {{5, 0}, {6, 1}};
    struct change change = {.kind = CHANGE_MKDIR, .path = "/local/domain/5"};

    path_parse(&store->commit, change.path, "", 0);
    store_change(store, &change, &store->commit);
    change.kind = CHANGE_PERMS;
    change.data = owner;
    change.length = sizeof(owner);
    store_change(store, &change, &store->commit);
}

static void empty(struct connection *connection)
{
    size_t length;

    while (connection_output(connection, &length))
        connection_sent(connection, length);
}

static void piece(struct connection *connection, const uint8_t *data, size_t length)
{
    if (connection->ignored)
        return;
    if (connection_input(connection, (const char *)data, length) == -EPROTO)
        store_ignore(connection);
}

static void request(struct connection *connection, const uint8_t *data, size_t length)
{
    char message[sizeof(struct xsd_sockmsg) + 256];
    struct xsd_sockmsg header = {data[0] % 25, data[1], data[2] % 4, 0};

    header.len = data[3] < length - 4 ? data[3] : (uint32_t)(length - 4);
    memcpy(message, &header, sizeof(header));
    memcpy(message + sizeof(header), data + 4, header.len);
    piece(connection, (uint8_t *)message, sizeof(header) + header.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct store *store = store_new(NULL), *second = store_new(NULL);
    struct connection *program = store_connect(store);

    if (state_begin(store, NULL))
        abort();
    store_introduce(store, 5, 1, 1);
    store_introduce(store, 6, 1, 1);
    set_up(store);
    while (size > 6) {
        unsigned whose = data[0] & 3, length = data[1] ? data[1] : 4u + data[5];
        struct domain *domain = store_domain(store, 4 + whose);
        struct connection *connection = domain && domain->introduced ? domain->connection : program;

        if (length > size - 2)
            length = (unsigned)size - 2;
        if (data[0] & 0x80)
            empty(connection);
        if (data[1])
            piece(connection, data + 2, length);
        else
            request(connection, data + 2, length);
        data += 2 + length;
        size -= 2 + length;
        state_commit(store);
    }
    if (store_check(store) || state_restore(second, store->journal, NULL, NULL) ||
        store_check(second))
        abort();
    journal_free(store->journal);
    store_free(store);
    store_free(second);
    return 0;
}
