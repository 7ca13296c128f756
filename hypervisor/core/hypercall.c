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

#define ARGS_0(r)
#define ARGS_1(r) r->rdi
#define ARGS_2(r) r->rdi, r->rsi
#define ARGS_3(r) r->rdi, r->rsi, r->rdx
#define ARGS_4(r) r->rdi, r->rsi, r->rdx, r->r10

// Each handler behind one signature.
#define HYPERCALL_THUNK(name, kinds, nargs, params)        \
    static long call_##name(const struct cpu_user_regs *r) \
    {                                                      \
        return do_##name(ARGS_##nargs(r));                 \
    }
HYPERCALL_TABLE(HYPERCALL_THUNK)

#define HYPERCALL_ENTRY(name, kinds, nargs, params) [__HYPERVISOR_##name] = {call_##name, kinds},
static const struct {
    long (*call)(const struct cpu_user_regs *regs);
    unsigned kinds;
} table[] = {HYPERCALL_TABLE(HYPERCALL_ENTRY)};

// Bytes of the instruction that makes a hypercall: SYSCALL; VMCALL or VMMCALL.
static const uint8_t insn_size[] = {[GUEST_PV] = 2, [GUEST_HVM] = 3};

static inline long dispatch(uint64_t number, const struct cpu_user_regs *regs)
{
    if (unlikely(number >= ARRAY_SIZE(table)))
        return -ENOSYS;
    number = index_nospec(number, ARRAY_SIZE(table));
    if (unlikely(!(table[number].kinds >> current->domain->ops->kind & 1)))
        return -ENOSYS;
    return table[number].call(regs);
}

long hypercall_dispatch(unsigned number, const uint64_t args[6])
{
    struct cpu_user_regs regs;

    // The handlers look at nothing else.
    regs.rdi = args[0];
    regs.rsi = args[1];
    regs.rdx = args[2];
    regs.r10 = args[3];
    regs.r8 = args[4];
    regs.r9 = args[5];
    return dispatch(number, &regs);
}

static void restart_direct(struct cpu_user_regs *regs, unsigned number, unsigned nargs,
                           const uint64_t *args)
{
    uint64_t *const slots[] = {&regs->rdi, &regs->rsi, &regs->rdx,
                               &regs->r10, &regs->r8,  &regs->r9};

    regs->rip -= insn_size[current->domain->ops->kind];
    regs->rax = number;
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

    ASSERT(nargs <= ARRAY_SIZE(args) && !v->continuation);
    va_start(ap, nargs);
    for (unsigned i = 0; i < nargs; i++)
        args[i] = va_arg(ap, uint64_t);
    va_end(ap);
    if (v->multicall)
        restart_in_multicall(v->multicall, number, nargs, args);
    else
        restart_direct(&cpu_info()->regs, number, nargs, args);
    v->continuation = true;
    return -ERESTART;
}

void hypercall_from_guest(struct cpu_user_regs *regs)
{
    struct vcpu *v = current;
    long result = dispatch(regs->rax, regs);

    if (unlikely(v->continuation))
        v->continuation = false;
    else
        regs->rax = (uint64_t)result;
}
