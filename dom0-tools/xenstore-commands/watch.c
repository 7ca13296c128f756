// Changes as they happen.
#include <stdlib.h>

#include "xenstore-commands/commands.h"

bool run_watch(struct call *call, char **args, int count)
{
    for (int i = 0; i < count; i++) {
        if (!xs_watch(call->h, args[i], args[i]))
            return complain(call, "watch", args[i]);
    }
    for (int i = 0; !call->set['n'] || !call->number || i < call->number; i++) {
        unsigned num;
        char **event = xs_read_watch(call->h, &num);

        if (!event) {
            errno = EPIPE; // the connection is lost
            return complain(call, "watch", args[0]);
        }
        fprintf(call->out, "%s\n", event[XS_WATCH_PATH]);
        fflush(call->out);
        free(event);
    }
    return true;
}
