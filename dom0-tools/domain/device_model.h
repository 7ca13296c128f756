// The device model of an HVM guest: Debian's QEMU, a process of its own in domain 0, which has the
// devices that are not in the hypervisor. It finds the guest by its number, and says in xenstore
// that it is ready. It ends with the guest, by domain_destroy().
#pragma once

#include "domain/domain.h"

// Where Debian's packages qemu-system-xen, xen-utils-4.17 and seabios have them.
#define DEVICE_MODEL_PATH "/usr/libexec/xen-qemu-system-i386"
#define HVMLOADER_PATH    "/usr/lib/xen-4.17/boot/hvmloader"
#define SEABIOS_PATH      "/usr/share/seabios/bios-256k.bin"

const char *device_model_loader(const struct hvm_config *hvm);
const char *device_model_bios(const struct hvm_config *hvm);

// 0 unless `config` is of an HVM guest for which something is missing or that asks for what is not
// done: -ENOENT, -ENOSYS, which is said.
int device_model_check(const struct toolstack *t, const struct domain_config *config);

// Starts it, waits until it is ready, and writes to xenstore what the guest's consoles are called.
// On failure it does not run.
int device_model_start(const struct toolstack *t, domid_t id, const struct domain_config *config);

// Ends it, if there is one, and waits for that.
void device_model_stop(const struct toolstack *t, domid_t id);

// Its process, 0: there is none.
int device_model_of(const struct toolstack *t, domid_t id);

// device_model_args.c: how it is called. NULL ends the list; free it with device_model_args_free().
// NULL: no memory.
char **device_model_args(const struct domain_config *config, domid_t id);
void device_model_args_free(char **args);

#define DEVICE_MODEL_SOCKET "/run/xen/qmp-libxl-%u" // where it can be asked, in QMP
