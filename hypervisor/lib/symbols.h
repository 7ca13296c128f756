// Names of the hypervisor's functions, for backtraces. The table is made from the linked image
// (hypervisor/lib/symbols.awk) and linked into it in a second pass.
#pragma once

#include <stdbool.h>
#include <stdint.h>

// "name+0x12/0x345 [address]", or the bare address. A static buffer: for panics only.
const char *symbol_describe(uint64_t addr);

// Prints the chain of callers from a frame pointer.
void backtrace_from(uint64_t rip, uint64_t rbp);

// The function at index i in address order: its address and name. false beyond the last.
bool symbol_by_index(uint32_t i, uint64_t *addr, const char **name);
