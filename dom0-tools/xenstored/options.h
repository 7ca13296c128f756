// The command line. Besides its own options it takes those of Xen's store that Debian's scripts
// give.
#pragma once

#include "xenstored/server.h"

// Quotas are set in `limits` (quota.h). Ends the program with a message if an option is wrong.
void options_parse(struct options *options, uint32_t *limits, int argc, char **argv);
