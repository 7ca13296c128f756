// The command that runs, and help.
#pragma once

#include <stdio.h>

#include "vl/vl.h"

extern const struct vl_command *vl_current;

void vl_help(FILE *out, const struct vl_command *command);
