// console: this terminal on the pseudo-terminal that the console daemon keeps for a guest.
#include "vl/console.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "vl/commands.h"
#include "vl/domains.h"

#define ESCAPE       0x1d // Ctrl-]
#define WAIT_SECONDS 20

static struct termios saved;
static bool raw;

static void restore_terminal(void)
{
    if (raw)
        tcsetattr(STDIN_FILENO, TCSANOW, &saved);
    raw = false;
}

static void raw_terminal(void)
{
    struct termios terminal;

    if (tcgetattr(STDIN_FILENO, &saved))
        return; // not a terminal: a pipe is passed on as it is
    terminal = saved;
    cfmakeraw(&terminal);
    raw = !tcsetattr(STDIN_FILENO, TCSANOW, &terminal);
    atexit(restore_terminal);
}

// The console of the hypervisor's interface, or a serial port of an HVM guest's device model.
enum kind { KIND_ANY, KIND_PV, KIND_SERIAL };

static char *tty_path(domid_t domain, enum kind kind, unsigned number)
{
    char path[60];

    if (kind == KIND_SERIAL)
        snprintf(path, sizeof(path), "serial/%u/tty", number);
    else if (number)
        snprintf(path, sizeof(path), "device/console/%u/tty", number);
    else
        snprintf(path, sizeof(path), "console/tty");
    char *tty = vl_store_read(domain, path);
    if (tty && !*tty) {
        free(tty);
        tty = NULL;
    }
    return tty;
}

static char *find_tty(domid_t domain, enum kind kind, unsigned number, bool wait)
{
    struct xen_domctl_getdomaininfo info;
    char *tty;

    for (int tries = 0;
         !(tty = tty_path(domain, kind, number)) && wait && tries < WAIT_SECONDS * 20; tries++) {
        if (!vl_domain_info(domain, &info))
            break;
        usleep(50000);
    }
    return tty;
}

static bool write_all(int fd, const char *data, size_t length)
{
    while (length) {
        ssize_t count = write(fd, data, length);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0 && errno == EAGAIN) {
            poll(&(struct pollfd){.fd = fd, .events = POLLOUT}, 1, 1000);
            continue;
        }
        if (count < 0)
            return false;
        data += count;
        length -= (size_t)count;
    }
    return true;
}

// What is typed goes to the guest; false once Ctrl-] is among it.
static bool pass_input(int tty, bool *more)
{
    char data[256];
    ssize_t count = read(STDIN_FILENO, data, sizeof(data));

    if (count <= 0) {
        *more = count < 0 && errno == EINTR;
        return true;
    }
    char *escape = raw ? memchr(data, ESCAPE, (size_t)count) : NULL;
    write_all(tty, data, escape ? (size_t)(escape - data) : (size_t)count);
    return !escape;
}

// False at the end: the daemon has closed its side, because the domain is gone.
static bool pass_output(int tty)
{
    char data[4096];
    ssize_t count = read(tty, data, sizeof(data));

    if (count < 0)
        return errno == EINTR || errno == EAGAIN;
    return count > 0 && write_all(STDOUT_FILENO, data, (size_t)count);
}

static bool gone(domid_t domain)
{
    struct xen_domctl_getdomaininfo info;

    return !vl_domain_info(domain, &info) || info.flags & XEN_DOMINF_dying;
}

static void pump(int tty, domid_t domain)
{
    struct pollfd fds[] = {{.fd = tty, .events = POLLIN}, {.fd = STDIN_FILENO, .events = POLLIN}};
    bool more = true;

    for (;;) {
        fds[1].fd = more ? STDIN_FILENO : -1;
        int ready = poll(fds, 2, 1000);
        if (ready < 0 && errno != EINTR)
            return;
        if (ready == 0 && gone(domain))
            return;
        if (ready > 0 && fds[0].revents && !pass_output(tty))
            return;
        if (ready > 0 && fds[1].revents && !pass_input(tty, &more))
            return;
    }
}

// A guest whose kernel need not know of the hypervisor speaks on its serial port, if it has one.
static enum kind kind_of(domid_t domain)
{
    char *tty = tty_path(domain, KIND_SERIAL, 0);
    enum kind kind = tty ? KIND_SERIAL : KIND_PV;

    free(tty);
    return kind;
}

static int open_console(domid_t domain, enum kind wanted, unsigned number, bool wait)
{
    enum kind kind = wanted == KIND_ANY ? kind_of(domain) : wanted;
    char *path = find_tty(domain, kind, number, wait);
    int tty = path ? open(path, O_RDWR | O_NOCTTY | O_CLOEXEC) : -1;

    if (!path && kind == KIND_SERIAL)
        vl_complain("domain %u has no serial port %u with a terminal (serial=\"pty\" in its "
                    "configuration)",
                    domain, number);
    else if (!path)
        vl_complain("domain %u has no console %u in xenstore; is the console daemon "
                    "(vellum-consoled) running?",
                    domain, number);
    else if (tty < 0)
        vl_fail(-errno, "the console of domain %u, %s, cannot be opened", domain, path);
    free(path);
    return tty;
}

int vl_open_console(domid_t domain, unsigned number, bool wait)
{
    return open_console(domain, KIND_ANY, number, wait);
}

void vl_attach_console(domid_t domain, int tty)
{
    if (isatty(STDIN_FILENO))
        fprintf(stderr, "Ctrl-] leaves the console of domain %u.\n", domain);
    raw_terminal();
    pump(tty, domain);
    restore_terminal();
    close(tty);
    if (isatty(STDIN_FILENO))
        fputs("\n", stderr);
}

int vl_console(int argc, char **argv)
{
    enum kind kind = KIND_ANY;
    unsigned number = 0;
    int option;

    while ((option = vl_option(argc, argv, "t:n:e:", NULL)) != -1) {
        if (option == 'n')
            number = (unsigned)vl_number(optarg, "the console", 0, 255);
        if (option == 't' && strcmp(optarg, "pv") && strcmp(optarg, "serial"))
            vl_misused("there are no consoles of type '%s', only pv and serial", optarg);
        if (option == 't')
            kind = *optarg == 'p' ? KIND_PV : KIND_SERIAL;
    }
    vl_operands(argc, 1, 1);
    domid_t domain = vl_domain(argv[optind]);
    if (!domain)
        return vl_complain("domain 0's console is this machine's own");
    vl_store();
    int tty = open_console(domain, kind, number, false);
    if (tty < 0)
        return VL_FAILED;
    vl_attach_console(domain, tty);
    return VL_OK;
}
