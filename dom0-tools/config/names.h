// The names of a configuration's values, by number, in xl.cfg's spelling and in that of libxl's
// JSON.
#pragma once

#include <stddef.h>

struct config_names {
    const char *const *file; // "rename-restart"
    const char *const *json; // "restart_rename"
    size_t count;
};

extern const struct config_names config_type_names;
extern const struct config_names config_action_names;
extern const struct config_names config_tsc_mode_names;
extern const struct config_names config_disk_format_names;
extern const struct config_names config_disk_backend_names;
