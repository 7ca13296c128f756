// vellum-consoled: the consoles of all guests.
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/ready.h"
#include "consoled/domains.h"
#include "consoled/guest.h"
#include "control/evtchn.h"
#include "control/grant.h"

#define PORTS_AT_ONCE 64 // events handled before others have their turn

static const char usage_text[] =
    "usage: vellum-consoled [OPTION]...\n"
    "Brings every guest's console to a pty and to a log file. Stays in the foreground.\n"
    "  --log-dir DIR     where guest-NAME.log goes (default: /var/log/xen/console)\n"
    "  --no-log          no log files\n"
    "  --log-size KB     of one log file, at least 4 (default: 1024)\n"
    "  --log-keep COUNT  old log files of each guest (default: 4)\n"
    "  --link-dir DIR    where links to the ptys go, by name (default: /run/vellum/console)\n"
    "  --backlog KB      what a pty's reader may lag behind, at least 4 (default: 64)\n"
    "  --pid-file FILE   gets this process's number\n"
    "  --help\n"
    "SIGHUP opens the log files anew.\n";

void note(const char *format, ...)
{
    va_list list;

    va_start(list, format);
    fprintf(stderr, "vellum-consoled: ");
    vfprintf(stderr, format, list);
    fputc('\n', stderr);
    va_end(list);
}

// --- options ---

static unsigned number_of(const char *option, unsigned least, unsigned most)
{
    char *end;
    unsigned long number = strtoul(optarg, &end, 10);

    if (end == optarg || *end || *optarg == '-' || number < least || number > most)
        errx(2, "--%s: '%s' is no number from %u to %u", option, optarg, least, most);
    return number;
}

static void read_options(int argc, char **argv, struct settings *settings, const char **pid_file)
{
    static const struct option options[] = {{"log-dir", required_argument, NULL, 'l'},
                                            {"no-log", no_argument, NULL, 'n'},
                                            {"log-size", required_argument, NULL, 's'},
                                            {"log-keep", required_argument, NULL, 'k'},
                                            {"link-dir", required_argument, NULL, 'd'},
                                            {"backlog", required_argument, NULL, 'b'},
                                            {"pid-file", required_argument, NULL, 'p'},
                                            {"help", no_argument, NULL, 'h'},
                                            {0}};
    int letter;

    while ((letter = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        switch (letter) {
        case 'l':
            settings->log_dir = optarg;
            break;
        case 'n':
            settings->log_dir = NULL;
            break;
        case 's':
            settings->log.size = (off_t)number_of("log-size", 4, 1 << 30) << 10;
            break;
        case 'k':
            settings->log.keep = number_of("log-keep", 0, 1000);
            break;
        case 'd':
            settings->link_dir = optarg;
            break;
        case 'b':
            settings->backlog = (size_t)number_of("backlog", 4, 1 << 20) << 10;
            break;
        case 'p':
            *pid_file = optarg;
            break;
        default:
            fputs(usage_text, letter == 'h' ? stdout : stderr);
            exit(letter == 'h' ? 0 : 2);
        }
    }
    if (optind < argc)
        errx(2, "'%s': options only (--help)", argv[optind]);
}

// A folder and those above it.
static void make_folder(const char *folder)
{
    char path[PATH_MAX];

    if (!folder)
        return;
    if (snprintf(path, sizeof(path), "%s", folder) >= (int)sizeof(path))
        errx(1, "%.40s...: the name is too long", folder);
    for (char *at = path + 1; *at; at++) {
        if (*at == '/') {
            *at = '\0';
            mkdir(path, 0755);
            *at = '/';
        }
    }
    if (mkdir(path, 0755) && errno != EEXIST)
        err(1, "cannot make the folder %s", path);
}

static void write_pid(const char *path)
{
    FILE *file = path ? fopen(path, "we") : NULL;

    if (path && (!file || fprintf(file, "%d\n", getpid()) < 0 || fclose(file)))
        err(1, "cannot write %s", path);
}

// Each guest has two ends of a pty and a log file open.
static void raise_limits(void)
{
    struct rlimit files;

    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
}

// --- events ---

static void on_ports(evutil_socket_t fd, short what, void *of)
{
    struct consoled *daemon = of;

    for (unsigned i = 0; i < PORTS_AT_ONCE; i++) {
        int port = evtchn_pending(daemon->evtchn);

        if (port < 0)
            break;
        struct guest *guest = (unsigned)port < daemon->ports ? daemon->by_port[port] : NULL;

        if (guest)
            guest_event(guest);
        else
            evtchn_unmask(daemon->evtchn, port);
    }
}

static void on_end(evutil_socket_t fd, short what, void *of)
{
    event_base_loopbreak(of);
}

static void on_hangup(evutil_socket_t fd, short what, void *of)
{
    struct consoled *daemon = of;

    for (unsigned i = 0; i < daemon->domains; i++) {
        if (daemon->guests[i])
            log_file_reopen(&daemon->guests[i]->log);
    }
}

static void open_hypervisor(struct consoled *daemon)
{
    int error = control_open(&daemon->control);

    if (error)
        errx(1,
             "cannot reach the hypervisor through /dev/xen/privcmd: %s (is this domain 0, are the "
             "modules "
             "xen-privcmd and xen-evtchn loaded?)",
             strerror(-error));
    daemon->evtchn = evtchn_open();
    if (daemon->evtchn < 0)
        errx(1, "cannot open /dev/xen/evtchn: %s (is the module xen-evtchn loaded?)",
             strerror(-daemon->evtchn));
    daemon->grants = grant_open();
    if (daemon->grants < 0)
        note("cannot open /dev/xen/gntdev: %s; consoles are mapped by their frames",
             strerror(-daemon->grants));
}

int main(int argc, char **argv)
{
    static struct consoled daemon = {.settings = {.log_dir = "/var/log/xen/console",
                                                  .link_dir = "/run/vellum/console",
                                                  .log = {1 << 20, 4},
                                                  .backlog = 64 << 10}};
    const char *pid_file = NULL;

    read_options(argc, argv, &daemon.settings, &pid_file);
    open_hypervisor(&daemon);
    raise_limits();
    make_folder(daemon.settings.log_dir);
    make_folder(daemon.settings.link_dir);
    signal(SIGPIPE, SIG_IGN);
    daemon.base = event_base_new();
    if (!daemon.base)
        errx(1, "no memory");
    event_add(event_new(daemon.base, daemon.evtchn, EV_READ | EV_PERSIST, on_ports, &daemon), NULL);
    event_add(evsignal_new(daemon.base, SIGTERM, on_end, daemon.base), NULL);
    event_add(evsignal_new(daemon.base, SIGINT, on_end, daemon.base), NULL);
    event_add(evsignal_new(daemon.base, SIGHUP, on_hangup, &daemon), NULL);
    domains_open(&daemon);
    write_pid(pid_file);
    tell_ready();
    event_base_dispatch(daemon.base);
    for (unsigned i = 0; i < daemon.domains; i++) {
        if (daemon.guests[i])
            guest_free(daemon.guests[i]); // what the rings hold goes to the logs
    }
    domains_close(&daemon);
    return 0;
}
