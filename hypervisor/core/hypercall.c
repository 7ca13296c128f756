#include "core/hypercall.h"

#include <stdarg.h>

#include "core/domain.h"
#include "core/hypercall_table.h"
#include "cpu/percpu.h"
#include "lib/bits.h"
#include "lib/bug.h"
#include "lib/errno.h"
#include "pv-abi/async.h"
#include "pv-abi/hypercalls.h"
#include "pv-abi/multicall.h"

#define ARGS_0(a)
#define ARGS_1(a) a[0]
#define ARGS_2(a) a[0], a[1]
#define ARGS_3(a) a[0], a[1], a[2]
#define ARGS_4(a) a[0], a[1], a[2], a[3]

// Each handler behind one signature.
#define HYPERCALL_THUNK(name, kinds, nargs, params) \
    static long call_##name(const uint64_t *args)   \
    {                                               \
        return do_##name(ARGS_##nargs(args));       \
    }
HYPERCALL_TABLE(HYPERCALL_THUNK)

#define HYPERCALL_ENTRY(name, kinds, nargs, params) [__HYPERVISOR_##name] = {call_##name, kinds},
static const struct {
    long (*call)(const uint64_t *args);
    unsigned kinds;
} table[] = {HYPERCALL_TABLE(HYPERCALL_ENTRY)};

// Bytes of the instruction that makes a hypercall: SYSCALL; VMCALL or VMMCALL.
static const uint8_t insn_size[] = {[GUEST_PV] = 2, [GUEST_HVM] = 3};

long hypercall_dispatch(uint64_t number, const uint64_t args[6])
{
    if (unlikely(number >= ARRAY_SIZE(table)))
        return -ENOSYS;
    number = index_nospec(number, ARRAY_SIZE(table));
    if (unlikely(!(table[number].kinds >> current->domain->ops->kind & 1)))
        return -ENOSYS;
    return table[number].call(args);
}

static void restart_direct(struct cpu_user_regs *regs, unsigned number, unsigned nargs,
                           const uint64_t *args)
{
    uint64_t *const slots[] = {&regs->rdi, &regs->rsi, &regs->rdx,
                               &regs->r10, &regs->r8,  &regs->r9};

    regs->rip -= insn_size[current->domain->ops->kind];
    regs->rax = number;
    if (current->domain->ops->kind == GUEST_PV) { // SYSCALL has overwritten them; nobody else has
        regs->rcx = regs->rip;
        regs->r11 = regs->rflags;
    }
    for (unsigned i = 0; i < nargs; i++)
        *slots[i] = args[i];
}

static void restart_in_multicall(struct multicall_entry *call, unsigned number, unsigned nargs,
                                 const uint64_t *args)
{
    call->op = number;
    for (unsigned i = 0; i < nargs; i++)
        call->args[i] = args[i];
}

long hypercall_continue(unsigned number, unsigned nargs, ...)
{
    struct vcpu *v = current;
    uint64_t args[6];
    va_list ap;

    ASSERT(nargs <= ARRAY_SIZE(args));
    va_start(ap, nargs);
    for (unsigned i = 0; i < nargs; i++)
        args[i] = va_arg(ap, uint64_t);
    va_end(ap);
    if (v->multicall)
        restart_in_multicall(v->multicall, number, nargs, args);
    else
        restart_direct(&cpu_info()->regs, number, nargs, args);
    return -ERESTART;
}

void hypercall_from_guest(struct cpu_user_regs *regs)
{
    const uint64_t args[] = {regs->rdi, regs->rsi, regs->rdx, regs->r10, regs->r8, regs->r9};
    long result = hypercall_dispatch(regs->rax, args);

    if (likely(result != -ERESTART))
        regs->rax = (uint64_t)result;
}
