#include "consoled/guest_nodes.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NODE_MAX 64

static void node_path(char path[NODE_MAX], const struct guest *guest, const char *node)
{
    snprintf(path, NODE_MAX, "/local/domain/%u/%s", guest->domid, node);
}

static char *read_node(const struct guest *guest, const char *node)
{
    char path[NODE_MAX];

    node_path(path, guest, node);
    return guest->daemon->xs ? xs_read(guest->daemon->xs, XBT_NULL, path, NULL) : NULL;
}

static bool read_number(const struct guest *guest, const char *node, uint64_t most,
                        uint64_t *number)
{
    char *text = read_node(guest, node), *end = NULL;

    errno = 0;
    if (text)
        *number = strtoull(text, &end, 10);
    bool good =
        text && end != text && !*end && isdigit((unsigned char)*text) && !errno && *number <= most;

    free(text);
    return good;
}

// The name becomes part of a file's: it must not lead elsewhere.
static void read_name(struct guest *guest)
{
    char *name = read_node(guest, "name");

    if (name && *name) {
        snprintf(guest->name, sizeof(guest->name), "%s", name);
        for (char *at = guest->name; *at; at++) {
            if (!isgraph((unsigned char)*at) || *at == '/')
                *at = '_';
        }
    }
    free(name);
}

static bool ours(const struct guest *guest)
{
    char *type = read_node(guest, "console/type");
    bool answer = !type || strcmp(type, "xenconsoled") == 0;

    free(type);
    return answer;
}

bool guest_nodes_read(struct guest *guest, uint64_t *ring_ref, uint32_t *port)
{
    uint64_t number = 0;

    if (!read_number(guest, "console/ring-ref", UINT64_MAX, ring_ref) ||
        !read_number(guest, "console/port", UINT32_MAX, &number) || !ours(guest))
        return false;
    *port = number;
    if (!guest->log.path) // later, the log has its name
        read_name(guest);
    return true;
}

static bool link_path(char path[PATH_MAX], const struct guest *guest)
{
    return guest->daemon->settings.link_dir &&
           snprintf(path, PATH_MAX, "%s/%s", guest->daemon->settings.link_dir, guest->name) <
               PATH_MAX;
}

// Only if the domain's nodes are still there: nobody would remove what is written later.
static bool write_tty(struct xs_handle *xs, const struct guest *guest)
{
    const char *name = terminal_name(guest->terminal);
    char path[NODE_MAX], there[NODE_MAX];
    xs_transaction_t t = xs_transaction_start(xs);

    node_path(path, guest, "console/tty");
    node_path(there, guest, "console/ring-ref");
    char *ring_ref = t ? xs_read(xs, t, there, NULL) : NULL;
    bool good = ring_ref && xs_write(xs, t, path, name, strlen(name));
    int error = errno;

    free(ring_ref);
    if (t && !xs_transaction_end(xs, t, !good) && good)
        return false;
    errno = error;
    return good;
}

void guest_nodes_tell(struct guest *guest)
{
    char link[PATH_MAX];
    struct xs_handle *xs = guest->daemon->xs;

    errno = EAGAIN;
    for (unsigned i = 0; xs && i < 10 && !write_tty(xs, guest); i++) {
        if (errno == EAGAIN && i < 9)
            continue;
        note("domain %u (%s): cannot write console/tty into the store: %s", guest->domid,
             guest->name, strerror(errno));
        break;
    }
    if (!link_path(link, guest))
        return;
    unlink(link);
    if (symlink(terminal_name(guest->terminal), link))
        note("domain %u (%s): cannot make the link %s: %s", guest->domid, guest->name, link,
             strerror(errno));
}

void guest_nodes_forget(struct guest *guest)
{
    char link[PATH_MAX], target[64] = "";

    if (link_path(link, guest) && readlink(link, target, sizeof(target) - 1) > 0 &&
        strcmp(target, terminal_name(guest->terminal)) == 0)
        unlink(link);
}

static void watch_words(char path[NODE_MAX], char token[16], const struct guest *guest)
{
    node_path(path, guest, "console");
    snprintf(token, 16, "%u", guest->domid);
}

void guest_nodes_watch(struct guest *guest)
{
    char path[NODE_MAX], token[16];

    watch_words(path, token, guest);
    if (guest->daemon->xs && !xs_watch(guest->daemon->xs, path, token))
        note("domain %u (%s): cannot watch %s: %s", guest->domid, guest->name, path,
             strerror(errno));
}

void guest_nodes_unwatch(struct guest *guest)
{
    char path[NODE_MAX], token[16];

    watch_words(path, token, guest);
    if (guest->daemon->xs)
        xs_unwatch(guest->daemon->xs, path, token);
}
