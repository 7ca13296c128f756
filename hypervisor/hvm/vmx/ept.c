// Extended page tables (28.2).
//
// Memory is write-back for guests, whatever their page tables and the MTRRs that they see say:
// domain 0 and the hypervisor have it mapped so, and no device is the guest's own. Hence "ignore
// PAT" in every leaf, and no switching of the PAT.
#include "hvm/vmx/ept.h"
#include "mm/pte.h"

#define EPT_RWX        0x7ull
#define EPT_WB         (6ull << 3)
#define EPT_IGNORE_PAT 0x40ull
#define EPT_LARGE      0x80ull
#define EPT_WRITE      0x2ull
#define EPT_WATCHED    0x800ull // ignored by the processor

static uint64_t leaf(mfn_t mfn, bool large)
{
    return mfn << PAGE_SHIFT | EPT_RWX | EPT_WB | EPT_IGNORE_PAT | (large ? EPT_LARGE : 0);
}

static uint64_t table(mfn_t mfn)
{
    return mfn << PAGE_SHIFT | EPT_RWX;
}

static bool is_present(uint64_t entry)
{
    return entry & EPT_RWX;
}

static bool is_large(uint64_t entry)
{
    return entry & EPT_LARGE;
}

const struct p2m_format vmx_ept_format = {EPT_WRITE, EPT_WATCHED, leaf,
                                          table,     is_present,  is_large};
