// A machine for the toolstack's code: frames, and domains that own some of them, behind the
// functions of control/control.h. The hypervisor's part is as small as will do.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "control/control.h"
#include "pv-abi/arch-x86/cpu.h"

#define MACHINE_FRAMES 4096
#define MACHINE_VCPUS  2
#define MACHINE_XSTATE 600 // bytes
#define MACHINE_PARAMS 64
#define MACHINE_HVM    64 // bytes of an HVM domain's context

struct fake_domain {
    bool there;
    uint64_t shared_info; // frame
    uint64_t pages;
    struct vcpu_guest_context contexts[MACHINE_VCPUS];
    bool online[MACHINE_VCPUS];
    uint8_t xstate[MACHINE_VCPUS][MACHINE_XSTATE];
    uint8_t extended[MACHINE_VCPUS][64];
    bool logging;
    bool hvm; // frames are numbered by guest frame
    uint64_t params[MACHINE_PARAMS];
    uint8_t hvm_context[MACHINE_HVM];
};

struct fake_machine {
    struct fake_domain domains[4];
    uint8_t owner[MACHINE_FRAMES]; // a domain's number, 0: nobody's
    uint8_t type[MACHINE_FRAMES];  // PAGE_L1 and so on, or'ed with PAGE_PINNED once pinned
    uint32_t pfn[MACHINE_FRAMES];  // M2P
    bool dirty[MACHINE_FRAMES];
    unsigned frames_left; // to be given out; then there is no memory
    void (*before_map)(void);
    // Asked before each call, by its name: -errno refuses it.
    int (*refuse)(const char *what);
    // More domctls and hypercalls than this machine has: true if it was one, with its result.
    bool (*domctl)(struct xen_domctl *op, int *rc);
    bool (*hypercall)(unsigned number, const uint64_t arguments[5], long *rc);
};
extern struct fake_machine machine;

// Empty: everything that an earlier test left is gone.
void machine_reset(void);
struct control *machine_control(void);
void machine_create_domain(domid_t id);
void machine_create_hvm_domain(domid_t id);
void machine_destroy_domain(domid_t id);
// A frame's content.
void *machine_page(uint64_t mfn);
// The frame that a domain calls by a number: a PV domain's is the frame itself. 0: none.
uint64_t machine_frame(domid_t id, uint64_t number);
// A frame for a domain, as its guest frame `pfn`.
uint64_t machine_give(domid_t id, uint32_t pfn);
