// The tree, node by node, in columns: name and value up to the terminal's width, then permissions.
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "xenstore-commands/commands.h"
#include "xenstore-commands/escape.h"
#include "xenstore/text.h"

#define PERMISSIONS_COLUMN 60
#define MARGIN             8 // columns for what stands around a value that was cut: ` = "\..."`

struct listing {
    struct call *call;
    int width; // columns
    char path[XENSTORE_ABS_PATH_MAX + 1];
};

// Of a terminal, two columns less than it has; of anything else 80, but whole paths are not cut
// there.
static int width_of(const struct call *call)
{
    struct winsize size;

    if (ioctl(fileno(call->out), TIOCGWINSZ, &size) == 0 && size.ws_col > 2)
        return size.ws_col - 2;
    return call->set['f'] ? INT_MAX : 80;
}

// Name and value; returns the columns used, those of a whole path not counted, or -1 if it cut the
// value.
static int show_value(struct listing *list, const char *name, int depth, const char *value,
                      unsigned len)
{
    FILE *out = list->call->out;
    int used = 0;

    if (list->call->set['f'])
        fputs(list->path, out);
    else
        used = fprintf(out, "%*s%.*s", depth, "", list->width - MARGIN - depth, name);
    if (!value) {
        fputc(':', out);
        return used + 1;
    }
    fputs(" = \"", out);
    if (list->width < (long)used + len + MARGIN) {
        escape(out, value, len, list->width - MARGIN - used);
        fputs("\\...\"", out);
        return -1;
    }
    used += 5 + escape(out, value, len, -1);
    fputc('"', out);
    return used;
}

static void fill(struct listing *list, int used)
{
    int column = list->width < PERMISSIONS_COLUMN ? list->width : PERMISSIONS_COLUMN;

    if (used < 0)
        return;
    fputc(' ', list->call->out);
    for (used++; used < column && !list->call->set['f']; used++)
        fputc(used & 1 ? '.' : ' ', list->call->out);
}

static void show_permissions(struct listing *list)
{
    unsigned num = 0;
    struct xs_permissions *perms =
        xs_get_permissions(list->call->h, list->call->t, list->path, &num);
    char text[16];

    if (!perms) {
        complain(list->call, "read the permissions of", list->path);
        return;
    }
    fputs("  (", list->call->out);
    for (unsigned i = 0; i < num; i++) {
        if (xs_perm_to_string(&perms[i], text, sizeof(text)))
            fprintf(list->call->out, "%s%s", i ? "," : "", text);
    }
    fputc(')', list->call->out);
    free(perms);
}

static void show_node(struct listing *list, const char *name, int depth)
{
    unsigned len = 0;
    char *value = xs_read(list->call->h, list->call->t, list->path, &len);
    int used = show_value(list, name, depth, value, len);

    if (list->call->set['p']) {
        if (value)
            fill(list, used);
        show_permissions(list);
    }
    fputc('\n', list->call->out);
    free(value);
}

// All below list->path, which it leaves as it was. A node that is removed meanwhile is left out.
static bool show_children(struct listing *list, int depth)
{
    size_t end = strlen(list->path);
    unsigned num;
    char **names = xs_directory(list->call->h, list->call->t, list->path, &num);
    bool good = true;

    if (!names)
        return (depth && errno == ENOENT) || complain(list->call, "list", list->path);
    for (unsigned i = 0; good && i < num; i++) {
        const char *slash = list->path[end - 1] == '/' ? "" : "/";
        size_t room = sizeof(list->path) - end;

        if ((size_t)snprintf(list->path + end, room, "%s%s", slash, names[i]) >= room)
            continue; // no path can be so long
        show_node(list, names[i], depth);
        good = show_children(list, depth + 1);
        list->path[end] = '\0';
    }
    free(names);
    return good;
}

bool run_ls(struct call *call, char **args, int count)
{
    struct listing list = {.call = call, .width = width_of(call)};
    char root[] = "/", *only_root[] = {root};

    if (!count) {
        args = only_root;
        count = 1;
    }
    for (int i = 0; i < count; i++) {
        errno = ENAMETOOLONG;
        if (!*args[i] || strlen(args[i]) >= sizeof(list.path))
            return complain(call, "list", args[i]);
        strcpy(list.path, args[i]);
        if (!show_children(&list, 0))
            return false;
    }
    return true;
}
