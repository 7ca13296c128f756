#include "xenstored/live_update.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/alloc.h"
#include "store/log.h"
#include "store/state.h"
#include "xenstored/socket.h"

#define WORDS_MAX 64

struct live_update {
    char *program;
    char *arguments; // NULL: the present ones
    struct event *event;
    struct server *server;
};

void live_update_free(struct server *server)
{
    struct live_update *update = server->update;

    if (!update)
        return;
    if (update->event)
        event_free(update->event);
    free(update->program);
    free(update->arguments);
    free(update);
    server->update = NULL;
}

// Writes everything, sockets too, for the new program.
static int save(struct server *server, const char *path)
{
    struct journal *journal = journal_new(path);
    int error;

    if (!journal)
        return -errno;
    state_snapshot(server->store, journal, sockets_fd);
    journal_commit(journal);
    error = journal->failed ? -ENOSPC : journal_publish(journal);
    journal_free(journal);
    return error;
}

static void collect(struct server *server, char *words[WORDS_MAX + 3], char listening[16])
{
    struct live_update *update = server->update;
    char **old = server->options->words + 1, *save_at = NULL;
    unsigned count = 1;

    words[0] = update->program;
    if (update->arguments) {
        for (char *word = strtok_r(update->arguments, " \t", &save_at); word && count < WORDS_MAX;
             word = strtok_r(NULL, " \t", &save_at))
            words[count++] = word;
    } else {
        for (; *old && count < WORDS_MAX; old++)
            if (!strcmp(*old, LIVE_UPDATE_OPTION) && old[1])
                old++; // from the update before
            else
                words[count++] = *old;
    }
    snprintf(listening, 16, "%d", sockets_listening(server));
    words[count++] = (char *)LIVE_UPDATE_OPTION;
    words[count++] = listening;
    words[count] = NULL;
}

// Comes back only if it did not work.
static void go(evutil_socket_t fd, short what, void *arg)
{
    struct live_update *update = arg;
    struct server *server = update->server;
    char *words[WORDS_MAX + 3], listening[16], *path = NULL;
    int error;

    if (asprintf(&path, "%s" LIVE_UPDATE_SUFFIX, server->options->state) < 0)
        abort();
    error = save(server, path);
    if (!error) {
        log_info("live update: starting %s", update->program);
        collect(server, words, listening);
        sockets_keep(server, true);
        execv(update->program, words);
        error = -errno;
        sockets_keep(server, false);
        unlink(path);
    }
    log_error("live update: cannot start %s: %s; going on as before", update->program,
              strerror(-error));
    free(path);
    live_update_free(server);
}

static const char *set_program(struct server *server, const char *name)
{
    if (access(name, F_OK))
        return "File not accessible.";
    if (access(name, X_OK))
        return "File not executable.";
    if (server->update)
        return "live-update session already active.";
    server->update = allocate(sizeof(*server->update));
    server->update->server = server;
    server->update->program = duplicate(name, strlen(name) + 1);
    return "OK";
}

static const char *set_arguments(struct server *server, const char *arguments)
{
    if (!server->update)
        return "Not in live-update session.";
    free(server->update->arguments);
    server->update->arguments = duplicate(arguments, strlen(arguments) + 1);
    return "OK";
}

// The reply is queued before everything is written, so that the new program sends it.
static const char *start(struct server *server)
{
    struct timeval now = {0, 0};

    if (!server->update)
        return "Not in live-update session.";
    if (!strcmp(server->options->state, "none"))
        return "No state file (--state none).";
    server->update->event = evtimer_new(server->base, go, server->update);
    evtimer_add(server->update->event, &now);
    return "OK";
}

static int valid_start(char **words, unsigned count)
{
    for (unsigned i = 1; i < count; i++)
        if (!strcmp(words[i], "-t") && i + 1 < count)
            i++;
        else if (strcmp(words[i], "-F"))
            return 0;
    return 1;
}

int live_update_control(struct server *server, struct connection *connection,
                        const struct xsd_sockmsg *header, char **words, unsigned count,
                        const char **reason)
{
    if (!strcmp(words[0], "-a") && count == 1) {
        *reason = server->update ? "OK" : "No live-update session active.";
        live_update_free(server);
    } else if (!strcmp(words[0], "-f") && count == 2) {
        *reason = set_program(server, words[1]);
    } else if (!strcmp(words[0], "-c") && count == 2) {
        *reason = set_arguments(server, words[1]);
    } else if (!strcmp(words[0], "-s") && valid_start(words, count)) {
        *reason = start(server);
    } else {
        return -EINVAL;
    }
    return 0;
}
