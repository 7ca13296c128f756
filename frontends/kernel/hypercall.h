// Hypercalls: hc(NAME, up to five arguments), the name as in the ABI's table; pointers and integers
// alike. Gives what the hypervisor answered.
#pragma once

#include <stdint.h>

#include "pv-abi/hypercalls.h"

extern uint8_t hypercall_page[128][32];

static inline long hypercall_at(const void *entry, unsigned long a, unsigned long b,
                                unsigned long c, unsigned long d, unsigned long e)
{
    register unsigned long r10 __asm__("r10") = d;
    register unsigned long r8 __asm__("r8") = e;
    long result;

    __asm__ volatile("call *%[entry]"
                     : "=a"(result), "+D"(a), "+S"(b), "+d"(c), "+r"(r10), "+r"(r8)
                     : [entry] "r"(entry)
                     : "rcx", "r9", "r11", "memory");
    return result;
}

// By number through the hypercall page; NUMBER below 128.
static inline long hypercall(unsigned number, unsigned long a, unsigned long b, unsigned long c,
                             unsigned long d, unsigned long e)
{
    return hypercall_at(hypercall_page[number], a, b, c, d, e);
}

// By any number, by the bare SYSCALL instruction.
static inline long hypercall_raw(unsigned long number, unsigned long a, unsigned long b,
                                 unsigned long c, unsigned long d, unsigned long e)
{
    register unsigned long r10 __asm__("r10") = d;
    register unsigned long r8 __asm__("r8") = e;

    __asm__ volatile("syscall"
                     : "+a"(number), "+D"(a), "+S"(b), "+d"(c), "+r"(r10), "+r"(r8)
                     :
                     : "rcx", "r9", "r11", "memory");
    return (long)number;
}

#define HC_ARG(x) ((unsigned long)(x))
#define HC_CALL(number, a, b, c, d, e, ...) \
    hypercall(number, HC_ARG(a), HC_ARG(b), HC_ARG(c), HC_ARG(d), HC_ARG(e))
#define hc(name, ...) HC_CALL(__HYPERVISOR_##name, ##__VA_ARGS__, 0, 0, 0, 0, 0)
