// The devices of a domain's configuration: disk= (xl-disk-configuration(5)) and vif=
// (xl-network-configuration(5)).
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum disk_format { DISK_RAW, DISK_QCOW, DISK_QCOW2, DISK_VHD, DISK_QED, DISK_EMPTY };
enum vif_backend { VIF_BACKEND_VELLUM, VIF_BACKEND_LINUX };
enum disk_backend {
    DISK_BACKEND_ANY,
    DISK_BACKEND_PHY,
    DISK_BACKEND_QDISK,
    DISK_BACKEND_STANDALONE
};

// So many bytes in each interval; 0 bytes: no limit.
struct rate_config {
    uint64_t bytes;
    uint32_t interval_us;
};

struct disk_config {
    char *
        target; // path (below /dev unless absolute) or what `script` knows; NULL: an empty CD drive
    enum disk_format format;
    enum disk_backend backend_type;
    char *vdev;           // "xvda", "hda1", "sdb", "d5p2"
    uint32_t device;      // its number in xenstore, as xen-vbd-interface(7) has it
    char *backend_domain; // name or number, NULL: domain 0
    char *script;         // NULL: none
    bool writable;
    bool cdrom;
    bool direct_io_safe;
    bool discard;
    bool trusted;
    struct rate_config rate; // of bytes read and written
    uint32_t iops;           // requests a second, 0: no limit
};

struct vif_config {
    uint32_t devid; // as given, otherwise its place in the list
    uint8_t mac[6];
    char *bridge;                  // NULL: the script's choice
    char *gatewaydev;              // NULL: none
    char *ifname;                  // vifname=, NULL: vifDOMID.DEVID
    char *script;                  // NULL: vif-bridge
    char *ip;                      // NULL: none
    char *backend_domain;          // name or number, NULL: domain 0
    char *model;                   // of an emulated card, NULL
    struct rate_config rate;       // of bytes that it may send
    uint32_t mtu;                  // 0: not given
    enum vif_backend backend_type; // who serves it: vellum-netback, or Linux's xen-netback
    bool own_source_only;          // antispoof: frames from other addresses are dropped
    bool trusted;
};

const char *disk_format_name(enum disk_format format);
const char *vif_backend_name(enum vif_backend backend);
const char *disk_backend_name(enum disk_backend backend);
