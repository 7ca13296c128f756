// The hypervisor as domain 0's programs reach it, through Linux's /dev/xen/privcmd and
// /dev/xen/hypercall: hypercalls of the toolstack and other domains' memory.
//
// Functions return 0 (or a count) or -errno, the hypervisor's own error where it gave one. A handle
// may be used by several threads at once; no function keeps a pointer that it was given.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "pv-abi/domctl.h"
#include "pv-abi/sysctl.h"
#include "pv-abi/xen.h"

struct control;

// Opens the devices. -ENOENT, -EACCES: as open(2) says of /dev/xen/privcmd; -ENOSYS: no hypervisor.
int control_open(struct control **out);
void control_close(struct control *control);

// One domctl or sysctl; fills in the interface's version and carries the result back into *op.
// Pointers inside *op must lie in memory from control_buffer(). An operation that the hypervisor
// asks to have repeated (-EAGAIN of a preempted teardown) is repeated here.
int control_domctl(struct control *control, struct xen_domctl *op);
int control_sysctl(struct control *control, struct xen_sysctl *op);

// XENMEM_`command` on `size` bytes at `argument`, copied in and out. Returns what the call returns.
long control_memory_op(struct control *control, unsigned command, void *argument, size_t size);

// Any other hypercall with plain arguments; pointers among them must be control_buffer() memory.
long control_hypercall(struct control *control, unsigned number, const uint64_t arguments[5]);

// Zeroed memory that hypercalls may name: it is resident and stays so. NULL if there is none.
void *control_buffer(struct control *control, size_t size);
void control_buffer_free(struct control *control, void *buffer, size_t size);

// Maps `count` frames (machine frames of a PV domain, guest frames of an HVM one) side by side.
// `protection` as mmap(2)'s. With `errors`, frames that cannot be mapped get their -errno there and
// the rest is mapped; without, any failure fails the call. On failure returns NULL and sets errno.
void *control_map(struct control *control, domid_t domain, int protection, const uint64_t *frames,
                  size_t count, int *errors);
void control_unmap(void *address, size_t count);
