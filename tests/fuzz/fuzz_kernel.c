// A kernel image: the payload of a bzImage, or else the input itself, as an ELF file with Xen
// notes.
//
// sources: hypervisor/lib/bzimage.c hypervisor/lib/elf.c hypervisor/lib/xen_notes.c
#include <stdlib.h>

#include "lib/bzimage.h"
#include "lib/elf.h"
#include "lib/xen_notes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void load(const struct elf_image *elf)
{
    uint64_t size = elf->max_paddr - elf->min_paddr;
    void *memory;

    if (size > 1 << 20)
        return;
    memory = malloc(size);
    if (elf_load(elf, memory, size, elf->min_paddr))
        abort(); // a parsed image fits where it says it does
    free(memory);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct xen_kernel_info info;
    struct elf_image elf;
    const void *kernel;
    size_t len;

    if (bzimage_payload(data, size, &kernel, &len)) {
        kernel = data;
        len = size;
    }
    if (elf_parse(&elf, kernel, len))
        return 0;
    if (!xen_notes_parse(&info, &elf) != !info.problem)
        abort(); // an error and no words for it
    load(&elf);
    return 0;
}
