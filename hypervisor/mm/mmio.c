// Device registers for the rooms below this one.
#include "cpu/mmio.h"

#include "mm/paging.h"

void *mmio_map(uint64_t maddr, size_t bytes)
{
    return ioremap(maddr, bytes, PTE_CACHE_UC);
}

void mmio_unmap(void *va)
{
    iounmap(va);
}
