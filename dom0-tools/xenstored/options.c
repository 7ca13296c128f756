#include "xenstored/options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/quota.h"

static const char usage[] =
    "Usage: vellum-xenstored [OPTION]...\n"
    "Keeps the store in which domains and their tools find each other.\n\n"
    "  -N, --no-fork             stay in the foreground, messages to standard error\n"
    "  -F, --pid-file FILE       write the process id there\n"
    "  -s, --socket PATH         where programs connect (default /run/xenstored/socket)\n"
    "      --state FILE          what a restart goes on from (default /run/xenstored/state);\n"
    "                            none: nothing is kept\n"
    "  -T, --trace-file FILE     write every message there\n"
    "  -Q, --quota NAME=NUMBER   limit of one domain; names and values: CONTROL quota\n"
    "  -q, --quota-soft NAME=NUMBER\n"
    "                            the same for limits that are only logged\n"
    "  -E, -S, -W, -t, -A NUMBER the quotas nodes, node-size, watches, transactions, permissions\n"
    "      --no-domains          serve programs alone, without a hypervisor\n"
    "  -H, --help                this text\n"
    "      --version             which Vellum this is of\n";

enum { OPTION_STATE = 256, OPTION_NO_DOMAINS, OPTION_LIVE_UPDATE, OPTION_VERSION };

static const struct option known[] = {
    {"no-fork", no_argument, NULL, 'N'},
    {"pid-file", required_argument, NULL, 'F'},
    {"socket", required_argument, NULL, 's'},
    {"state", required_argument, NULL, OPTION_STATE},
    {"trace-file", required_argument, NULL, 'T'},
    {"quota", required_argument, NULL, 'Q'},
    {"quota-soft", required_argument, NULL, 'q'},
    {"entry-nb", required_argument, NULL, 'E'},
    {"entry-size", required_argument, NULL, 'S'},
    {"watch-nb", required_argument, NULL, 'W'},
    {"transaction", required_argument, NULL, 't'},
    {"perm-nb", required_argument, NULL, 'A'},
    {"no-domains", no_argument, NULL, OPTION_NO_DOMAINS},
    {"live-update", required_argument, NULL, OPTION_LIVE_UPDATE},
    {"help", no_argument, NULL, 'H'},
    {"version", no_argument, NULL, OPTION_VERSION},
    {NULL, 0, NULL, 0},
};

__attribute__((noreturn)) static void wrong(const char *what, const char *value, const char *hint)
{
    fprintf(stderr, "vellum-xenstored: %s '%s': %s\n", what, value, hint);
    exit(2);
}

static void set(uint32_t *limits, enum quota quota, const char *value)
{
    char *end;
    unsigned long number = strtoul(value, &end, 10);

    if (!value[0] || *end || number > INT32_MAX)
        wrong("quota value", value, "a number is wanted, 0 for no limit");
    limits[quota] = (uint32_t)number;
}

static void set_by_name(uint32_t *limits, const char *text, bool soft)
{
    char name[64];
    const char *equals = strchr(text, '=');
    enum quota quota;

    if (!equals || (size_t)(equals - text) >= sizeof(name))
        wrong("quota", text, "NAME=NUMBER is wanted");
    memcpy(name, text, (size_t)(equals - text));
    name[equals - text] = '\0';
    quota = quota_by_name(name, soft);
    if (quota == QUOTA_COUNT)
        wrong("quota", name, "no such quota; `xenstore-control quota` lists them");
    set(limits, quota, equals + 1);
}

static void apply(struct options *options, uint32_t *limits, int option)
{
    switch (option) {
    case 'N':
        options->fork = false;
        break;
    case 'F':
        options->pid_file = optarg;
        break;
    case 's':
        options->socket = optarg;
        break;
    case 'T':
        options->trace = optarg;
        break;
    case OPTION_STATE:
        options->state = optarg;
        break;
    case OPTION_NO_DOMAINS:
        options->domains = false;
        break;
    case OPTION_LIVE_UPDATE:
        options->listening = atoi(optarg);
        break;
    case 'Q':
    case 'q':
        set_by_name(limits, optarg, option == 'q');
        break;
    case 'E':
        set(limits, QUOTA_NODES, optarg);
        break;
    case 'S':
        set(limits, QUOTA_NODE_SIZE, optarg);
        break;
    case 'W':
        set(limits, QUOTA_WATCHES, optarg);
        break;
    case 't':
        set(limits, QUOTA_TRANSACTIONS, optarg);
        break;
    case 'A':
        set(limits, QUOTA_PERMISSIONS, optarg);
        break;
    case 'H':
        fputs(usage, stdout);
        exit(0);
    case OPTION_VERSION:
        puts("vellum-xenstored of Vellum, speaks the xenstore protocol of Xen 4.17");
        exit(0);
    default:
        fputs("Try 'vellum-xenstored --help'.\n", stderr);
        exit(2);
    }
}

void options_parse(struct options *options, uint32_t *limits, int argc, char **argv)
{
    int option;

    *options = (struct options){.socket = "/run/xenstored/socket",
                                .state = "/run/xenstored/state",
                                .domains = true,
                                .fork = true,
                                .listening = -1,
                                .words = argv};
    while ((option = getopt_long(argc, argv, "NF:s:T:Q:q:E:S:W:t:A:H", known, NULL)) >= 0)
        apply(options, limits, option);
    if (optind < argc)
        wrong("argument", argv[optind], "there are options only");
}
