// The process that stays with a domain and carries out what its configuration says of its end.
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "domain/impl.h"
#include "domain/userdata.h"
#include "pv-abi/sched.h"

// A guest that does not live this long, so many times in a row, is not started again: it stays as
// it ended, for a look.
#define SHORT_LIFE_S 10
#define SHORT_LIVES  5

struct monitor {
    struct toolstack t; // of its own: the store's connection may have to be made again
    domid_t id;
    uint64_t born; // domain_now()
    unsigned short_lives;
};

static const char *const reason_names[] = {
    [SHUTDOWN_poweroff] = "powered off",
    [SHUTDOWN_reboot] = "reboots",
    [SHUTDOWN_suspend] = "suspended",
    [SHUTDOWN_crash] = "crashed",
    [SHUTDOWN_watchdog] = "hangs: its watchdog ran out",
    [SHUTDOWN_soft_reset] = "asks for a soft reset",
};

static void log_line(const struct monitor *m, const char *text)
{
    time_t now = time(NULL);
    char stamp[32];

    strftime(stamp, sizeof(stamp), "%Y-%m-%d %H:%M:%S", localtime(&now));
    fprintf(m->t.messages, "%s domain %u: %s\n", stamp, m->id, text);
    fflush(m->t.messages);
}

static enum domain_action action_for(const struct domain_config *config, unsigned reason)
{
    switch (reason) {
    case SHUTDOWN_poweroff:
        return config->on_poweroff;
    case SHUTDOWN_reboot:
        return config->on_reboot;
    case SHUTDOWN_watchdog:
        return config->on_watchdog;
    case SHUTDOWN_soft_reset:
        return config->on_soft_reset;
    default:
        return config->on_crash;
    }
}

static int dump(const struct monitor *m, const struct domain_config *config)
{
    char path[DOMAIN_PATH_MAX + 64], stamp[32];
    time_t now = time(NULL);

    strftime(stamp, sizeof(stamp), "%Y-%m%d-%H%M.%S", localtime(&now));
    mkdir(DOMAIN_DUMP_FOLDER, 0700);
    snprintf(path, sizeof(path), DOMAIN_DUMP_FOLDER "/%s-%s.%u.core", stamp, config->name, m->id);
    return domain_dump_core(&m->t, m->id, path, false);
}

// Makes the domain again, under a new number. Returns whether there is one to stay with.
static bool restart(struct monitor *m, const struct domain_config *config)
{
    struct domain_config whole = *config;
    int rc;

    // A guest that was saved when it had given memory back begins with all of it again, unless it
    // is PV.
    if (whole.type != DOMAIN_TYPE_PV)
        whole.memory_kib = whole.max_memory_kib;
    rc = domain_create(&m->t, &whole, &m->id);
    if (!rc) {
        m->born = domain_now();
        rc = domain_unpause(&m->t, m->id);
    }
    log_line(m, rc ? "could not be started again" : "is the new number of the domain");
    return !rc;
}

static bool rename_and_restart(struct monitor *m, const struct domain_config *config)
{
    if (domain_preserve(&m->t, m->id, config)) {
        log_line(m, "could not be renamed");
        return false;
    }
    return restart(m, config);
}

static bool destroy_and_restart(struct monitor *m, const struct domain_config *config)
{
    return !domain_destroy(&m->t, m->id) && restart(m, config);
}

// Whether the guest ends so soon, again and again, that starting it anew would only go on so. Told
// to the system's log too, for nobody watches this one.
static bool brakes(struct monitor *m, const struct domain_config *config, enum domain_action action)
{
    char text[160];

    if (action != ACTION_RESTART && action != ACTION_RENAME_RESTART &&
        action != ACTION_COREDUMP_RESTART)
        return false;
    m->short_lives = domain_now() - m->born < SHORT_LIFE_S * 1000000000ull ? m->short_lives + 1 : 0;
    if (m->short_lives < SHORT_LIVES)
        return false;
    snprintf(text, sizeof(text),
             "has ended %u times within %u s of its start: not started again but left as it is; "
             "'vl destroy' removes it",
             m->short_lives, SHORT_LIFE_S);
    log_line(m, text);
    syslog(LOG_DAEMON | LOG_ERR, "domain %u (%s) %s", m->id, config->name, text);
    return true;
}

// Returns whether there is a domain to stay with.
static bool act(struct monitor *m, const struct domain_config *config, enum domain_action action)
{
    if (brakes(m, config, action))
        return false;
    log_line(m, domain_action_name(action));
    switch (action) {
    case ACTION_COREDUMP_RESTART:
        dump(m, config);
        return destroy_and_restart(m, config);
    case ACTION_RESTART:
        return destroy_and_restart(m, config);
    case ACTION_RENAME_RESTART:
        return rename_and_restart(m, config);
    case ACTION_PRESERVE:
        return false;
    case ACTION_COREDUMP_DESTROY:
        dump(m, config);
        break;
    case ACTION_SOFT_RESET:
        log_line(m, "soft resets are not supported: destroyed");
        break;
    case ACTION_DESTROY:
        break;
    }
    domain_destroy(&m->t, m->id);
    return false;
}

