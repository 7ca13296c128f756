// Kernels as PVH guests are made of them, as in fuzz_builder.c.
//
// sources: dom0-tools/builder/*.c dom0-tools/control/grant_seed.c dom0-tools/control/hvm.c
// sources: tests/tools/pvh_machine.c
// libraries: -D_GNU_SOURCE -Idom0-tools -lz -llzma -lzstd
#include "tests/fuzz/builder_input.h"
#include "tests/tools/pvh_machine.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void build(struct guest_image *image, FILE *messages)
{
    struct guest_target target = {.domain = PVH_GUEST, .console_port = 2, .xenstore_port = 1};
    struct guest_build result;

    pvh_machine_reset(2 * PAGES);
    if (guest_image_build(image, &target, messages, &result))
        abort(); // what was planned can be built
    if (pvh_machine.frames < PAGES || pvh_machine.claimed || !pvh_machine.context_len ||
        !pvh_machine_has(result.console_mfn) || !pvh_machine_has(result.xenstore_mfn) ||
        pvh_machine_has(pvh_machine.grants_at))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    try_kernel(data, size, true, build);
    return 0;
}
