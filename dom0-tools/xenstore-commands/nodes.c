// Commands about single nodes.
#include <stdlib.h>
#include <string.h>

#include "xenstore-commands/commands.h"
#include "xenstore-commands/escape.h"

bool run_read(struct call *call, char **args, int count)
{
    for (int i = 0; i < count; i++) {
        unsigned len;
        char *value = xs_read(call->h, call->t, args[i], &len);

        if (!value)
            return complain(call, "read", args[i]);
        if (call->set['p'])
            fprintf(call->out, "%s: ", args[i]);
        if (call->set['R']) {
            fwrite(value, 1, len, call->out);
        } else {
            escape(call->out, value, len, -1);
            putc('\n', call->out);
        }
        free(value);
    }
    return true;
}

// A transaction may be repeated: the arguments stay as they are.
bool run_write(struct call *call, char **args, int count)
{
    for (int i = 0; i < count; i += 2) {
        char *value = strdup(args[i + 1]);

        if (!value)
            return complain(call, "write", args[i]);
        size_t len = call->set['R'] ? strlen(value) : unescape(value);
        bool written = xs_write(call->h, call->t, args[i], value, len);

        free(value);
        if (!written)
            return complain(call, "write", args[i]);
    }
    return true;
}

bool run_list(struct call *call, char **args, int count)
{
    for (int i = 0; i < count; i++) {
        unsigned num;
        char **names = xs_directory(call->h, call->t, args[i], &num);

        if (!names)
            return complain(call, "list", args[i]);
        for (unsigned j = 0; j < num; j++) {
            if (call->set['p'])
                fprintf(call->out, "%s/", strcmp(args[i], "/") == 0 ? "" : args[i]);
            fprintf(call->out, "%s\n", names[j]);
        }
        free(names);
    }
    return true;
}

bool run_exists(struct call *call, char **args, int count)
{
    for (int i = 0; i < count; i++) {
        char *value = xs_read(call->h, call->t, args[i], NULL);

        free(value);
        if (!value)
            return errno == ENOENT ? false : complain(call, "look for", args[i]);
    }
    return true;
}

// Whether a node has neither value nor children.
static bool empty(struct call *call, const char *path)
{
    unsigned len = 1, num = 1;
    char *value = xs_read(call->h, call->t, path, &len);
    char **names = xs_directory(call->h, call->t, path, &num);
    bool nothing = value && names && !len && !num;

    free(value);
    free(names);
    return nothing;
}

// Removes the parents of a path that are empty, from the lowest up.
static bool remove_empty_parents(struct call *call, const char *path)
{
    char *parent = strdup(path), *slash;
    bool good = parent;

    while (good && (slash = strrchr(parent, '/')) && slash != parent) {
        *slash = '\0';
        if (!empty(call, parent))
            break;
        good = xs_rm(call->h, call->t, parent) || complain(call, "remove", parent);
    }
    free(parent);
    return good;
}

bool run_rm(struct call *call, char **args, int count)
{
    for (int i = 0; i < count; i++) {
        if (!xs_rm(call->h, call->t, args[i]))
            return complain(call, "remove", args[i]);
        if (call->set['t'] && !remove_empty_parents(call, args[i]))
            return false;
    }
    return true;
}
