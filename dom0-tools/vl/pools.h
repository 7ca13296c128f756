// CPU pools.
#pragma once

#include <stdint.h>

// "Pool-0" or what xenstore says; malloc'ed.
char *vl_pool_name(uint32_t pool);
