// The machine's guests: their memory, their hypercalls, and what the hypervisor says.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/hypercall.h"
#include "core/hypercall_table.h"
#include "lib/errno.h"
#include "lib/log.h"
#include "mm/guest.h"
#include "pv-abi/mmu.h"
#include "tests/unit/mmu_machine.h"

int copy_from_guest(void *dst, uint64_t src, size_t len)
{
    if (src < PAGE_SIZE)
        return -EFAULT;
    memcpy(dst, (const void *)src, len);
    return 0;
}

int copy_pair_from_guest(uint64_t dst[2], uint64_t src)
{
    return copy_from_guest(dst, src, 16);
}

int copy_to_guest(uint64_t dst, const void *src, size_t len)
{
    if (dst < PAGE_SIZE)
        return -EFAULT;
    memcpy((void *)dst, src, len);
    return 0;
}

static __thread bool continued;
static __thread uint64_t continued_args[4];

long hypercall_continue(unsigned number, unsigned nargs, ...)
{
    va_list ap;

    va_start(ap, nargs);
    for (unsigned i = 0; i < nargs; i++)
        continued_args[i] = va_arg(ap, uint64_t);
    va_end(ap);
    continued = true;
    return -ERESTART;
}

void (*between_pieces)(void);

static bool goes_on(void)
{
    uint64_t args[4];

    if (!continued)
        return false;
    continued = false;
    if (abandon_one_in && one_in(abandon_one_in))
        return false;
    if (between_pieces) {
        memcpy(args, continued_args, sizeof(args));
        between_pieces();
        memcpy(continued_args, args, sizeof(args));
    }
    return true;
}

long call_mmu_update(struct mmu_update *r, unsigned n, unsigned dom, unsigned *done)
{
    uint64_t pdone = (uint64_t)done;
    long rc = do_mmu_update((uint64_t)r, n, pdone, dom);

    while (goes_on())
        rc = do_mmu_update(continued_args[0], (unsigned)continued_args[1], continued_args[2],
                           (unsigned)continued_args[3]);
    return rc;
}

long call_mmuext(struct mmuext_op *ops_, unsigned n, unsigned dom, unsigned *done)
{
    uint64_t pdone = (uint64_t)done;
    long rc = do_mmuext_op((uint64_t)ops_, n, pdone, dom);

    while (goes_on())
        rc = do_mmuext_op(continued_args[0], (unsigned)continued_args[1], continued_args[2],
                          (unsigned)continued_args[3]);
    return rc;
}

long call_memory_op(unsigned cmd, void *arg)
{
    long rc = do_memory_op(cmd, (uint64_t)arg);

    while (goes_on())
        rc = do_memory_op(continued_args[0], continued_args[1]);
    return rc;
}

__attribute__((weak)) long do_memory_op(uint64_t cmd, uint64_t arg)
{
    return -ENOSYS;
}

// Messages ----------------------------------------------------------------------------------------

void panic(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    abort();
}

void log_print(enum log_level level, const char *fmt, ...)
{
}

void log_guest(enum log_level level, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    if (getenv("VERBOSE"))
        vfprintf(stderr, fmt, ap);
    va_end(ap);
}
