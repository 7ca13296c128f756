// The keeper: options, the store's events, the list of devices.
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backends/common/keeper.h"
#include "backends/common/worker.h"

#define BACKENDS       "/local/domain/0/backend"
#define FIRST_USER     1400000000u // of the numbers that nobody else uses; one for each domain
#define DRIVERS_FOLDER "/sys/bus/xen-backend/drivers"

static void keeper_note(const struct keeper *keeper, const char *text, int error)
{
    fprintf(stderr, "%s: %s%s%s\n", keeper->kind->program, text, error ? ": " : "",
            error ? strerror(error) : "");
}

// --- devices ---

static struct device *find(struct keeper *keeper, const char *type, domid_t domain, uint32_t number)
{
    for (struct device *d = keeper->devices; d; d = d->next) {
        if (d->domain == domain && d->number == number && !strcmp(d->type, type))
            return d;
    }
    return NULL;
}

// Whether Linux's own driver takes every device of the type: its folder is there.
static bool is_kernels(const struct keeper *keeper, const char *type)
{
    const char *shared = keeper->kind->shared_type;
    char path[BACKEND_PATH_MAX];

    snprintf(path, sizeof(path), DRIVERS_FOLDER "/%s", type);
    return shared && !strcmp(type, shared) && access(path, F_OK) == 0;
}

static void update(struct keeper *keeper, const char *type, domid_t domain, uint32_t number)
{
    struct device *device = find(keeper, type, domain, number);

    if (!device && is_kernels(keeper, type))
        return;
    if (!device) {
        device = device_new(keeper, type, domain, number);
        if (!device) {
            keeper_note(keeper, "no memory for another device", ENOMEM);
            return;
        }
    }
    device_update(device);
}

static bool number_of(const char *text, uint64_t most, uint32_t *number)
{
    char *end;
    unsigned long long value;

    if (*text < '0' || *text > '9')
        return false;
    value = strtoull(text, &end, 10);
    *number = (uint32_t)value;
    return !*end && value <= most;
}

// Looks at every device of a type. Those that have gone are found by their own watches.
static void scan(struct keeper *keeper, const char *type)
{
    char path[BACKEND_PATH_MAX];
    unsigned domains = 0, devices;
    char **domain, **device;
    uint32_t id, number;

    snprintf(path, sizeof(path), BACKENDS "/%s", type);
    domain = xs_directory(keeper->store, XBT_NULL, path, &domains);
    for (unsigned i = 0; i < domains; i++) {
        if (!number_of(domain[i], 0x7fef, &id))
            continue;
        snprintf(path, sizeof(path), BACKENDS "/%s/%u", type, id);
        devices = 0;
        device = xs_directory(keeper->store, XBT_NULL, path, &devices);
        for (unsigned k = 0; k < devices; k++) {
            if (number_of(device[k], UINT32_MAX, &number))
                update(keeper, type, (domid_t)id, number);
        }
        free(device);
    }
    free(domain);
}

// A path at or below BACKENDS/TYPE has changed: TYPE[/DOMAIN[/DEVICE[/...]]].
static void back_changed(struct keeper *keeper, const char *type, const char *path)
{
    char text[BACKEND_PATH_MAX], *save = NULL, *domain, *number;
    uint32_t id, device;
    size_t prefix = strlen(BACKENDS "/") + strlen(type);

    if (strlen(path) < prefix)
        return;
    snprintf(text, sizeof(text), "%s", path + prefix);
    domain = strtok_r(text, "/", &save);
    number = domain ? strtok_r(NULL, "/", &save) : NULL;
    if (number && number_of(domain, 0x7fef, &id) && number_of(number, UINT32_MAX, &device)) {
        update(keeper, type, (domid_t)id, device);
        return;
    }
    for (struct device *d = keeper->devices, *next; d; d = next) {
        next = d->next;
        if (!strcmp(d->type, type))
            device_update(d);
    }
    scan(keeper, type);
}

static void front_changed(struct keeper *keeper, const char *back)
{
    for (struct device *d = keeper->devices; d; d = d->next) {
        if (!strcmp(d->back, back)) {
            device_update(d);
            return;
        }
    }
}

// --- the store ---

static void open_store(struct keeper *keeper);

static void try_again(evutil_socket_t fd, short what, void *of)
{
    open_store(of);
}

static void later(struct keeper *keeper)
{
    static const struct timeval pause = {1, 0};

    evtimer_add(keeper->store_again, &pause);
}

static void close_store(struct keeper *keeper)
{
    if (keeper->store_event)
        event_free(keeper->store_event);
    keeper->store_event = NULL;
    if (keeper->store)
        xs_close(keeper->store);
    keeper->store = NULL;
}

static void on_store(evutil_socket_t fd, short what, void *of)
{
    struct keeper *keeper = of;
    char **event;

    while ((event = xs_check_watch(keeper->store))) {
        char *token = event[XS_WATCH_TOKEN];

        if (*token == 'b')
            back_changed(keeper, token + 1, event[XS_WATCH_PATH]);
        else if (*token == 'f')
            front_changed(keeper, token + 1);
        free(event);
    }
    if (errno != EAGAIN) {
        keeper_note(keeper, "the connection to xenstore is lost, and tried again", 0);
        close_store(keeper);
        later(keeper);
    }
}

