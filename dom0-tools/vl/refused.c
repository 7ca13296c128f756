// Commands of xl that Vellum cannot carry out, each with the reason.
#include <string.h>

#include "vl/commands.h"
#include "vl/main.h"

int vl_refused(int argc, char **argv)
{
    if (argc > 1 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))) {
        vl_help(stdout, vl_current);
        return VL_OK;
    }
    return vl_complain("cannot be had: %s", vl_current->summary);
}