// A suspended domain is another's business: it is being saved, and will be gone or run on.
static void wait_while_suspended(const struct monitor *m)
{
    const struct timespec second = {.tv_sec = 1};
    struct xen_domctl_getdomaininfo info;

    while (!domain_info(&m->t, m->id, &info) && info.flags & XEN_DOMINF_shutdown &&
           (info.flags >> XEN_DOMINF_shutdownshift & XEN_DOMINF_shutdownmask) == SHUTDOWN_suspend)
        nanosleep(&second, NULL);
}

static bool ended(struct monitor *m, unsigned reason)
{
    struct domain_config *config;
    bool stay;

    if (reason == SHUTDOWN_suspend) {
        wait_while_suspended(m);
        return true;
    }
    log_line(m, reason <= SHUTDOWN_MAX ? reason_names[reason] : "ended for an unknown reason");
    if (userdata_load(&m->t, m->id, &config)) {
        log_line(m, "nothing is known of what to do then: left as it is");
        return false;
    }
    stay = act(m, config, action_for(config, reason));
    domain_config_free(config);
    return stay;
}

// The store's daemon may be started again at any time.
static void reconnect(struct monitor *m)
{
    const struct timespec second = {.tv_sec = 1};

    log_line(m, "xenstore is lost; trying again");
    xs_close(m->t.store);
    do {
        nanosleep(&second, NULL);
        m->t.store = xs_open(0);
    } while (!m->t.store);
}

int domain_monitor(const struct toolstack *t, domid_t id)
{
    struct monitor m = {.t = *t, .id = id, .born = domain_now()};

    for (;;) {
        int rc = domain_wait(&m.t, m.id, 0);

        if (rc == -ESRCH)
            break;
        if (rc < 0)
            reconnect(&m);
        else if (!ended(&m, (unsigned)rc))
            break;
    }
    log_line(&m, "no longer monitored");
    return 0;
}

// In the new process: nothing of the old one's is shared but its code. What it has open is closed,
// all but *ready: a saved domain's file would otherwise stay on the disk for as long as this runs.
static int take_over(const struct toolstack *old, struct toolstack *t, const char *log, int *ready)
{
    int null, out, rc;

    xs_daemon_destroy_postfork(old->store);
    *ready = dup2(*ready, STDERR_FILENO + 1);
    close_range((unsigned)*ready + 1, ~0u, 0);
    null = open("/dev/null", O_RDWR);
    out = open(log, O_WRONLY | O_CREAT | O_APPEND, 0644);
    if (null < 0 || out < 0)
        return -errno;
    setsid();
    if (chdir("/"))
        return -errno;
    *t = (struct toolstack){.verbose = old->verbose, .messages = fdopen(out, "a")};
    dup2(null, STDIN_FILENO);
    dup2(out, STDOUT_FILENO);
    dup2(out, STDERR_FILENO);
    rc = control_open(&t->control);
    t->store = xs_open(0);
    if (!rc && (!t->store || !t->messages))
        rc = -errno;
    return rc;
}

static void run_monitor(const struct toolstack *old, domid_t id, const char *log, int ready)
{
    struct toolstack t;
    int rc = take_over(old, &t, log, &ready);

    if (write(ready, &rc, sizeof(rc)) != sizeof(rc) || rc)
        _exit(1);
    close(ready);
    _exit(domain_monitor(&t, id) ? 1 : 0);
}

int domain_monitor_start(const struct toolstack *t, domid_t id)
{
    char log[DOMAIN_PATH_MAX];
    char *name = domain_read(t, id, "name");
    int ready[2], rc = 0;
    pid_t child;

    mkdir(DOMAIN_LOG_FOLDER, 0755);
    snprintf(log, sizeof(log), DOMAIN_LOG_FOLDER "/vl-%s.log", name ? name : "unnamed");
    free(name);
    fflush(NULL);
    if (pipe2(ready, O_CLOEXEC))
        return domain_fail(t, -errno, "no monitor for domain %u", id);
    child = fork();
    if (!child) {
        close(ready[0]);
        run_monitor(t, id, log, ready[1]);
    }
    if (child < 0)
        rc = -errno;
    close(ready[1]);
    if (!rc && read(ready[0], &rc, sizeof(rc)) != sizeof(rc))
        rc = -ECHILD;
    close(ready[0]);
    return rc ? domain_fail(t, rc, "no monitor for domain %u (%s)", id, log) : 0;
}