static bool watch_types(struct keeper *keeper)
{
    const struct backend_kind *kind = keeper->kind;
    char path[BACKEND_PATH_MAX], token[BACKEND_PATH_MAX];

    for (const char *const *type = kind->types; *type; type++) {
        snprintf(path, sizeof(path), BACKENDS "/%s", *type);
        snprintf(token, sizeof(token), "b%s", *type);
        if (!xs_watch(keeper->store, path, token))
            return false;
    }
    return true;
}

static void open_store(struct keeper *keeper)
{
    keeper->store = xs_open(0);
    if (!keeper->store || !watch_types(keeper)) {
        close_store(keeper);
        later(keeper);
        return;
    }
    keeper->store_event =
        event_new(keeper->base, xs_fileno(keeper->store), EV_READ | EV_PERSIST, on_store, keeper);
    event_add(keeper->store_event, NULL);
    for (struct device *d = keeper->devices; d; d = d->next)
        device_watch(d);
    on_store(-1, EV_READ, keeper);
}

// --- start ---

static void usage(const struct backend_kind *kind, int status)
{
    fprintf(
        status ? stderr : stdout,
        "usage: %s [OPTION]...\n%s"
        "  --state-dir DIR   where connections are noted down, to be taken over after an accident\n"
        "                    (default: /run/vellum/%s)\n"
        "  --first-user N    workers have the rights of user and group N + the domain's number\n"
        "                    (default: %u)\n"
        "  --pid-file FILE   gets this process's number\n"
        "  --help\n",
        kind->program, kind->summary, kind->program, FIRST_USER);
    exit(status);
}

static void read_options(struct keeper *keeper, int argc, char **argv, const char **pid_file)
{
    static const struct option options[] = {{"state-dir", required_argument, NULL, 's'},
                                            {"first-user", required_argument, NULL, 'u'},
                                            {"pid-file", required_argument, NULL, 'p'},
                                            {"help", no_argument, NULL, 'h'},
                                            {0}};
    int letter;

    while ((letter = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        if (letter == 's')
            keeper->folder = optarg;
        else if (letter == 'p')
            *pid_file = optarg;
        else if (letter == 'h')
            usage(keeper->kind, 0);
        else if (letter != 'u' || !number_of(optarg, 4000000000u, &keeper->first_user))
            usage(keeper->kind, 2);
    }
    if (optind < argc || !keeper->first_user)
        usage(keeper->kind, 2);
}

static void make_folder(const char *folder)
{
    char path[BACKEND_PATH_MAX];

    snprintf(path, sizeof(path), "%s", folder);
    for (char *at = path + 1; *at; at++) {
        if (*at == '/') {
            *at = '\0';
            mkdir(path, 0755);
            *at = '/';
        }
    }
    if (mkdir(path, 0700) && errno != EEXIST) {
        fprintf(stderr, "cannot make the folder %s: %s\n", folder, strerror(errno));
        exit(1);
    }
}

static void write_pid(const char *path)
{
    FILE *file = path ? fopen(path, "we") : NULL;

    if (path && (!file || fprintf(file, "%d\n", getpid()) < 0 || fclose(file))) {
        fprintf(stderr, "cannot write %s: %s\n", path, strerror(errno));
        exit(1);
    }
}

static void on_children(evutil_socket_t fd, short what, void *of)
{
    process_reap(of);
}

static void on_end(evutil_socket_t fd, short what, void *of)
{
    event_base_loopbreak(of);
}

static int run(struct keeper *keeper)
{
    struct event *end[2];

    keeper->base = event_base_new();
    keeper->store_again = evtimer_new(keeper->base, try_again, keeper);
    keeper->children = evsignal_new(keeper->base, SIGCHLD, on_children, keeper);
    end[0] = evsignal_new(keeper->base, SIGTERM, on_end, keeper->base);
    end[1] = evsignal_new(keeper->base, SIGINT, on_end, keeper->base);
    if (!keeper->store_again || !keeper->children || !end[0] || !end[1]) {
        keeper_note(keeper, "cannot start", ENOMEM);
        return 1;
    }
    evsignal_add(keeper->children, NULL);
    evsignal_add(end[0], NULL);
    evsignal_add(end[1], NULL);
    open_store(keeper);
    if (!keeper->store)
        keeper_note(keeper, "xenstore is not reached yet, and tried again", errno);
    event_base_dispatch(keeper->base);
    return 0; // the workers notice, and end; whoever is started next takes over from them
}

int backend_main(const struct backend_kind *kind, int argc, char **argv)
{
    struct keeper keeper = {.kind = kind, .first_user = FIRST_USER};
    char folder[BACKEND_PATH_MAX];
    const char *pid_file = NULL;

    if (argc > 1 && !strcmp(argv[1], "--worker"))
        return worker_main(kind);
    snprintf(folder, sizeof(folder), "/run/vellum/%s", kind->program);
    keeper.folder = folder;
    read_options(&keeper, argc, argv, &pid_file);
    signal(SIGPIPE, SIG_IGN);
    make_folder(keeper.folder);
    write_pid(pid_file);
    return run(&keeper);
}
