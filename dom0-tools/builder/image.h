// What guest_image_open() has read and planned; private to the builder.
#pragma once

#include "builder/builder.h"
#include "builder/kernel.h"
#include "builder/layout.h"
#include "builder/pvh_layout.h"
#include "builder/unpack.h"
#include "pv-abi/start_info.h"

struct guest_image {
    void *file; // the kernel's, as read
    size_t file_len;
    struct unpacked unpacked;
    struct kernel kernel;
    char *ramdisk_path;
    int ramdisk; // file descriptor, or -1
    uint64_t ramdisk_len;
    char cmdline[MAX_GUEST_CMDLINE];
    char name[2 * KERNEL_TEXT_MAX];
    enum guest_kind kind;
    unsigned vcpus, max_vcpus;    // of a PVH or HVM guest
    bool apic, hpet;              // of an HVM guest
    struct layout layout;         // of a PV guest
    struct pvh_layout pvh_layout; // of a PVH or HVM guest
};
