#include "frontends/kernel/trap.h"

#include "frontends/kernel/guest.h"
#include "pv-abi/callback.h"

#define VECTOR_NMI      2
#define VECTOR_FAILSAFE 32

extern uint8_t trap_stubs[32][16];
void entry_event(void);
void entry_failsafe(void);

static struct trap_info table[32]; // of every vector but NMI's; the last one ends it

static long set_callback(unsigned type, void (*entry)(void), unsigned flags)
{
    struct callback_register callback = {
        .type = (uint16_t)type, .flags = (uint16_t)flags, .address = (uint64_t)entry};

    return hc(callback_op, CALLBACKOP_register, &callback);
}

void trap_init(void)
{
    unsigned n = 0;

    for (unsigned vector = 0; vector < 32; vector++)
        if (vector != VECTOR_NMI)
            table[n++] = (struct trap_info){.vector = (uint8_t)vector,
                                            .flags = 4, // events masked
                                            .cs = FLAT_KERNEL_CS,
                                            .address = (uint64_t)trap_stubs[vector]};
    if (hc(set_trap_table, table) ||
        set_callback(CALLBACKTYPE_event, entry_event, CALLBACKF_mask_events) ||
        set_callback(CALLBACKTYPE_failsafe, entry_failsafe, CALLBACKF_mask_events))
        panic("the hypervisor refused the trap table or a callback");
}

void trap_panic(const struct trap_frame *f)
{
    print("rax %016lx rbx %016lx rcx %016lx rdx %016lx\n", f->rax, f->rbx, f->rcx, f->rdx);
    print("rsi %016lx rdi %016lx rbp %016lx rsp %016lx\n", f->rsi, f->rdi, f->rbp, f->rsp);
    print("r8  %016lx r9  %016lx r10 %016lx r11 %016lx\n", f->r8, f->r9, f->r10, f->r11);
    print("r12 %016lx r13 %016lx r14 %016lx r15 %016lx\n", f->r12, f->r13, f->r14, f->r15);
    if (f->vector == VECTOR_FAILSAFE)
        panic("a segment register could not be loaded, at %#lx", f->rip);
    panic("exception %lu, error %#lx, at %#lx, flags %#lx, cr2 %#lx", f->vector, f->error, f->rip,
          f->rflags, shared_info ? shared_info->vcpu_info[0].arch.cr2 : 0);
}
