// Reading through the direct map at an address that may be none.
#pragma once

#include <stdint.h>

// The word at p, a multiple of 8; 0 if nothing is mapped there. p must not be non-canonical, so a
// machine address of 52 bits behind DIRECTMAP_START will do.
static inline uint64_t direct_read(const uint64_t *p)
{
    uint64_t value = 0;

    __asm__ volatile("1: mov %1, %0\n"
                     "2:\n"
                     ".pushsection .ex_table, \"a\"\n"
                     ".balign 4\n"
                     ".long 1b - ., 2b - ., 2b - .\n"
                     ".popsection"
                     : "+r"(value)
                     : "m"(*p));
    return value;
}
