// domid, domname, rename.
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vl/commands.h"
#include "vl/domains.h"
#include "vl/toolstack.h"

int vl_domid(int argc, char **argv)
{
    vl_no_options(argc, argv);
    vl_operands(argc, 1, 1);
    printf("%u\n", vl_domain(argv[optind]));
    return VL_OK;
}

int vl_domname(int argc, char **argv)
{
    vl_no_options(argc, argv);
    vl_operands(argc, 1, 1);
    domid_t domain =
        (domid_t)vl_number(argv[optind], "a domain's number", 0, DOMID_FIRST_RESERVED - 1);
    vl_domain(argv[optind]);
    vl_store();
    char *name = vl_store_read(domain, "name");
    if (!name)
        return vl_complain("domain %u has no name in xenstore", domain);
    puts(name);
    free(name);
    return VL_OK;
}

int vl_rename(int argc, char **argv)
{
    vl_no_options(argc, argv);
    vl_operands(argc, 2, 2);
    const char *name = argv[optind + 1];
    domid_t domain = vl_guest(argv[optind], "renamed");
    if (!*name || strchr(name, '/') || strlen(name) > 255)
        vl_misused("'%s': a name has 1 to 255 characters, none of them '/'", name);
    return domain_rename(vl_toolstack(), domain, name)
               ? vl_complain("domain '%s' keeps its name", argv[optind])
               : VL_OK;
}
