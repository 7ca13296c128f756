// HYPERVISOR_console_io: the machine's console for the domain that owns it. Text is passed on in
// pieces, so that neither a long write nor its copying holds the CPU.
#include "core/console.h"
#include "core/domain.h"
#include "core/hypercall.h"
#include "core/hypercall_table.h"
#include "core/permissions.h"
#include "cpu/smp.h"
#include "lib/errno.h"
#include "mm/guest.h"
#include "pv-abi/console_io.h"
#include "pv-abi/hypercalls.h"

#define PIECE 128 // bytes

static long write_pieces(unsigned count, uint64_t buffer)
{
    char piece[PIECE];

    while (count) {
        unsigned n = MIN(count, (unsigned)PIECE);

        if (copy_from_guest(piece, buffer, n))
            return -EFAULT;
        console_write(current->domain, piece, n);
        count -= n;
        buffer += n;
        if (count && preempt_check())
            return hypercall_continue(__HYPERVISOR_console_io, 3, (uint64_t)CONSOLEIO_write,
                                      (uint64_t)count, buffer);
    }
    return 0;
}

static long read_pieces(unsigned count, uint64_t buffer)
{
    char piece[PIECE];
    unsigned done = 0;

    if (count > INT32_MAX)
        return -E2BIG; // the result would look like an error
    while (done < count) {
        size_t n = console_read(piece, MIN(count - done, (unsigned)PIECE));

        if (n == 0)
            break;
        if (copy_to_guest(buffer + done, piece, n))
            return -EFAULT;
        done += n;
    }
    return done;
}

long do_console_io(unsigned cmd, unsigned count, uint64_t buffer)
{
    if (permit(PERMIT_console_io, NULL))
        return -EPERM;
    if (cmd != CONSOLEIO_write && cmd != CONSOLEIO_read)
        return -ENOSYS;
    return cmd == CONSOLEIO_write ? write_pieces(count, buffer) : read_pieces(count, buffer);
}
