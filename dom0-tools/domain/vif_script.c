// The scripts of network cards: what they are told, and how they are called.
#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "domain/impl.h"
#include "domain/vifs.h"

#define SCRIPT_SECONDS 40

// What a script is told: words, each NAME=VALUE.
struct surroundings {
    char **words;
    size_t count;
    bool failed;
};

static void tell(struct surroundings *s, const char *name, const char *value)
{
    char **words = realloc(s->words, (s->count + 2) * sizeof(*words)), *word;

    if (words)
        s->words = words;
    if (!words || asprintf(&word, "%s=%s", name, value) < 0) {
        s->failed = true;
        return;
    }
    s->words[s->count++] = word;
    s->words[s->count] = NULL;
}

static void forget(struct surroundings *s)
{
    for (size_t i = 0; i < s->count; i++)
        free(s->words[i]);
    free(s->words);
}

struct script {
    const struct toolstack *t;
    domid_t id;
    uint32_t number;
    const char *back; // the back end's path
};

static char *back_node(const struct script *s, const char *name)
{
    char path[2 * DOMAIN_PATH_MAX];

    snprintf(path, sizeof(path), "%s/%s", s->back, name);
    return xs_read(s->t->store, XBT_NULL, path, NULL);
}

// As libxl calls such scripts, with what they would look up in the store besides.
static void describe_surroundings(const struct script *s, struct surroundings *env)
{
    static const char *const copied[] = {"bridge", "ip", "mac", "mtu", "gatewaydev", "script"};
    char text[DOMAIN_PATH_MAX];
    char *name = back_node(s, "vifname");

    tell(env, "PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
    snprintf(text, sizeof(text), "vif%u.%u", s->id, s->number);
    tell(env, "vif", name && *name ? name : text);
    tell(env, "INTERFACE", name && *name ? name : text);
    free(name);
    for (size_t i = 0; i < sizeof(copied) / sizeof(copied[0]); i++) {
        char *value = back_node(s, copied[i]);

        if (value)
            tell(env, copied[i], value);
        free(value);
    }
    tell(env, "type_if", "vif");
    tell(env, "XENBUS_TYPE", "vif");
    tell(env, "XENBUS_BASE_PATH", "backend");
    tell(env, "XENBUS_PATH", s->back);
}

// -ETIMEDOUT: it was ended.
static int wait_for(pid_t pid, int *status)
{
    const uint64_t until = domain_now() + SCRIPT_SECONDS * 1000000000ull;
    pid_t ended;

    while ((ended = waitpid(pid, status, WNOHANG)) == 0 && domain_now() < until)
        usleep(2000);
    if (ended)
        return ended < 0 ? -errno : 0;
    kill(pid, SIGKILL);
    waitpid(pid, status, 0);
    return -ETIMEDOUT;
}

// What the script says goes where this program's messages go.
static int run(const struct script *s, const char *path, const char *verb,
               const struct surroundings *env)
{
    char *arguments[] = {(char *)path, (char *)verb, (char *)"type_if=vif", NULL};
    posix_spawn_file_actions_t actions;
    int error, status = 0, to = fileno(s->t->messages);
    pid_t pid;

    fflush(s->t->messages);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", 0, 0);
    posix_spawn_file_actions_adddup2(&actions, to < 0 ? 2 : to, 1);
    posix_spawn_file_actions_adddup2(&actions, to < 0 ? 2 : to, 2);
    posix_spawn_file_actions_addclosefrom_np(&actions, 3);
    error = posix_spawn(&pid, path, &actions, NULL, arguments, env->words);
    posix_spawn_file_actions_destroy(&actions);
    if (!error)
        error = -wait_for(pid, &status);
    if (error)
        return domain_fail(s->t, -error, "the script %s", path);
    if (!WIFEXITED(status) || WEXITSTATUS(status)) {
        fprintf(s->t->messages, "network card %u of domain %u: '%s %s' ended with status %d\n",
                s->number, s->id, path, verb, WIFEXITED(status) ? WEXITSTATUS(status) : -1);
        return -EIO;
    }
    return 0;
}

// What was never joined with anything is not to be taken out: its name may be another's.
static bool is_online(const struct script *s)
{
    char *status = back_node(s, "hotplug-status");
    bool is = status && !strcmp(status, "connected");

    free(status);
    return is;
}

static int run_script(const struct script *s, const char *verb)
{
    char *path = back_node(s, "script");
    struct surroundings env = {0};
    int rc = 0;

    if (path && *path && (!strcmp(verb, "online") || is_online(s))) {
        describe_surroundings(s, &env);
        rc = env.failed ? domain_fail(s->t, -ENOMEM, "the script %s", path)
                        : run(s, path, verb, &env);
        forget(&env);
    }
    free(path);
    return rc;
}

static int tell_back_end(const struct script *s)
{
    char path[2 * DOMAIN_PATH_MAX];

    snprintf(path, sizeof(path), "%s/hotplug-status", s->back);
    if (xs_write(s->t->store, XBT_NULL, path, "connected", 9))
        return 0;
    return domain_fail(s->t, -errno, "%s cannot be written", path);
}

int vif_script(const struct toolstack *t, domid_t id, uint32_t number, const char *verb)
{
    struct script script = {t, id, number, NULL};
    struct device_entry *entries;
    int count = device_list(t, id, VIF_KIND, &entries), rc = -ENOENT;

    if (count < 0)
        return domain_fail(t, count, "network cards of domain %u", id);
    for (int i = 0; i < count; i++) {
        if (entries[i].number != number)
            continue;
        script.back = entries[i].back_path;
        rc = run_script(&script, verb);
        if (!rc && !strcmp(verb, "online"))
            rc = tell_back_end(&script);
    }
    device_list_free(entries, count);
    return rc;
}

void vifs_offline(const struct toolstack *t, domid_t id)
{
    struct device_entry *entries;
    int count = device_list(t, id, VIF_KIND, &entries);

    for (int i = 0; i < count; i++) {
        struct script script = {t, id, entries[i].number, entries[i].back_path};

        run_script(&script, "offline");
    }
    if (count >= 0)
        device_list_free(entries, count);
}
