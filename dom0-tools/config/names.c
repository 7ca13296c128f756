#include "config/domain_config.h"
#include "config/names.h"

static const char *const types[] = {
    [DOMAIN_TYPE_PV] = "pv",
    [DOMAIN_TYPE_PVH] = "pvh",
    [DOMAIN_TYPE_HVM] = "hvm",
};

static const char *const actions[] = {
    [ACTION_DESTROY] = "destroy",
    [ACTION_RESTART] = "restart",
    [ACTION_RENAME_RESTART] = "rename-restart",
    [ACTION_PRESERVE] = "preserve",
    [ACTION_COREDUMP_DESTROY] = "coredump-destroy",
    [ACTION_COREDUMP_RESTART] = "coredump-restart",
    [ACTION_SOFT_RESET] = "soft-reset",
};

static const char *const actions_json[] = {
    [ACTION_DESTROY] = "destroy",
    [ACTION_RESTART] = "restart",
    [ACTION_RENAME_RESTART] = "restart_rename",
    [ACTION_PRESERVE] = "preserve",
    [ACTION_COREDUMP_DESTROY] = "coredump_destroy",
    [ACTION_COREDUMP_RESTART] = "coredump_restart",
    [ACTION_SOFT_RESET] = "soft_reset",
};

static const char *const tsc_modes[] = {
    [TSC_DEFAULT] = "default",
    [TSC_ALWAYS_EMULATE] = "always_emulate",
    [TSC_NATIVE] = "native",
};

static const char *const formats[] = {
    [DISK_RAW] = "raw", [DISK_QCOW] = "qcow", [DISK_QCOW2] = "qcow2",
    [DISK_VHD] = "vhd", [DISK_QED] = "qed",   [DISK_EMPTY] = "empty",
};

static const char *const backends[] = {
    [DISK_BACKEND_ANY] = "unknown",
    [DISK_BACKEND_PHY] = "phy",
    [DISK_BACKEND_QDISK] = "qdisk",
    [DISK_BACKEND_STANDALONE] = "standalone",
};

#define NAMES(file, json)                          \
    {                                              \
        file, json, sizeof(file) / sizeof(file[0]) \
    }

const struct config_names config_type_names = NAMES(types, types);
const struct config_names config_action_names = NAMES(actions, actions_json);
const struct config_names config_tsc_mode_names = NAMES(tsc_modes, tsc_modes);
const struct config_names config_disk_format_names = NAMES(formats, formats);
const struct config_names config_disk_backend_names = NAMES(backends, backends);

const char *domain_type_name(enum domain_type type)
{
    return types[type];
}

const char *domain_action_name(enum domain_action action)
{
    return actions[action];
}

const char *domain_tsc_mode_name(enum domain_tsc_mode mode)
{
    return tsc_modes[mode];
}

const char *disk_format_name(enum disk_format format)
{
    return formats[format];
}

const char *vif_backend_name(enum vif_backend backend)
{
    return backend == VIF_BACKEND_LINUX ? "linux" : "vellum";
}

const char *disk_backend_name(enum disk_backend backend)
{
    return backends[backend];
}
