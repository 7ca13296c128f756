// Builds a guest, paravirtual, PVH or HVM: from a kernel, an initial RAM disk and a command line to
// a domain whose first vCPU is ready to run. Knows of neither xenstore nor configuration files.
//
// In two steps, so that whatever is wrong with the files is found while there is no domain yet.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "control/control.h"

struct guest_image;

// A PVH guest's kernel starts as such; an HVM guest's is firmware that finds a PC.
enum guest_kind { GUEST_PV, GUEST_PVH, GUEST_HVM };

struct guest_image_source {
    enum guest_kind kind;
    // Path of a bzImage or an ELF file, which may be compressed. HVM: of hvmloader.
    const char *kernel;
    const char *ramdisk; // path, used as it is; NULL: none. HVM: the BIOS that hvmloader starts
    const char *cmdline; // NULL: empty
    uint64_t memory_kib; // what the guest starts with

    // Of guests whose ACPI tables tell of them, PVH and HVM: how many are there at start, how many
    // at most.
    unsigned vcpus, max_vcpus;
    bool apic, hpet; // HVM: the tables tell of APICs; the guest has an HPET
};

// Reads and checks everything, and plans where it goes. On failure says why in a line on
// `messages` ("PATH: what, why, what to do") and returns
//   -ENOEXEC, -ENOENT, -EOPNOTSUPP, -EINVAL  no kernel that can be used (kernel.h, unpack.h)
//   -E2BIG   the command line is too long
//   -ENOSPC  the guest is too small for it
//   -ENOMEM  no memory in this domain
// or what open(2) and read(2) say. Paths are not used again, except for the RAM disk, whose file
// stays open.
int guest_image_open(const struct guest_image_source *source, FILE *messages,
                     struct guest_image **out);
void guest_image_free(struct guest_image *image);

// What the kernel calls itself ("linux 2.6"), for messages; and how it was packed ("xz", "none").
const char *guest_image_name(const struct guest_image *image);
const char *guest_image_packing(const struct guest_image *image);

struct guest_target {
    struct control *control;
    domid_t domain; // paused, with vCPUs and a memory limit, and without memory
    // The guest's ports to its console and to xenstore, and who may map these pages.
    uint32_t console_port, xenstore_port;
    domid_t console_domain, xenstore_domain;
};

struct guest_build {
    // The frames of the rings: machine frames of a PV guest, guest frames of others.
    uint64_t console_mfn, xenstore_mfn;
    // Where the time went, in nanoseconds.
    uint64_t populate_ns, load_ns;
};

// Gives the domain its memory and fills it. 0 or -errno with a line on `messages`: -ENOMEM if the
// machine's memory does not suffice, -EIO if the RAM disk's file has changed, what the hypervisor
// says otherwise. A domain that could not be built is to be destroyed.
int guest_image_build(struct guest_image *image, const struct guest_target *target, FILE *messages,
                      struct guest_build *result);
