/*
 * Optional services of a paravirtual guest: HYPERVISOR_vm_assist(command, type).
 */
#pragma once

enum {
    VMASST_CMD_enable = 0,
    VMASST_CMD_disable = 1,
};

enum {
    VMASST_TYPE_4gb_segments = 0,
    VMASST_TYPE_4gb_segments_notify = 1,
    VMASST_TYPE_writable_pagetables = 2,  /* trap and emulate stores into page tables */
    VMASST_TYPE_pae_extended_cr3 = 3,     /* 32-bit guests only */
    VMASST_TYPE_architectural_iopl = 4,   /* IOPL is taken from the guest's own flags */
    VMASST_TYPE_runstate_update_flag = 5, /* mark runstate areas while they are rewritten */
    VMASST_TYPE_m2p_strict = 32,          /* no M2P mapping in user page tables */
};
