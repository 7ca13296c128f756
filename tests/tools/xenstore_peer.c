#include "xenstore_peer.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "pv-abi/io/xs_wire.h"

struct step {
    struct step *next;
    struct xsd_sockmsg head;
    char payload[XENSTORE_PAYLOAD_MAX];
    bool closes;
    struct bytes answer;
};

static char folder[64], path[96];
static int listener = -1, connection = -1;
static bool obeying;
static unsigned faults;
static struct step *steps, **last_step = &steps;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_t thread;

void add_message(struct bytes *to, unsigned type, const void *body, size_t len)
{
    struct xsd_sockmsg head = {.type = type, .len = len};

    memcpy(to->data + to->len, &head, sizeof(head));
    if (len)
        memcpy(to->data + to->len + sizeof(head), body, len);
    to->len += sizeof(head) + len;
}

static bool read_all(int fd, void *to, size_t len)
{
    return len == 0 || recv(fd, to, len, MSG_WAITALL) == (ssize_t)len;
}

static bool send_bytes(int fd, const struct bytes *what)
{
    return send(fd, what->data, what->len, MSG_NOSIGNAL) == (ssize_t)what->len;
}

static bool obey(int fd, const struct xsd_sockmsg *head, const char *payload)
{
    struct bytes answer = {0};
    char event[XENSTORE_PAYLOAD_MAX];

    if (head->type == XS_WRITE) {
        int len = snprintf(event, sizeof(event), "%s%ct", payload, 0) + 1;

        add_message(&answer, XS_WATCH_EVENT, event, len);
    }
    if (head->type == XS_READ)
        add_message(&answer, head->type, payload, head->len - 1);
    else
        add_message(&answer, head->type, "OK", 3);
    return send_bytes(fd, &answer);
}

static bool matches(const struct step *step, const struct xsd_sockmsg *head, const char *payload)
{
    if (step->head.type == head->type && step->head.tx_id == head->tx_id &&
        step->head.len == head->len && memcmp(step->payload, payload, head->len) == 0)
        return true;
    printf("peer: want type %u tx %u len %u '%.40s', got type %u tx %u len %u '%.*s'\n",
           step->head.type, step->head.tx_id, step->head.len, step->payload, head->type,
           head->tx_id, head->len, (int)head->len, payload);
    return false;
}

// Answers one request; false ends the connection.
static bool serve_one(int fd, const struct xsd_sockmsg *head, const char *payload)
{
    pthread_mutex_lock(&lock);
    struct step *step = steps;

    if (step && !(steps = step->next))
        last_step = &steps;
    if (!step && !obeying)
        printf("peer: unexpected request of type %u\n", head->type);
    if (!obeying && (!step || !matches(step, head, payload)))
        faults++;
    pthread_mutex_unlock(&lock);
    if (!step)
        return obeying && obey(fd, head, payload);
    bool keep = !step->closes && send_bytes(fd, &step->answer);

    free(step);
    return keep;
}

static void *serve(void *unused)
{
    static char payload[XENSTORE_PAYLOAD_MAX];
    struct xsd_sockmsg head;
    int fd;

    while ((fd = accept(listener, NULL, NULL)) >= 0) {
        pthread_mutex_lock(&lock);
        connection = fd;
        pthread_mutex_unlock(&lock);
        while (read_all(fd, &head, sizeof(head)) && head.len <= sizeof(payload) &&
               read_all(fd, payload, head.len) && serve_one(fd, &head, payload))
            continue;
        pthread_mutex_lock(&lock);
        connection = -1;
        close(fd);
        pthread_mutex_unlock(&lock);
    }
    return NULL;
}

void peer_start(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    strcpy(folder, "/tmp/vellum-peer-XXXXXX");
    if (!mkdtemp(folder))
        abort();
    snprintf(path, sizeof(path), "%s/socket", folder);
    strcpy(address.sun_path, path);
    listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(listener, (struct sockaddr *)&address, sizeof(address)) || listen(listener, 4))
        abort();
    setenv("XENSTORED_PATH", path, 1);
    obeying = false;
    faults = 0;
    pthread_create(&thread, NULL, serve, NULL);
}

void peer_stop(void)
{
    shutdown(listener, SHUT_RDWR);
    peer_hang_up();
    pthread_join(thread, NULL);
    close(listener);
    unlink(path);
    rmdir(folder);
    while (steps) {
        struct step *next = steps->next;

        free(steps);
        steps = next;
    }
    last_step = &steps;
}

const char *peer_path(void)
{
    return path;
}

void peer_expect(unsigned type, unsigned tx, const void *payload, size_t len,
                 const struct bytes *answer)
{
    struct step *step = calloc(1, sizeof(*step));

    step->head = (struct xsd_sockmsg){.type = type, .tx_id = tx, .len = len};
    memcpy(step->payload, payload, len);
    step->closes = !answer;
    if (answer)
        step->answer = *answer;
    pthread_mutex_lock(&lock);
    *last_step = step;
    last_step = &step->next;
    pthread_mutex_unlock(&lock);
}

void peer_reply(unsigned type, unsigned tx, const void *payload, size_t len, unsigned reply_type,
                const void *reply, size_t reply_len)
{
    struct bytes answer = {0};

    add_message(&answer, reply_type, reply, reply_len);
    peer_expect(type, tx, payload, len, &answer);
}

void peer_send(const struct bytes *what)
{
    pthread_mutex_lock(&lock);
    if (connection < 0 || !send_bytes(connection, what))
        faults++;
    pthread_mutex_unlock(&lock);
}

void peer_obey(void)
{
    pthread_mutex_lock(&lock);
    obeying = true;
    pthread_mutex_unlock(&lock);
}

void peer_hang_up(void)
{
    pthread_mutex_lock(&lock);
    if (connection >= 0)
        shutdown(connection, SHUT_RDWR);
    pthread_mutex_unlock(&lock);
}

bool peer_asked(void)
{
    pthread_mutex_lock(&lock);
    bool asked = !steps;

    pthread_mutex_unlock(&lock);
    return asked;
}

bool peer_content(void)
{
    pthread_mutex_lock(&lock);
    bool content = !faults && !steps;

    if (steps)
        printf("peer: a request of type %u did not come\n", steps->head.type);
    pthread_mutex_unlock(&lock);
    return content;
}
