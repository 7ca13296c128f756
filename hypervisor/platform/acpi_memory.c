// How the table readers reach firmware memory: through the direct map, whose first 4 GB are there
// from the start of boot. No known firmware puts its tables higher.
#include "platform/acpi.h"

#define REACH (1ull << 32)

void *acpi_memory(uint64_t maddr, size_t bytes)
{
    if (maddr >= REACH || bytes > REACH - maddr)
        return NULL;
    return (void *)(DIRECTMAP_START + maddr);
}
