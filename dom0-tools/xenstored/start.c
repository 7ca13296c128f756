// Starts the daemon, and ends it when it is told to.
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/random.h>

#include "common/ready.h"
#include "store/log.h"
#include "store/state.h"
#include "xenstored/domains.h"
#include "xenstored/launch.h"
#include "xenstored/live_update.h"
#include "xenstored/options.h"
#include "xenstored/privileges.h"
#include "xenstored/restart.h"
#include "xenstored/server.h"
#include "xenstored/socket.h"

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

// Without times that nobody asks for: the clock may cost a system call.
static struct event_base *new_base(void)
{
    struct event_config *config = event_config_new();
    struct event_base *base;

    event_config_set_flag(config, EVENT_BASE_FLAG_NO_CACHE_TIME);
    base = event_base_new_with_config(config);
    event_config_free(config);
    return base;
}

static int start(struct server *server, const uint32_t *limits)
{
    int error = 0;

    if (server->options->domains)
        error = domains_open(server);
    if (!error)
        error = restart_store(server, limits);
    if (!error && server->options->domains)
        error = domains_start(server);
    if (!error)
        error = sockets_open(server);
    if (!error)
        error = privileges_drop();
    return error;
}

// Gives everything back; the state file stays.
static void stop(struct server *server, struct event **signals)
{
    sockets_close(server);
    domains_close(server);
    live_update_free(server);
    if (server->store->journal)
        journal_free(server->store->journal);
    store_free(server->store);
    for (int i = 0; i < 3; i++)
        event_free(signals[i]);
    event_base_free(server->base);
}

int server_main(int argc, char **argv)
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
        ready = launch_into_background();
    else if (options.fork)
        log_to_syslog(); // in the background already
    choose_secret();
    signal(SIGPIPE, SIG_IGN);
    launch_make_folder(options.socket);
    if (launch_lock(options.socket) < 0)
        return 1;
    if (options.trace && trace_file(options.trace))
        log_error("cannot write the trace to '%s': %s", options.trace, strerror(errno));
    privileges_raise_limits();
    server.base = new_base();
    sockets_prepare(&server);
    for (int i = 0; i < 3; i++) {
        signals[i] = evsignal_new(server.base, numbers[i], on_signal, &server);
        evsignal_add(signals[i], NULL);
    }
    if (start(&server, limits))
        return 1;
    launch_write_pid(options.pid_file);
    tell_ready();
    if (ready >= 0)
        launch_detach(ready);
    server_settle(&server);
    event_base_dispatch(server.base);
    stop(&server, signals);
    return 0;
}
