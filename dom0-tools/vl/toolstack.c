#include "vl/toolstack.h"
#include "vl/vl.h"

const struct toolstack *vl_toolstack(void)
{
    static struct toolstack toolstack;

    toolstack = (struct toolstack){vl_control(), vl_store(), stderr, vl_verbose};
    return &toolstack;
}
