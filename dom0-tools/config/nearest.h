// What somebody may have meant.
#pragma once

#include <stddef.h>

// The name among `names` that is most like `name`, or NULL if none is like it.
const char *config_nearest(const char *name, const char *const *names, size_t count);
