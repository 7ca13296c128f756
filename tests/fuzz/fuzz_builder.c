// Kernels as PV guests are made of them: unpacked, read, planned and, where they are good, built
// into a guest of 8 MB. Whatever comes, it ends with an error in words or with a guest that is
// consistent, and nothing is touched that is not the new domain's.
//
// sources: dom0-tools/builder/*.c dom0-tools/control/grant_seed.c dom0-tools/control/hvm.c
// sources: tests/tools/fake_machine.c
// libraries: -D_GNU_SOURCE -Idom0-tools -lz -llzma -lzstd
#include <errno.h>

#include "tests/fuzz/builder_input.h"
#include "tests/tools/fake_machine.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int control_sysctl(struct control *control, struct xen_sysctl *op)
{
    return -ENOSYS; // only asked how much memory there is where there is too little
}

static bool more_domctls(struct xen_domctl *op, int *rc)
{
    *rc = 0;
    return op->cmd == XEN_DOMCTL_hypercall_init;
}

static void build(struct guest_image *image, FILE *messages)
{
    struct guest_target target = {.control = machine_control(), .domain = 2};
    struct guest_build result;

    machine_reset();
    machine.domctl = more_domctls;
    machine_create_domain(2);
    if (guest_image_build(image, &target, messages, &result))
        abort(); // what was planned can be built
    if (machine.domains[2].pages < PAGES || machine.owner[result.console_mfn] != 2 ||
        machine.owner[result.xenstore_mfn] != 2 || !machine.domains[2].online[0])
        abort();
    machine_destroy_domain(2);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    try_kernel(data, size, false, build);
    return 0;
}
