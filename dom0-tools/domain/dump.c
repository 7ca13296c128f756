#include <errno.h>
#include "domain/domain.h"
int domain_dump_core(const struct toolstack *t, domid_t id, const char *path, bool live)
{
    return -ENOSYS;
}
