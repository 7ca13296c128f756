// migrate: a domain goes to another machine while it runs (vl/handover.h).
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stream/record.h"
#include "stream/stream.h"
#include "vl/commands.h"
#include "vl/create.h"
#include "vl/domains.h"
#include "vl/handover.h"
#include "vl/peer.h"
#include "vl/save.h"

struct migration {
    domid_t domain;
    char *name;
    struct peer peer;
    uint64_t asked; // to suspend
};

enum outcome { STAYS, MOVED, STUCK, UNKNOWN };

static enum outcome stays(struct migration *m)
{
    return domain_resume(vl_toolstack(), m->domain) ? STUCK : STAYS;
}

static bool rename_away(const struct migration *m)
{
    char *away;
    bool done = asprintf(&away, "%s" DOMAIN_MIGRATEDAWAY, m->name) >= 0;

    if (done) {
        done = !domain_rename(vl_toolstack(), m->domain, away);
        free(away);
    }
    return done;
}

// The other side has leave to run the domain. Until it says what came of that, nobody knows.
static enum outcome hear_report(struct migration *m)
{
    char result = 1;

    stream_interrupted = 0; // it is too late; but a further signal ends the waiting
    if (!handover_hear(m->peer.from, HANDOVER_REPORT, sizeof(HANDOVER_REPORT)) ||
        stream_read(m->peer.from, &result, 1))
        return UNKNOWN;
    if (!result)
        return MOVED;
    // Both copies stand still; ours may go on once theirs is gone.
    if (!handover_hear(m->peer.from, HANDOVER_GO, sizeof(HANDOVER_GO)))
        return UNKNOWN;
    vl_complain("the other side could not start the domain");
    domain_rename(vl_toolstack(), m->domain, m->name);
    return stays(m);
}

static enum outcome send_domain(struct migration *m)
{
    const struct toolstack *t = vl_toolstack();
    int error;

    if (!handover_hear(m->peer.from, HANDOVER_BANNER, sizeof(HANDOVER_BANNER) - 1)) {
        vl_complain("the other side does not answer as 'vl migrate-receive' does");
        return STAYS;
    }
    error = domain_save(t, m->domain, m->peer.to, true, &m->asked);
    if (error == -EOPNOTSUPP)
        vl_complain("domain %u cannot be moved while it runs; 'vl save' and 'vl restore' move it "
                    "standing still",
                    m->domain);
    if (error)
        return STAYS;
    if (!handover_hear(m->peer.from, HANDOVER_READY, sizeof(HANDOVER_READY))) {
        vl_complain("the other side has not taken the domain in");
        return stays(m);
    }
    if (!rename_away(m))
        return stays(m);
    if (!handover_say(m->peer.to, HANDOVER_GO, sizeof(HANDOVER_GO))) {
        domain_rename(t, m->domain, m->name);
        return stays(m); // it cannot have got all of that
    }
    return hear_report(m);
}

static int tell_outcome(const struct migration *m, enum outcome outcome, const char *where)
{
    if (outcome == UNKNOWN)
        return vl_complain("the connection broke while '%s' was to start there ('%s'): look there. "
                           "If it runs there, destroy '%s" DOMAIN_MIGRATEDAWAY
                           "' here, which stands "
                           "still; never let both run",
                           m->name, where, m->name);
    if (outcome == STUCK)
        return vl_complain("domain '%s' is still here, suspended", m->name);
    if (outcome == STAYS)
        return vl_complain("domain '%s' stays here and goes on ('%s')", m->name, where);
    if (vl_verbose)
        fprintf(stderr, "%9.3f ms  from the call to suspend until it ran there\n",
                (double)(domain_now() - m->asked) / 1e6);
    if (domain_destroy(vl_toolstack(), m->domain))
        return vl_complain("domain '%s' runs there, but is not removed here", m->name);
    return VL_OK;
}

struct migrate_options {
    const char *ssh, *config;
    bool no_monitor, paused;
};

#define TCP "tcp:"

static int reach(const struct migrate_options *o, const char *host, struct peer *peer)
{
    char *command;
    int error;

    if (!strncmp(host, TCP, strlen(TCP)))
        return peer_connect(peer, host + strlen(TCP));
    if (!*o->ssh)
        return peer_run(peer, host);
    if (asprintf(&command, "exec %s %s vl%s migrate-receive%s%s", o->ssh, host,
                 vl_verbose ? " -v" : "", o->no_monitor ? " -e" : "", o->paused ? " -p" : "") < 0)
        return -ENOMEM;
    error = peer_run(peer, command);
    free(command);
    return error;
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
    struct migration m = {.domain = vl_guest(argv[optind], "migrated")};
    const char *where = argv[optind + 1];

    m.name = vl_domain_name(m.domain);
    if (o.config && vl_replace_config(m.domain, o.config))
        return vl_complain("domain '%s' stays here", m.name), VL_CONFIG;
    signal(SIGPIPE, SIG_IGN); // a write to a peer that is gone fails instead
    if (reach(&o, where, &m.peer))
        return VL_FAILED;
    vl_heed_signals(true);
    enum outcome outcome = send_domain(&m);
    vl_heed_signals(false);
    int result = tell_outcome(&m, outcome, where), status = peer_close(&m.peer);
    if (status)
        vl_complain("'%s' ended with status %d", where, status);
    free(m.name);
    return result;
}
