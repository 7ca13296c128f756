#include "tests/guests/common/trap.h"

#include "pv-abi/callback.h"
#include "tests/guests/common/guest.h"

// Vectors 0 to 31 except NMI (2); BP and OF may be raised from user mode; software interrupts
// 0x80 to 0x8f. Page faults find events masked, so that CR2 cannot be overwritten.
static struct trap_info trap_table[32 + 16 + 1];

static void build_table(void)
{
    unsigned n = 0;

    for (unsigned v = 0; v < 32; v++) {
        if (v == 2)
            continue;
        trap_table[n].vector = (uint8_t)v;
        trap_table[n].flags = (v == VEC_BP || v == VEC_OF) ? 3 : 0;
        trap_table[n].flags |= v == VEC_PF ? 4 : 0;
        trap_table[n].cs = FLAT_KERNEL_CS;
        trap_table[n++].address = (uint64_t)exception_stubs[v];
    }
    for (unsigned v = 0; v < 16; v++) {
        trap_table[n].vector = (uint8_t)(0x80 + v);
        trap_table[n].flags = 3;
        trap_table[n].cs = FLAT_KERNEL_CS;
        trap_table[n++].address = (uint64_t)softint_stubs[v];
    }
}

static long register_callback(unsigned type, void (*entry)(void), unsigned flags)
{
    struct callback_register callback = {0};

    callback.type = (uint16_t)type;
    callback.flags = (uint16_t)flags;
    callback.address = (uint64_t)entry;
    return hc(callback_op, CALLBACKOP_register, &callback);
}

void trap_restore(void)
{
    long error = hc(set_trap_table, 0);

    error |= hc(set_trap_table, trap_table);
    error |= register_callback(CALLBACKTYPE_event, entry_event, 0);
    error |= register_callback(CALLBACKTYPE_failsafe, entry_failsafe, CALLBACKF_mask_events);
    error |= register_callback(CALLBACKTYPE_syscall, entry_syscall, CALLBACKF_mask_events);
    error |= register_callback(CALLBACKTYPE_nmi, entry_nmi, 0);
    error |= hc(stack_switch, FLAT_KERNEL_SS, vcpu_entry_stack(this_vcpu()->id));
    if (error)
        print("FATAL cannot install the trap table and callbacks: %ld\n", error);
}

void trap_init(void)
{
    build_table();
    trap_restore();
}

// User mode

int user_run(struct regs *regs)
{
    struct vcpu_block *vcpu = this_vcpu();
    struct regs frame = *regs;

    if (!frame.cs)
        frame.cs = FLAT_USER_CS;
    if (!frame.ss)
        frame.ss = FLAT_USER_SS;
    frame.cs |= 3;
    frame.ss |= 3;
    frame.rflags |= 2;
    if (jump_set(&vcpu->user_return) == 0) {
        vcpu->in_user = true;
        regs_load(&frame);
    }
    *regs = vcpu->user;
    return (int)vcpu->user.vector;
}

uint64_t user_fault_cr2(void)
{
    return this_vcpu()->user_cr2;
}

// Dispatch

static bool from_user(const struct regs *regs)
{
    return (regs->cs & 3) == 3;
}

static uint64_t fault_address(unsigned vcpu)
{
    return vcpu_info_of(vcpu)->arch.cr2;
}

static void back_from_user(struct vcpu_block *vcpu, const struct regs *regs, uint64_t cr2)
{
    vcpu->user = *regs;
    vcpu->user_cr2 = cr2;
    vcpu->in_user = false;
    events_enable();
    jump_to(&vcpu->user_return, 1);
}

static void unexpected(struct vcpu_block *vcpu, const struct regs *regs, uint64_t cr2)
{
    vcpu->spurious++;
    if (vcpu->id == 0)
        test_fail_now("unexpected vector 0x%lx error 0x%lx rip 0x%lx cs 0x%lx rsp 0x%lx cr2 0x%lx",
                      regs->vector, regs->error, regs->rip, regs->cs, regs->rsp, cr2);
    print("vcpu %u: unexpected vector 0x%lx error 0x%lx rip 0x%lx cr2 0x%lx\n", vcpu->id,
          regs->vector, regs->error, regs->rip, cr2);
    vcpu_down(vcpu->id);
}

void trap_dispatch(struct regs *regs)
{
    struct vcpu_block *vcpu = this_vcpu();
    uint64_t cr2 = fault_address(vcpu->id);

    if (regs->vector == VEC_EVENT) {
        regs->error = 0;
        events_upcall();
        return;
    }
    if (trap_hook && trap_hook(regs)) {
        regs->error = 0;
        return;
    }
    if (vcpu->in_user && (from_user(regs) || regs->vector == VEC_FAILSAFE))
        back_from_user(vcpu, regs, cr2);
    if (vcpu->catching)
        trap_caught(regs, cr2);
    unexpected(vcpu, regs, cr2);
}
