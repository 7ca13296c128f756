// Orders to the daemon. All but live-update are passed on as they are.
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "xenstore-commands/commands.h"

// Sends a command and its arguments; NULL after saying why not.
static char *order(struct call *call, const char *command, char **args, int count)
{
    char data[XENSTORE_PAYLOAD_MAX];
    size_t len = 0;

    for (int i = 0; i < count; i++) {
        size_t need = strlen(args[i]) + 1;

        errno = E2BIG;
        if (need > sizeof(data) - len) {
            complain(call, "send", command);
            return NULL;
        }
        memcpy(data + len, args[i], need);
        len += need;
    }
    char *answer = xs_control_command(call->h, command, data, len);

    if (!answer && errno == EINVAL) {
        fprintf(stderr, "%s: the daemon does not take '%s' so; what it takes:\n", call->name,
                command);
        answer = xs_control_command(call->h, "help", NULL, 0);
        fprintf(stderr, "%s", answer ? answer : "(it does not say)\n");
        free(answer);
        return NULL;
    }
    if (!answer)
        complain(call, "order", command);
    return answer;
}

// Gives a live-update order; true if the answer is OK, *busy if it is BUSY, and says others.
static bool update_step(struct call *call, char **args, int count, bool *busy)
{
    char *answer = order(call, "live-update", args, count);
    bool good = answer && strcmp(answer, "OK") == 0;

    *busy = answer && strcmp(answer, "BUSY") == 0;
    if (answer && !good && !*busy)
        fprintf(stderr, "%s: live-update: %s\n", call->name, answer);
    free(answer);
    return good;
}

// Starts the prepared update; the daemon answers BUSY while a transaction is open, and decides
// itself when its time limit, which it is told each time, is over.
static bool start_update(struct call *call, const char *seconds, bool force)
{
    char *args[] = {"-s", "-t", (char *)seconds, "-F"};
    bool busy = true, good = false;

    while (busy) {
        good = update_step(call, args, force ? 4 : 3, &busy);
        if (busy)
            usleep(100000);
    }
    return good;
}

static bool live_update(struct call *call, char **args, int count)
{
    const char *seconds = "60", *arguments = NULL;
    bool force = false, busy;
    int letter;

    optind = 0; // getopt starts anew, at args[0]
    while ((letter = getopt(count, args, "c:Ft:")) != -1) {
        if (letter == '?')
            return false;
        if (letter == 'c')
            arguments = optarg;
        else if (letter == 't')
            seconds = optarg;
        else
            force = true;
    }
    if (optind != count - 1) {
        fprintf(stderr, "%s: live-update: name the one program to go on with\n", call->name);
        return false;
    }
    return update_step(call, (char *[]){"-f", args[optind]}, 2, &busy) &&
           (!arguments || update_step(call, (char *[]){"-c", (char *)arguments}, 2, &busy)) &&
           start_update(call, seconds, force) && fprintf(call->out, "OK\n") > 0;
}

bool run_control(struct call *call, char **args, int count)
{
    if (strcmp(args[0], "live-update") == 0)
        return live_update(call, args, count);
    char *answer = order(call, args[0], args + 1, count - 1);

    if (!answer)
        return false;
    fprintf(call->out, "%s\n", answer);
    free(answer);
    return true;
}
