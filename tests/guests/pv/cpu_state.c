// Segment bases, debug registers, vm_assist.
#include "tests/guests/common/guest.h"

static uint64_t fs_word(void)
{
    uint64_t value;

    __asm__ volatile("mov %%fs:0, %0" : "=r"(value));
    return value;
}

static uint64_t gs_word(void)
{
    uint64_t value;

    __asm__ volatile("mov %%gs:0, %0" : "=r"(value));
    return value;
}

TEST(cpu_segment_bases)
{
    uint64_t *page = page_alloc();

    page[0] = 11;
    page[1] = 22;
    CHECK_OK(hc(set_segment_base, SEGBASE_FS, page));
    CHECK_EQ(fs_word(), 11);
    CHECK_OK(hc(set_segment_base, SEGBASE_GS_KERNEL, page + 1));
    CHECK_EQ(gs_word(), 22);
    CHECK_OK(hc(set_segment_base, SEGBASE_GS_USER, page)); // not the one in force
    CHECK_EQ(gs_word(), 22);
    CHECK_OK(hc(sched_op, 0, 0));
    CHECK_EQ(fs_word(), 11);
    CHECK_EQ(gs_word(), 22);
    CHECK_OK(hc(set_segment_base, SEGBASE_GS_USER_SEL, 0));
    CHECK_OK(hc(set_segment_base, SEGBASE_GS_USER_SEL, FLAT_USER_SS32));
    CHECK_EQ(gs_word(), 22);
    CHECK_OK(hc(set_segment_base, SEGBASE_GS_USER_SEL, 0));
    CHECK_OK(hc(set_segment_base, SEGBASE_FS, 0));
    CHECK_OK(hc(set_segment_base, SEGBASE_GS_KERNEL, 0));
}

TEST(cpu_segment_bases_hostile)
{
    for (unsigned which = SEGBASE_FS; which <= SEGBASE_GS_KERNEL; which++) {
        CHECK_ERR(hc(set_segment_base, which, 0x8000000000000000), EINVAL);
        CHECK_ERR(hc(set_segment_base, which, 0x0000800000000000), EINVAL);
    }
    CHECK_ERR(hc(set_segment_base, 4, 0), EINVAL);
    CHECK_ERR(hc(set_segment_base, 0xffffffff, 0), EINVAL);
    // A selector that cannot be loaded becomes the null selector.
    hc(set_segment_base, SEGBASE_GS_USER_SEL, 0x1230);
    CHECK_OK(hc(set_segment_base, SEGBASE_GS_USER_SEL, 0));
}

// Debug registers

static volatile uint64_t watched;
static volatile unsigned db_count;
static volatile uint64_t db_dr6;

static bool on_db(struct regs *regs)
{
    if (regs->vector != VEC_DB)
        return false;
    db_count++;
    db_dr6 = (uint64_t)hc(get_debugreg, 6);
    hc(set_debugreg, 6, 0);
    return true;
}

TEST(cpu_debug_registers)
{
    for (unsigned i = 0; i < 4; i++) {
        CHECK_OK(hc(set_debugreg, i, 0x1000 + i));
        CHECK_EQ(hc(get_debugreg, i), 0x1000 + i);
        CHECK_OK(hc(set_debugreg, i, 0));
    }
    CHECK_EQ(hc(get_debugreg, 7) & 0xff, 0);
    CHECK_EQ(hc(get_debugreg, 7) & 0x400, 0x400);
    CHECK_OK(hc(set_debugreg, 7, 0x400));
}

TEST(cpu_watchpoint)
{
    db_count = 0;
    trap_hook = on_db;
    CHECK_OK(hc(set_debugreg, 0, &watched));
    CHECK_OK(hc(set_debugreg, 7, 0x90001)); // L0, eight bytes, write
    watched = 1;
    CHECK_EQ(db_count, 1);
    CHECK_EQ(db_dr6 & 0xf, 1);
    (void)watched;
    CHECK_EQ(db_count, 1);
    CHECK_OK(hc(sched_op, 0, 0));
    watched = 2;
    CHECK_EQ(db_count, 2);
    CHECK_OK(hc(set_debugreg, 7, 0));
    watched = 3;
    CHECK_EQ(db_count, 2);
    CHECK_OK(hc(set_debugreg, 0, 0));
}

TEST(cpu_debug_registers_hostile)
{
    // Never on the hypervisor's addresses, nor on none at all.
    CHECK_ERR(hc(set_debugreg, 0, 0xffff830000000000), EPERM);
    CHECK_ERR(hc(set_debugreg, 3, 0xffff82d040200000), EPERM);
    CHECK_ERR(hc(set_debugreg, 0, 0x8000000000000000), EPERM);
    CHECK_ERR(hc(set_debugreg, 8, 0), ENODEV);
    CHECK_ERR(hc(set_debugreg, 0xffffffff, 0), ENODEV);
    CHECK_ERR(hc(get_debugreg, 8), ENODEV);
    CHECK_ERR(hc(get_debugreg, 0xffffffff), ENODEV);
    // General detect, which would trap the hypervisor's own accesses, is dropped or refused.
    hc(set_debugreg, 7, 0x2400);
    CHECK_EQ(hc(get_debugreg, 7) & 0x2000, 0);
    // I/O breakpoints need CR4.DE, which is off.
    CHECK_REFUSED(hc(set_debugreg, 7, 0x20001));
    CHECK_REFUSED(hc(set_debugreg, 7, 1UL << 32));
    CHECK_OK(hc(set_debugreg, 7, 0));
}

// Optional services

TEST(cpu_vm_assist)
{
    for (unsigned type = 0; type < 6; type++) {
        long on = hc(vm_assist, VMASST_CMD_enable, type);

        if (type == VMASST_TYPE_writable_pagetables || type == VMASST_TYPE_runstate_update_flag ||
            type == VMASST_TYPE_architectural_iopl)
            CHECK_EQ(on, 0);
        // Two are on from the start, asked for by the kernel's notes.
        if (!on && type != VMASST_TYPE_writable_pagetables && type != VMASST_TYPE_pae_extended_cr3)
            CHECK_OK(hc(vm_assist, VMASST_CMD_disable, type));
    }
    CHECK_OK(hc(vm_assist, VMASST_CMD_enable, VMASST_TYPE_m2p_strict));
    CHECK_OK(hc(vm_assist, VMASST_CMD_disable, VMASST_TYPE_m2p_strict));
    CHECK_ERR(hc(vm_assist, VMASST_CMD_enable, 6), EINVAL);
    CHECK_ERR(hc(vm_assist, VMASST_CMD_enable, 31), EINVAL);
    CHECK_ERR(hc(vm_assist, VMASST_CMD_enable, 63), EINVAL);
    CHECK_ERR(hc(vm_assist, VMASST_CMD_enable, 0xffffffff), EINVAL);
    CHECK_ERR(hc(vm_assist, 2, 0), ENOSYS);
    CHECK_ERR(hc(vm_assist, 0xffffffff, 0), ENOSYS);
}

TEST(cpu_stack_switch)
{
    CHECK_OK(hc(stack_switch, FLAT_KERNEL_SS, vcpu_entry_stack(0)));
    CHECK_OK(hc(stack_switch, 0x1230, vcpu_entry_stack(0))); // looked at when it is used
    CHECK_OK(hc(stack_switch, FLAT_KERNEL_SS, vcpu_entry_stack(0)));
}
