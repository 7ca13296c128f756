#include "domain/script.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define SCRIPT_SECONDS 40

void script_find(const char *name, char path[DOMAIN_PATH_MAX])
{
    if (name[0] == '/') {
        snprintf(path, DOMAIN_PATH_MAX, "%s", name);
        return;
    }
    snprintf(path, DOMAIN_PATH_MAX, SCRIPTS "/%s", name);
    if (access(path, F_OK))
        snprintf(path, DOMAIN_PATH_MAX, SCRIPTS_XEN "/%s", name);
}

void script_tell(struct script_words *s, const char *name, const char *value)
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

void script_tell_device(struct script_words *s, const char *kind, const char *folder)
{
    script_tell(s, "PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
    script_tell(s, "XENBUS_TYPE", kind);
    script_tell(s, "XENBUS_BASE_PATH", "backend");
    script_tell(s, "XENBUS_PATH", folder);
}

void script_forget(struct script_words *s)
{
    for (size_t i = 0; i < s->count; i++)
        free(s->words[i]);
    free(s->words);
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

static int failed(const struct toolstack *t, const char *whose, char *const arguments[], int status,
                  const char *folder)
{
    char path[DOMAIN_PATH_MAX + 16];
    char *why = NULL;

    if (folder) {
        snprintf(path, sizeof(path), "%s/hotplug-error", folder);
        why = xs_read(t->store, XBT_NULL, path, NULL);
    }
    if (why)
        fprintf(t->messages, "%s: %s: %s\n", whose, arguments[0], why);
    else
        fprintf(t->messages, "%s: '%s %s' ended with status %d\n", whose, arguments[0],
                arguments[1], WIFEXITED(status) ? WEXITSTATUS(status) : -1);
    free(why);
    return -EIO;
}

int script_run(const struct toolstack *t, const char *whose, char *const arguments[],
               const struct script_words *words, const char *folder)
{
    posix_spawn_file_actions_t actions;
    int error, status = 0, to = fileno(t->messages);
    pid_t pid;

    if (words->failed)
        return domain_fail(t, -ENOMEM, "%s: the script %s", whose, arguments[0]);
    fflush(t->messages);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", 0, 0);
    posix_spawn_file_actions_adddup2(&actions, to < 0 ? 2 : to, 1);
    posix_spawn_file_actions_adddup2(&actions, to < 0 ? 2 : to, 2);
    posix_spawn_file_actions_addclosefrom_np(&actions, 3);
    error = posix_spawn(&pid, arguments[0], &actions, NULL, arguments, words->words);
    posix_spawn_file_actions_destroy(&actions);
    if (!error)
        error = -wait_for(pid, &status);
    if (error)
        return domain_fail(t, -error, "%s: the script %s", whose, arguments[0]);
    if (!WIFEXITED(status) || WEXITSTATUS(status))
        return failed(t, whose, arguments, status, folder);
    return 0;
}
