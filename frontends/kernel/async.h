// Vellum's asynchronous hypercalls (docs/async-hypercalls.md): calls into a ring, results out of
// one.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "pv-abi/async.h"

// Whether the hypervisor has them.
bool async_present(void);

// The vCPU's ring, of room for ENTRIES calls (8 to 512, a power of two); the hypervisor's error, or
// -EOPNOTSUPP without the feature. No event is asked for.
int async_begin(unsigned entries);
// What has not been taken is never made.
void async_end(void);

// Puts a call into the ring; false if it is full. DATA comes back with the result.
bool async_put(unsigned op, uint64_t data, uint64_t a, uint64_t b, uint64_t c);
// Has the hypervisor take calls now, where it would else do so at its convenience; how many it has
// made, or its error.
long async_kick(void);
// The next result; false if there is none.
bool async_take(struct async_result *result);
