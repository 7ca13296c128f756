// Permissions of a node, of what is below it, of what is above it.
#include <stdlib.h>
#include <string.h>

#include "xenstore-commands/commands.h"

struct permissions {
    struct xs_permissions list[64];
    unsigned count;
};

static bool parse(struct call *call, struct permissions *perms, char **args, int count)
{
    const int most = sizeof(perms->list) / sizeof(*perms->list);

    if (count > most) {
        fprintf(stderr, "%s: %d permissions: at most %d can be given\n", call->name, count, most);
        return false;
    }
    for (int i = 0; i < count; i++) {
        if (!xs_strings_to_perms(&perms->list[i], 1, args[i])) {
            fprintf(
                stderr,
                "%s: '%s' is no permission: give one of n, r, w, b and a domain's number (r3)\n",
                call->name, args[i]);
            return false;
        }
    }
    perms->count = count;
    return true;
}

static bool set_one(struct call *call, const char *path, struct permissions *perms)
{
    return xs_set_permissions(call->h, call->t, path, perms->list, perms->count) ||
           complain(call, "set the permissions of", path);
}

static bool set_tree(struct call *call, const char *path, struct permissions *perms)
{
    unsigned num;

    if (!set_one(call, path, perms))
        return false;
    char **names = xs_directory(call->h, call->t, path, &num);
    bool good = names || complain(call, "list", path);

    for (unsigned i = 0; good && i < num; i++) {
        char *child = NULL;

        good = asprintf(&child, "%s/%s", strcmp(path, "/") == 0 ? "" : path, names[i]) >= 0 &&
               set_tree(call, child, perms);
        free(child);
    }
    free(names);
    return good;
}

static bool set_parents(struct call *call, const char *path, struct permissions *perms)
{
    char *parent = strdup(path), *slash;
    bool good = parent;

    while (good && (slash = strrchr(parent, '/')) && slash != parent) {
        *slash = '\0';
        good = set_one(call, parent, perms);
    }
    free(parent);
    return good;
}

bool run_chmod(struct call *call, char **args, int count)
{
    struct permissions perms;

    return parse(call, &perms, args + 1, count - 1) &&
           (call->set['r'] ? set_tree : set_one)(call, args[0], &perms) &&
           (!call->set['u'] || set_parents(call, args[0], &perms));
}
