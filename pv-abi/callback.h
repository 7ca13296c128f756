/*
 * Entry points of a guest kernel: HYPERVISOR_callback_op(CALLBACKOP_*, argument).
 */
#pragma once

#include "types.h"

enum {
    CALLBACKOP_register = 0,
    CALLBACKOP_unregister = 1,
};

enum {
    CALLBACKTYPE_event = 0,               /* an event channel is pending */
    CALLBACKTYPE_failsafe = 1,            /* a segment register could not be loaded */
    CALLBACKTYPE_syscall = 2,             /* SYSCALL from 64-bit user mode */
    CALLBACKTYPE_sysenter_deprecated = 3, /* the number that older guests use */
    CALLBACKTYPE_nmi = 4,
    CALLBACKTYPE_sysenter = 5,
    CALLBACKTYPE_syscall32 = 7, /* SYSCALL from 32-bit user mode */
};

/* callback_register.flags: enter with events masked. */
#define _CALLBACKF_mask_events 0
#define CALLBACKF_mask_events  (1U << _CALLBACKF_mask_events)

typedef struct callback_register {
    uint16_t type;  /* CALLBACKTYPE_* */
    uint16_t flags; /* CALLBACKF_* */
    xen_callback_t address;
} callback_register_t;
ABI_SIZE(struct callback_register, 16);
ABI_OFFSET(struct callback_register, address, 8);

typedef struct callback_unregister {
    uint16_t type;
    uint16_t _unused;
} callback_unregister_t;
ABI_SIZE(struct callback_unregister, 4);
