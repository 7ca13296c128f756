// Everything a test file needs.
#pragma once

#include "pv-abi/xen.h"

#include "tests/guests/common/events.h"
#include "frontends/kernel/hypercall.h"
#include "tests/guests/common/lib.h"
#include "tests/guests/common/memory.h"
#include "tests/guests/common/test.h"
#include "tests/guests/common/time.h"
#include "tests/guests/common/trap.h"
#include "tests/guests/common/vcpu.h"

extern struct start_info *start_info;
extern struct shared_info *shared_info;

// The clocks of an emulated machine's CPUs drift apart by many milliseconds: the tests' vCPU stays
// on the first, where the hypervisor lets it.
void stay_on_one_cpu(void);

// Begins the guest's first line, and finds out what it runs on.
void say_version(const char *kind);
// Ends the guest as its arguments say.
void guest_end(void) __attribute__((noreturn));

// Addresses that no hypercall may read or write through: unmapped, the page at 0, the hypervisor's
// own, the read-only M2P, not canonical, wrapping around.
#define BAD_POINTERS 6
extern void *const bad_pointers[BAD_POINTERS];

// Checks that CALL, which uses the pointer `bad`, is refused with EFAULT for every bad pointer.
#define CHECK_EFAULT_ALL(call) CHECK_EFAULT_ALL_(call, #call)
#define CHECK_EFAULT_ALL_(call, text)                                             \
    do {                                                                          \
        for (unsigned bad_i = 0; bad_i < BAD_POINTERS; bad_i++) {                 \
            void *bad = bad_pointers[bad_i];                                      \
            if (!check_equal(call, -XEN_EFAULT, __FILE__, __LINE__, text)) {      \
                print("     ... with the pointer %p, and perhaps others\n", bad); \
                break;                                                            \
            }                                                                     \
        }                                                                         \
    } while (0)
