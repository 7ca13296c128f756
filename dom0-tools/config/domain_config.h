// What a domain shall be: the contents of an xl.cfg(5) file, checked and typed.
//
// A configuration is loaded from a file, from key=value words of a command line or from the JSON
// that libxl keeps (`xl list -l`, saved domains), and owns everything that it points to. Memory is
// counted in KiB. Values that the file does not give are filled in: whoever reads the structure
// meets no "default".
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "config/cpu_list.h"
#include "config/cpuid.h"
#include "config/device_config.h"
#include "config/hvm_config.h"

struct json;

enum domain_type { DOMAIN_TYPE_PV, DOMAIN_TYPE_PVH, DOMAIN_TYPE_HVM };

// What happens when a domain has shut down; one for each reason of doing so.
enum domain_action {
    ACTION_DESTROY,
    ACTION_RESTART,
    ACTION_RENAME_RESTART,
    ACTION_PRESERVE,
    ACTION_COREDUMP_DESTROY,
    ACTION_COREDUMP_RESTART,
    ACTION_SOFT_RESET,
};

// tsc_mode of xl.cfg(5); the values are XEN_DOMCTL_settscinfo's.
enum domain_tsc_mode { TSC_DEFAULT, TSC_ALWAYS_EMULATE, TSC_NATIVE };

struct io_port_range {
    uint32_t first;
    uint32_t count;
};

struct io_memory_range {
    uint64_t first_frame; // of the machine
    uint64_t frames;
    uint64_t guest_frame; // where the guest shall see it
};

struct domain_config {
    enum domain_type type;
    char *name;       // not empty, no '/'
    uint8_t uuid[16]; // made up if the file has none
    char *pool;       // name of the CPU pool, "Pool-0" if the file has none

    unsigned vcpus;     // online at start, the first ones
    unsigned max_vcpus; // >= vcpus, <= DOMAIN_MAX_VCPUS

    // cpus= and cpus_soft=, in the file's own words (cpu_list.h reads them, who knows the machine's
    // CPUs resolves them). `count` 0: not given; 1 with `every`: for all vCPUs; otherwise one for
    // each of the first `count` vCPUs, and the further ones run anywhere.
    struct domain_affinity {
        char **lists;
        size_t count;
        bool every;
    } hard, soft;

    struct cpuid_choice cpuid;

    unsigned weight; // 1 to 65535, default 256
    unsigned cap;    // percent of a CPU, 0: none

    uint64_t memory_kib;     // what the guest has at start
    uint64_t max_memory_kib; // what it may balloon up to, >= memory_kib

    char *kernel;  // path
    char *ramdisk; // path, or NULL
    char *cmdline; // root= and extra= already joined to it, never NULL

    struct hvm_config hvm; // of an HVM guest, which has none of the three

    enum domain_action on_poweroff, on_reboot, on_watchdog, on_crash, on_soft_reset;

    enum domain_tsc_mode tsc_mode;
    bool nomigrate;      // may not be saved; gets the invariant TSC's feature bit
    bool driver_domain;  // told so in xenstore
    bool suspend_compat; // xend_suspend_evtchn_compat: no event channel for suspend
    bool localtime;      // the wall clock shows local time...
    int32_t time_offset; // ...and is further ahead of UTC by so many seconds
    unsigned max_event_channels;
    int max_grant_frames;    // -1: the hypervisor's default
    int max_maptrack_frames; // -1: the same
    int max_grant_version;   // 1, 2; -1: the hypervisor's default

    struct io_port_range *ioports;
    size_t ioports_count;
    uint32_t *irqs;
    size_t irqs_count;
    struct io_memory_range *iomem;
    size_t iomem_count;

    struct disk_config *disks;
    size_t disks_count;
    struct vif_config *vifs;
    size_t vifs_count;

    struct config_memory *owned; // everything above lies in it
};

#define DOMAIN_MAX_VCPUS \
    8192 // what the ABI's domctl can say; the hypervisor's own limit may be lower
#define DOMAIN_NAME_LENGTH 255 // longest name

// Where a configuration comes from. `text` is what the file holds; `path` names it in messages.
// Each of `overrides` is one or more "key=value", as on a command line, and wins over the file.
struct config_source {
    const char *path; // NULL: no file
    const char *text;
    size_t length;
    const char *const *overrides;
    size_t overrides_count;
};

// Reads a configuration. Each thing wrong or without effect is a line on `messages` ("PATH:LINE:
// KEY: what, why, what to do"), and all are found in one run. Returns -EINVAL if anything was
// wrong, -ENOMEM, or 0 and the configuration in *out. `warnings` false keeps back what is merely
// without effect.
int domain_config_read(const struct config_source *source, bool warnings, FILE *messages,
                       struct domain_config **out);

// The same, of the file at `path` (NULL: none; "-" is standard input). Further errors: open(2)'s
// and read(2)'s, said on `messages`, too. At most 256 KiB.
int domain_config_load(const char *path, const char *const *overrides, size_t overrides_count,
                       bool warnings, FILE *messages, struct domain_config **out);

// libxl's JSON of a domain's configuration ("c_info", "b_info", "disks", "nics", "on_poweroff",
// ...), which ends with a newline; malloc'ed, NULL if there is no memory. From JSON: as
// domain_config_read(); what belongs to a kind of domain or device that Vellum has not is an error.
char *domain_config_to_json(const struct domain_config *config);
void domain_config_write_json(const struct domain_config *config, struct json *json,
                              const char *key);
int domain_config_from_json(const char *json, size_t length, FILE *messages,
                            struct domain_config **out);

// Writes cpus= and cpus_soft= as plain numbers of this machine's CPUs, instead of "all" and nodes.
// What does not fit the machine is an error on `messages`: -EINVAL.
int domain_config_resolve_cpus(struct domain_config *config, const struct cpu_topology *topology,
                               FILE *messages);

void domain_config_free(struct domain_config *config);

// The names that xl.cfg(5) has for values: "pv", "rename-restart", "native".
const char *domain_type_name(enum domain_type type);
const char *domain_action_name(enum domain_action action);
const char *domain_tsc_mode_name(enum domain_tsc_mode mode);
