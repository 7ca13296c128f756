// migrate-receive: the other side of migrate, which starts it there, or a waiter at a port.
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "stream/stream.h"
#include "vl/commands.h"
#include "vl/create.h"
#include "vl/domains.h"
#include "vl/handover.h"
#include "vl/peer.h"
#include "vl/save.h"

// From NAME--incoming to NAME. By now the sender's copy has given that up.
static int take_name(domid_t domain)
{
    char *name = vl_domain_name(domain);
    size_t length = strlen(name), suffix = strlen(DOMAIN_INCOMING);

    if (length > suffix)
        name[length - suffix] = 0;
    int error = domain_rename(vl_toolstack(), domain, name);
    free(name);
    return error;
}

static bool report(const struct peer *sender, char result)
{
    return handover_say(sender->to, HANDOVER_REPORT, sizeof(HANDOVER_REPORT)) &&
           handover_say(sender->to, &result, 1);
}

// The sender may let its copy run on as soon as ours is gone, and not before.
static int give_back(const struct peer *sender, domid_t domain)
{
    report(sender, 1);
    if (domain_destroy(vl_toolstack(), domain))
        return vl_complain("domain %u, which does not run, cannot be removed either", domain);
    handover_say(sender->to, HANDOVER_GO, sizeof(HANDOVER_GO));
    return vl_complain("the domain could not be started here; it is removed, and goes on there");
}

static int start(const struct peer *sender, domid_t domain, const struct vl_start *how)
{
    if (take_name(domain))
        return give_back(sender, domain);
    vl_heed_signals(false); // the monitor shall end by them
    if (!how->no_monitor)
        vl_start_monitor(domain);
    if (!how->paused && domain_unpause(vl_toolstack(), domain))
        return give_back(sender, domain);
    if (report(sender, 0))
        return VL_OK;
    return vl_complain("domain %u runs here, but the sender does not answer any more; see that its "
                       "copy ('NAME" DOMAIN_MIGRATEDAWAY "') is destroyed and not resumed",
                       domain);
}

static int receive(const struct peer *sender, const struct vl_start *how)
{
    domid_t domain;

    if (!handover_say(sender->to, HANDOVER_BANNER, sizeof(HANDOVER_BANNER) - 1))
        return vl_complain("the sender is gone");
    if (domain_restore(vl_toolstack(), sender->from, NULL, true, &domain))
        return vl_complain("nothing was received");
    if (handover_say(sender->to, HANDOVER_READY, sizeof(HANDOVER_READY)) &&
        handover_hear(sender->from, HANDOVER_GO, sizeof(HANDOVER_GO)))
        return start(sender, domain, how);
    stream_interrupted = 0; // if it was that, the sender is there, and waits for an answer
    return give_back(sender, domain);
}

int vl_migrate_receive(int argc, char **argv)
{
    struct peer sender = {.from = STDIN_FILENO, .to = STDOUT_FILENO};
    struct vl_start how = {0};
    const char *address = NULL;
    int option;

    while ((option = vl_option(argc, argv, "edpl:", NULL)) != -1) {
        how.no_monitor |= option == 'e';
        how.paused |= option == 'p';
        if (option == 'l')
            address = optarg;
    }
    vl_operands(argc, 0, 0);
    vl_toolstack(); // what cannot be opened is better said before anything is sent
    if (address && peer_accept(&sender, address))
        return VL_FAILED;
    signal(SIGPIPE, SIG_IGN); // a write to a sender that is gone fails instead
    vl_heed_signals(true);
    return receive(&sender, &how);
}
