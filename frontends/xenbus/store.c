#include "frontends/xenbus/store.h"

#include "frontends/kernel/guest.h"
#include "frontends/kernel/pages.h"
#include "frontends/xenbus/store_ring.h"
#include "hypervisor/lib/printf.h"

struct pending {
    struct list link;
    uint32_t id, type;
    bool done;
    int result;
    char *reply;
};

static struct list pending_requests = LIST_INIT(pending_requests), watches = LIST_INIT(watches);
static WAIT_QUEUE(answers);
static MUTEX(sending);
static uint32_t next_id, next_token;
static bool ready;

// What the server says

static int error_number(const char *name)
{
#define IS(error)              \
    if (!strcmp(name, #error)) \
        return -XEN_##error;
    XSD_ERROR_LIST(IS)
#undef IS
    return -XEN_EINVAL;
}

static void answer(struct pending *p, const struct xsd_sockmsg *m, const char *payload)
{
    p->done = true;
    if (m->type == XS_ERROR)
        p->result = error_number(payload);
    else if (m->type != p->type)
        p->result = -XEN_EIO;
    else if (!(p->reply = heap_alloc(m->len + 1)))
        p->result = -XEN_ENOMEM;
    else
        p->result = (int)m->len;
    if (p->reply)
        memcpy(p->reply, payload, m->len);
    wake_all(&answers);
}

// The payload is a path and our token, each ended by a 0 (and there is one behind all).
static void fire(const struct xsd_sockmsg *m, const char *payload)
{
    const char *token = payload + strlen(payload) + 1;
    struct store_watch *watch;

    if (token >= payload + m->len)
        return;
    list_for_each (watch, &watches, link) {
        if (strcmp(watch->token, token))
            continue;
        watch->fired++;
        wake_all(&watch->queue);
    }
}

static void receive(const struct xsd_sockmsg *m, const char *payload)
{
    struct pending *p;

    if (m->type == XS_WATCH_EVENT) {
        fire(m, payload);
        return;
    }
    list_for_each (p, &pending_requests, link) {
        if (p->id == m->req_id && !p->done) {
            answer(p, m, payload);
            return;
        }
    }
    // Nobody's, or of one who has lost patience.
}

// Requests

static bool send(const struct xsd_sockmsg *header, const void *payload)
{
    bool sent;

    mutex_lock(&sending);
    sent = store_ring_send(header, sizeof(*header)) && store_ring_send(payload, header->len);
    mutex_unlock(&sending);
    return sent;
}

static int transact(struct pending *p, const struct xsd_sockmsg *header, const void *payload)
{
    uint64_t deadline = clock_after(STORE_PATIENCE);

    if (send(header, payload) && WAIT_FOR(&answers, p->done || store_ring_dead(), deadline) &&
        p->done)
        return p->result;
    return store_ring_dead() ? -XEN_EIO : -XEN_ETIMEDOUT;
}

int store_request(uint32_t type, uint32_t transaction, const void *payload, size_t bytes,
                  char **reply)
{
    struct pending p = {.id = ++next_id, .type = type};
    struct xsd_sockmsg header = {type, p.id, transaction, (uint32_t)bytes};
    int result;

    if (!ready)
        return -XEN_ENODEV;
    if (store_ring_dead())
        return -XEN_EIO;
    if (bytes > XENSTORE_PAYLOAD_MAX)
        return -XEN_E2BIG;
    list_add_tail(&p.link, &pending_requests);
    result = transact(&p, &header, payload);
    list_del(&p.link);
    if (reply && result >= 0)
        *reply = p.reply;
    else
        heap_free(p.reply);
    return result;
}

static int request_path(uint32_t type, uint32_t transaction, const char *path, char **reply)
{
    return store_request(type, transaction, path, strlen(path) + 1, reply);
}

int store_read(uint32_t transaction, const char *path, char *value, size_t size)
{
    char *reply = NULL;
    int length = request_path(XS_READ, transaction, path, &reply);

    if (length >= 0)
        strlcpy(value, reply, size);
    heap_free(reply);
    return length;
}

int store_write(uint32_t transaction, const char *path, const char *value)
{
    size_t head = strlen(path) + 1, tail = strlen(value);
    char *payload = heap_alloc(head + tail);
    int result;

    if (!payload)
        return -XEN_ENOMEM;
    memcpy(payload, path, head);
    memcpy(payload + head, value, tail);
    result = store_request(XS_WRITE, transaction, payload, head + tail, NULL);
    heap_free(payload);
    return result;
}

int store_rm(uint32_t transaction, const char *path)
{
    return request_path(XS_RM, transaction, path, NULL);
}

int store_directory(uint32_t transaction, const char *path, char **names)
{
    return request_path(XS_DIRECTORY, transaction, path, names);
}

// Nodes of a folder

static bool compose(char path[STORE_PATH_MAX], const char *folder, const char *name)
{
    return snprintf(path, STORE_PATH_MAX, "%s/%s", folder, name) < STORE_PATH_MAX;
}

int store_read_at(uint32_t transaction, const char *folder, const char *name, char *value,
                  size_t size)
{
    char path[STORE_PATH_MAX];

    return compose(path, folder, name) ? store_read(transaction, path, value, size) : -XEN_E2BIG;
}

int store_write_at(uint32_t transaction, const char *folder, const char *name, const char *value)
{
    char path[STORE_PATH_MAX];

    return compose(path, folder, name) ? store_write(transaction, path, value) : -XEN_E2BIG;
}

int store_read_number(uint32_t transaction, const char *folder, const char *name, uint64_t *value)
{
    char text[24];
    int length = store_read_at(transaction, folder, name, text, sizeof(text));
    uint64_t number = 0;

    if (length < 0)
        return length;
    for (const char *p = text; *p || p == text; p++) {
        if (*p < '0' || *p > '9' || number > UINT64_MAX / 10 - 1)
            return -XEN_EINVAL;
        number = number * 10 + (uint64_t)(*p - '0');
    }
    *value = number;
    return 0;
}

int store_write_number(uint32_t transaction, const char *folder, const char *name, uint64_t value)
{
    char text[24];

    snprintf(text, sizeof(text), "%lu", value);
    return store_write_at(transaction, folder, name, text);
}

// Transactions

int store_begin(uint32_t *transaction)
{
    char *reply = NULL;
    int length = store_request(XS_TRANSACTION_START, 0, "", 1, &reply);

    *transaction = 0;
    for (const char *p = reply; length > 0 && *p >= '0' && *p <= '9'; p++)
        *transaction = *transaction * 10 + (uint32_t)(*p - '0');
    heap_free(reply);
    if (length < 0)
        return length;
    return *transaction ? 0 : -XEN_EIO;
}

int store_end(uint32_t transaction, bool commit)
{
    return store_request(XS_TRANSACTION_END, transaction, commit ? "T" : "F", 2, NULL);
}

// Watches

static int watch_request(uint32_t type, const struct store_watch *watch)
{
    char payload[sizeof(watch->path) + sizeof(watch->token)];
    size_t head = strlen(watch->path) + 1, tail = strlen(watch->token) + 1;

    memcpy(payload, watch->path, head);
    memcpy(payload + head, watch->token, tail);
    return store_request(type, 0, payload, head + tail, NULL);
}

int store_watch(struct store_watch *watch, const char *path)
{
    int result;

    watch->fired = 0;
    wait_queue_init(&watch->queue);
    if (strlcpy(watch->path, path, sizeof(watch->path)) >= sizeof(watch->path))
        return -XEN_E2BIG;
    snprintf(watch->token, sizeof(watch->token), "%u", ++next_token);
    list_add_tail(&watch->link, &watches); // it may fire before we hear that it is set
    result = watch_request(XS_WATCH, watch);
    if (result < 0)
        list_del(&watch->link);
    return result;
}

void store_unwatch(struct store_watch *watch)
{
    watch_request(XS_UNWATCH, watch);
    list_del(&watch->link);
}

int store_init(void)
{
    int result = store_ring_init(receive);

    ready = result == 0;
    return result;
}
