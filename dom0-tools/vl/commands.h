// The handlers of all commands, and what several of them do alike.
#pragma once

#include <stdbool.h>

#define VL_HANDLERS(X)    \
    X(vl_list)            \
    X(vl_vm_list)         \
    X(vl_claims)          \
    X(vl_cpupool_list)    \
    X(vl_info)            \
    X(vl_uptime)          \
    X(vl_dmesg)           \
    X(vl_debug_keys)      \
    X(vl_pause)           \
    X(vl_unpause)         \
    X(vl_destroy)         \
    X(vl_shutdown)        \
    X(vl_reboot)          \
    X(vl_sysrq)           \
    X(vl_trigger)         \
    X(vl_domid)           \
    X(vl_domname)         \
    X(vl_rename)          \
    X(vl_vcpu_list)       \
    X(vl_vcpu_pin)        \
    X(vl_vcpu_set)        \
    X(vl_mem_set)         \
    X(vl_mem_max)         \
    X(vl_sched)           \
    X(vl_console)         \
    X(vl_top)             \
    X(vl_create)          \
    X(vl_config_update)   \
    X(vl_dump_core)       \
    X(vl_help_command)    \
    X(vl_save)            \
    X(vl_restore)         \
    X(vl_migrate)         \
    X(vl_migrate_receive) \
    X(vl_block_attach)    \
    X(vl_block_detach)    \
    X(vl_block_list)      \
    X(vl_cd_insert)       \
    X(vl_cd_eject)        \
    X(vl_network_attach)  \
    X(vl_network_detach)  \
    X(vl_network_list)    \
    X(vl_refused)

#define VL_DECLARE(name) int name(int argc, char **argv);
VL_HANDLERS(VL_DECLARE)
#undef VL_DECLARE

// Takes --json and --help, and that many operands (-1: any number). Returns whether JSON is wanted.
bool vl_json_option(int argc, char **argv, int least, int most);
