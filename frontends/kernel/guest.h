// What every file of a guest of this kind sees: where it is, how it prints, how it ends.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "frontends/kernel/hypercall.h"
#include "hypervisor/lib/string.h"
#include "pv-abi/errno.h"
#include "pv-abi/xen.h"

#define PAGE_SIZE     4096UL
#define PAGE_SHIFT    12
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define MIN(a, b)     ((a) < (b) ? (a) : (b))

#define NS_PER_US 1000UL
#define NS_PER_MS 1000000UL
#define NS_PER_S  1000000000UL
#define FOREVER   UINT64_MAX // as a deadline

extern struct start_info *start_info;
extern struct shared_info *shared_info;

// Domain 0 has the machine's console, and no xenstore that anyone serves.
static inline bool is_domain0(void)
{
    return start_info->flags & SIF_INITDOMAIN;
}

// Brings up everything of frontends/kernel and runs guest_thread() as the first thread.
void guest_main(struct start_info *info) __attribute__((noreturn));
// The guest's own program, which frontends/kernel does not have.
void guest_thread(void *unused);

// Ends the domain for one of SHUTDOWN_*, when its console's output has been read or after a second.
void guest_shutdown(unsigned reason) __attribute__((noreturn));
// Says why, and crashes the domain.
void panic(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

// To the console; a line is at most 511 bytes. Conversions: hypervisor/lib/printf.h.
void print(const char *format, ...) __attribute__((format(printf, 1, 2)));

// "ENOENT" of -XEN_ENOENT; "error" of what is none.
const char *error_name(long error);
