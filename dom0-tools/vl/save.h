// Making a domain of what was saved.
#pragma once

#include "vl/create.h"

// Restores from `fd`, with the configuration at `config_path` unless it is NULL, and goes on as
// `how` says. Returns an exit code.
int vl_restore_from(int fd, const char *config_path, const struct vl_start *how);
