// migrate, migrate-receive: a domain goes through a program that reaches the other machine, ssh as
// a rule.
//
// The receiver says a line when it is ready to read, and one when the domain has arrived and runs.
// Only then does the sender destroy its own. What the receiver complains of comes by its standard
// error.
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vl/commands.h"
#include "vl/domains.h"
#include "vl/save.h"

#define READY   "vl migrate-receive: ready\n"
#define ARRIVED "vl migrate-receive: the domain runs\n"

struct peer {
    pid_t process;
    int to, from;
};

// Runs `command` by the shell with its standard input and output in pipes.
static bool start_peer(const char *command, struct peer *peer)
{
    int to[2], from[2];

    if (pipe(to) || pipe(from))
        return false;
    peer->process = fork();
    if (peer->process == 0) {
        dup2(to[0], STDIN_FILENO);
        dup2(from[1], STDOUT_FILENO);
        for (int i = 0; i < 2; i++) {
            close(to[i]);
            close(from[i]);
        }
        execl("/bin/sh", "sh", "-c", command, (char *)NULL);
        _exit(127);
    }
    close(to[0]);
    close(from[1]);
    peer->to = to[1];
    peer->from = from[0];
    return peer->process > 0;
}

static bool expect(const struct peer *peer, const char *line)
{
    char got[100];
    size_t length = strlen(line), done = 0;

    while (done < length) {
        ssize_t count = read(peer->from, got + done, length - done);
        if (count <= 0)
            return false;
        done += (size_t)count;
    }
    return !memcmp(got, line, length);
}

static int end_peer(struct peer *peer)
{
    int status = 0;

    if (peer->to >= 0)
        close(peer->to);
    close(peer->from);
    waitpid(peer->process, &status, 0);
    return status;
}

// Returns whether the domain has arrived. If it has not, it runs on here.
static bool send_domain(domid_t domain, struct peer *peer)
{
    const struct toolstack *t = vl_toolstack();

    if (!expect(peer, READY)) {
        vl_complain("the other side does not answer as 'vl migrate-receive' does");
        return false;
    }
    int error = domain_save(t, domain, peer->to, true);
    if (error == -EOPNOTSUPP)
        vl_complain("domain %u cannot be moved while it runs; 'vl save' and 'vl restore' move it "
                    "standing still",
                    domain);
    if (error)
        return false;
    close(peer->to);
    peer->to = -1;
    if (expect(peer, ARRIVED))
        return true;
    vl_complain("the other side has not started the domain; it goes on here");
    domain_resume(t, domain);
    return false;
}

struct migrate_options {
    const char *ssh, *config;
    bool no_monitor, paused;
};

static char *peer_command(const struct migrate_options *o, const char *host)
{
    char *command;

    if (!*o->ssh)
        return strdup(host);
    if (asprintf(&command, "exec %s %s vl migrate-receive%s%s", o->ssh, host,
                 o->no_monitor ? " -e" : "", o->paused ? " -p" : "") < 0)
        return NULL;
    return command;
}

static struct migrate_options read_options(int argc, char **argv)
{
    static const struct option options[] = {
        {"debug", no_argument, NULL, 'd'}, {"help", no_argument, NULL, 'h'}, {0}};
    struct migrate_options o = {.ssh = "ssh"};
    int option;

    while ((option = vl_option(argc, argv, "s:C:epDd", options)) != -1) {
        if (option == 's')
            o.ssh = optarg;
        if (option == 'C')
            o.config = optarg;
        o.no_monitor |= option == 'e';
        o.paused |= option == 'p';
    }
    vl_operands(argc, 2, 2);
    return o;
}

int vl_migrate(int argc, char **argv)
{
    struct migrate_options o = read_options(argc, argv);
    domid_t domain = vl_guest(argv[optind], "migrated");
    struct peer peer;

    if (o.config && vl_replace_config(domain, o.config))
        return vl_complain("domain '%s' stays here", argv[optind]), VL_CONFIG;
    char *command = peer_command(&o, argv[optind + 1]);
    signal(SIGPIPE, SIG_IGN); // a write to a peer that is gone fails instead
    if (!command || !start_peer(command, &peer))
        return vl_fail(-errno, "'%s' cannot be run", command ? command : argv[optind + 1]);
    bool arrived = send_domain(domain, &peer);
    int status = end_peer(&peer);
    if (!arrived)
        vl_complain("domain '%s' stays here ('%s' ended with status %d)", argv[optind], command,
                    WIFEXITED(status) ? WEXITSTATUS(status) : -1);
    else if (domain_destroy(vl_toolstack(), domain))
        arrived = !vl_complain("domain '%s' runs there, but is not removed here", argv[optind]);
    free(command);
    return arrived ? VL_OK : VL_FAILED;
}

static bool tell(const char *line)
{
    return write(STDOUT_FILENO, line, strlen(line)) == (ssize_t)strlen(line);
}

int vl_migrate_receive(int argc, char **argv)
{
    struct vl_start how = {0};
    int option;

    while ((option = vl_option(argc, argv, "edprD", NULL)) != -1) {
        how.no_monitor |= option == 'e';
        how.paused |= option == 'p';
    }
    vl_operands(argc, 0, 0);
    vl_toolstack(); // what cannot be opened is better said before anything is sent
    if (!tell(READY))
        return vl_fail(-errno, "the sender is gone");
    int result = vl_restore_from(STDIN_FILENO, NULL, &how);
    if (!result && !tell(ARRIVED))
        result =
            vl_fail(-errno, "the domain runs here, but the sender is gone and may run it, too");
    return result;
}
