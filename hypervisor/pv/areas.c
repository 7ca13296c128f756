// Areas that a guest registered by their address in its kernel: runstate, secondary time.
//
// They are refreshed when their vCPU comes to a CPU, be it in user mode, where its kernel's pages
// are not mapped. Then they are reached through the kernel's page tables and the direct map.
#include "lib/errno.h"
#include "lib/string.h"
#include "mm/guest.h"
#include "pv/cpu.h"
#include "pv/mmu.h"

static int write_page(uint64_t va, const void *src, size_t len)
{
    mfn_t mfn = pv_va_to_mfn(va, true);

    // The type keeps the frame from becoming a page table meanwhile, whatever its entry says by
    // then.
    if (!mfn_valid(mfn) || !frame_get_and_type(mfn_to_frame(mfn), current->domain, FT_WRITABLE))
        return -EFAULT;
    memcpy((char *)mfn_to_virt(mfn) + va % PAGE_SIZE, src, len);
    frame_mark_dirty(mfn_to_frame(mfn));
    frame_put_and_type(mfn_to_frame(mfn));
    return 0;
}

int pv_copy_to_kernel(uint64_t va, const void *src, size_t len)
{
    size_t first = MIN(len, PAGE_SIZE - va % PAGE_SIZE);
    int rc;

    if (to_pv(current)->kernel_mode)
        return copy_to_guest(va, src, len);
    rc = write_page(va, src, first);
    if (!rc && len > first)
        rc = write_page(va + first, (const char *)src + first, len - first);
    return rc;
}
