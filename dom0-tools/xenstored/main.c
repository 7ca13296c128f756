// vellum-xenstored: starts the daemon and ends it.
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "store/alloc.h"
#include "store/log.h"
#include "store/state.h"
#include "xenstored/domains.h"
#include "xenstored/live_update.h"
#include "xenstored/options.h"
#include "xenstored/privileges.h"
#include "xenstored/server.h"
#include "xenstored/socket.h"

static bool host_exists(void *arg, uint16_t domid)
{
    return domains_exists(arg, domid);
}

static int host_introduce(void *arg, struct domain *domain)
{
    return domains_introduce(arg, domain);
}

static void host_release(void *arg, struct domain *domain)
{
    domains_release(arg, domain);
}

static void host_slow_down(void *arg, struct domain *domain)
{
    domains_slow_down(arg, domain);
}

static void host_wake(void *arg, struct connection *connection)
{
    if (connection->domain)
        domains_wake(arg, connection);
    else
        sockets_wake(arg, connection);
}

static int host_live_update(void *arg, struct connection *connection,
                            const struct xsd_sockmsg *header, char **words, unsigned count,
                            const char **reason)
{
    return live_update_control(arg, connection, header, words, count, reason);
}

static struct store *new_store(struct server *server, const uint32_t *limits)
{
    struct store_host host = {.wake = host_wake, .live_update = host_live_update, .arg = server};
    struct store *store;

    if (server->options->domains) {
        host.domain_exists = host_exists;
        host.introduce = host_introduce;
        host.release = host_release;
        host.slow_down = host_slow_down;
    }
    store = store_new(&host);
    memcpy(store->limits, limits, sizeof(store->limits));
    return store;
}

// What every store has from the beginning.
static void first_nodes(struct store *store)
{
    struct change change = {.kind = CHANGE_MKDIR, .path = "/tool/xenstored"};

    if (!path_parse(&store->commit, change.path, "", 0))
        store_change(store, &change, &store->commit);
}

// Goes on from a state file: 1; 0 if there is none that is any good.
static int restore(struct server *server, const char *path, bool sockets)
{
    struct journal *journal = journal_open(path);
    int error;

    if (!journal) {
        if (errno != ENOENT)
            log_info("the state in %s is not used: %s", path, strerror(errno));
        return 0;
    }
    error = state_restore(server->store, journal, sockets ? sockets_adopt : NULL, server);
    journal_free(journal);
    if (error)
        log_error("the state in %s cannot be used: %s", path, strerror(-error));
    return !error;
}

static int restore_any(struct server *server)
{
    const char *state = server->options->state;
    char *update = NULL;
    int done;

    if (!strcmp(state, "none"))
        return 0;
    if (server->options->listening < 0)
        return restore(server, state, false);
    if (asprintf(&update, "%s" LIVE_UPDATE_SUFFIX, state) < 0)
        abort();
    done = restore(server, update, true);
    unlink(update);
    free(update);
    return done;
}

static int begin_state(struct server *server)
{
    const char *state = server->options->state;
    int error = strcmp(state, "none") ? state_begin(server->store, state) : 0;

    if (error)
        log_error("cannot write the state to '%s': %s (--state FILE: elsewhere; --state none: a "
                  "restart loses everything)",
                  state, strerror(-error));
    return error;
}

static int fill_store(struct server *server, const uint32_t *limits)
{
    server->store = new_store(server, limits);
    if (!restore_any(server)) {
        struct store *half = server->store;

        while (server->dirty)
            server_unmark(server, server->dirty);
        if (half->next_socket)
            return -EBADMSG; // of a live update: sockets are in it already
        store_free(half);
        server->store = new_store(server, limits);
        first_nodes(server->store);
    }
    return begin_state(server);
}

// One store at a time: a second one would take the socket and the state away from the first. The
// lock goes with the process, and stays through a live update.
static int lock(const char *socket_path)
{
    char *path = NULL;
    int fd;

    if (asprintf(&path, "%s.lock", socket_path) < 0)
        abort();
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB)) {
        log_error(fd >= 0 && errno == EWOULDBLOCK ? "another store is running: '%s' is locked%s"
                                                  : "cannot lock '%s': %s",
                  path, fd >= 0 && errno == EWOULDBLOCK ? "" : strerror(errno));
        free(path);
        return -EBUSY;
    }
    free(path);
    return fd;
}

