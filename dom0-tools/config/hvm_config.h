// What only guests of type "hvm" have: a PC's devices, their device model, their firmware.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum hvm_vga { HVM_VGA_NONE, HVM_VGA_STD, HVM_VGA_CIRRUS };
enum hvm_disk_bus { HVM_DISKS_IDE, HVM_DISKS_AHCI };

struct text_list {
    char **items;
    size_t count;
};

struct hvm_config {
    // Paths; NULL: Debian's (domain/device_model.h).
    char *loader; // hvmloader
    char *bios;   // SeaBIOS
    char *device_model;
    struct text_list model_args, model_args_hvm; // further ones for it

    char *boot; // c: disk, d: CD, n: network, in the order to try them
    bool acpi, acpi_s3, acpi_s4, apic, hpet;
    bool platform_pci; // Xen's PCI device, by which drivers find the hypervisor
    unsigned vga;      // enum hvm_vga
    unsigned disk_bus; // enum hvm_disk_bus
    int64_t video_mib; // -1: what the card wants
    struct text_list serial;
    bool usb;
    struct text_list usb_devices;
    bool vnc, vnc_unused; // its screen over the network; at the first display that is free
    char *vnc_listen;     // ADDRESS[:DISPLAY], NULL: 127.0.0.1
    int64_t vnc_display;
    char *keymap; // NULL: en-us
    bool nographic;
};

// Of its memory, what its video card has.
uint64_t hvm_video_kib(const struct hvm_config *hvm);

const char *hvm_vga_name(unsigned vga);
