// Lists of CPUs as cpus= and `vl vcpu-pin` take them: "all", "0-3,5,^1", "nodes:0-1,^node:1".
#pragma once

#include <stddef.h>
#include <stdint.h>

// The machine's CPUs: `node_of` has one entry for each of `cpus`, UINT32_MAX for a CPU that is not
// there.
struct cpu_topology {
    const uint32_t *node_of;
    uint32_t cpus;
};

// Resolves `text` to a bitmap of `bits` bits (bit 0 of byte 0: CPU 0). `topology` NULL: checks the
// syntax alone, and `bitmap` may be NULL then. CPUs past the machine's end are an error, as is an
// empty result. On -EINVAL *why is a sentence about `text` (malloc'ed, may be NULL if there is no
// memory).
int cpu_list_parse(const char *text, const struct cpu_topology *topology, uint8_t *bitmap,
                   size_t bits, char **why);

// The shortest text of a bitmap: "0-3,5", "none"; "all" if every CPU of the machine is in it.
// malloc'ed.
char *cpu_list_format(const uint8_t *bitmap, size_t bits, uint32_t cpus);
