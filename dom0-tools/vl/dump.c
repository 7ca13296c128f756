// dump-core.
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "vl/commands.h"
#include "vl/domains.h"
#include "vl/toolstack.h"

// DOMAIN_DUMP_FOLDER/NAME.TIME.ID.core
static void default_path(char *path, size_t size, domid_t domain)
{
    char *name = vl_domain_name(domain), when[40];
    time_t now = time(NULL);

    mkdir(DOMAIN_DUMP_FOLDER, 0700);
    strftime(when, sizeof(when), "%Y-%m%d-%H%M.%S", localtime(&now));
    snprintf(path, size, "%s/%s-%s.%u.core", DOMAIN_DUMP_FOLDER, when, name, domain);
    free(name);
}

int vl_dump_core(int argc, char **argv)
{
    char path[600];
    bool live = false;

    while (vl_option(argc, argv, "l", NULL) != -1)
        live = true;
    int count = vl_operands(argc, 1, 2);
    domid_t domain = vl_guest(argv[optind], "dumped");
    if (count == 2)
        snprintf(path, sizeof(path), "%s", argv[optind + 1]);
    else
        default_path(path, sizeof(path), domain);
    if (domain_dump_core(vl_toolstack(), domain, path, live))
        return vl_complain("domain '%s' was not dumped", argv[optind]);
    struct stat file;
    printf("Domain '%s' is dumped to %s (%lld bytes).\n", argv[optind], path,
           stat(path, &file) ? 0LL : (long long)file.st_size);
    return VL_OK;
}