static void make_folder(const char *file)
{
    char *path = duplicate(file, strlen(file) + 1), *slash = strrchr(path, '/');

    if (slash && slash != path) {
        *slash = '\0';
        mkdir(path, 0755); // what is wrong with it shows when it is used
    }
    free(path);
}

// To whoever started this and waits: systemd's protocol of readiness.
static void tell_ready(void)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd;

    if (!path || !path[0] || strlen(path) >= sizeof(address.sun_path))
        return;
    strcpy(address.sun_path, path);
    if (path[0] == '@')
        address.sun_path[0] = '\0';
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    sendto(fd, "READY=1", 7, MSG_NOSIGNAL, (struct sockaddr *)&address,
           (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path)));
    close(fd);
}

static void write_pid(const char *path)
{
    FILE *file = path ? fopen(path, "we") : NULL;

    if (file) {
        fprintf(file, "%d\n", getpid());
        fclose(file);
    } else if (path) {
        log_error("cannot write the process id to '%s': %s", path, strerror(errno));
    }
}

// The parent waits until the child serves, and ends as it does if it does not.
static int into_background(void)
{
    int ready[2];
    char byte;
    pid_t child;

    if (pipe2(ready, O_CLOEXEC) || (child = fork()) < 0) {
        log_error("cannot fork: %s", strerror(errno));
        exit(1);
    }
    if (child) {
        close(ready[1]);
        _exit(read(ready[0], &byte, 1) == 1 ? 0 : 1);
    }
    close(ready[0]);
    setsid();
    return ready[1];
}

static void detach(int ready)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    log_to_syslog();
    if (null >= 0)
        for (int fd = 0; fd < 3; fd++)
            dup2(null, fd);
    if (write(ready, "r", 1) != 1)
        log_error("nobody waits for this store to be ready");
    close(ready);
}

static void on_signal(evutil_socket_t number, short what, void *arg)
{
    struct server *server = arg;

    if (number == SIGHUP) {
        trace_switch(trace_on); // its file was rotated
        return;
    }
    log_info("ending; the state stays for the next start");
    event_base_loopbreak(server->base);
}

static void choose_secret(void)
{
    uint64_t secret = 0;

    if (getrandom(&secret, sizeof(secret), 0) != sizeof(secret))
        log_error("no random numbers: %s", strerror(errno));
    hash_set_secret(secret);
}

static int start(struct server *server, const uint32_t *limits)
{
    int error = 0;

    if (server->options->domains)
        error = domains_open(server);
    if (!error)
        error = fill_store(server, limits);
    if (!error && server->options->domains)
        error = domains_start(server);
    if (!error)
        error = sockets_open(server);
    if (!error)
        error = privileges_drop();
    return error;
}

int main(int argc, char **argv)
{
    struct options options;
    struct server server = {.options = &options};
    struct event *signals[3];
    const int numbers[3] = {SIGTERM, SIGINT, SIGHUP};
    uint32_t limits[QUOTA_COUNT];
    int ready = -1;

    quota_defaults(limits);
    options_parse(&options, limits, argc, argv);
    if (options.fork && options.listening < 0)
        ready = into_background();
    else if (options.fork)
        log_to_syslog(); // in the background already
    choose_secret();
    signal(SIGPIPE, SIG_IGN);
    make_folder(options.socket);
    if (lock(options.socket) < 0)
        return 1;
    if (options.trace && trace_file(options.trace))
        log_error("cannot write the trace to '%s': %s", options.trace, strerror(errno));
    privileges_raise_limits();
    server.base = event_base_new();
    sockets_prepare(&server);
    for (int i = 0; i < 3; i++) {
        signals[i] = evsignal_new(server.base, numbers[i], on_signal, &server);
        evsignal_add(signals[i], NULL);
    }
    if (start(&server, limits))
        return 1;
    write_pid(options.pid_file);
    tell_ready();
    if (ready >= 0)
        detach(ready);
    server_settle(&server);
    event_base_dispatch(server.base);
    return 0;
}
