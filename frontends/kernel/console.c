#include "frontends/kernel/console.h"

#include <stdarg.h>

#include "frontends/kernel/clock.h"
#include "frontends/kernel/events.h"
#include "frontends/kernel/guest.h"
#include "frontends/kernel/pages.h"
#include "frontends/kernel/threads.h"
#include "hypervisor/lib/printf.h"
#include "pv-abi/console_io.h"
#include "pv-abi/io/console.h"
#include "pv-abi/sched.h"

#define PATIENCE (2 * NS_PER_S)

static struct xencons_interface *ring; // NULL: the hypervisor's console
static bool threads_may_wait;          // console_init() has been called
static uint32_t written, taken;        // our indexes: what the ring shows of them is not believed
static bool stalled;                   // nobody reads
static uint64_t lost;
static WAIT_QUEUE(progress);

// Reads a daemon's index; what cannot be counts as no progress.
static uint32_t room(void)
{
    uint32_t unread = written - __atomic_load_n(&ring->out_cons, __ATOMIC_ACQUIRE);

    return unread > sizeof(ring->out) ? 0 : (uint32_t)sizeof(ring->out) - unread;
}

static bool wait_for_room(void)
{
    uint64_t deadline = shared_info ? clock_after(PATIENCE) : 0;

    if (stalled)
        return false;
    event_send(start_info->console.domU.evtchn);
    if (threads_may_wait && !events_in_handler())
        return WAIT_FOR(&progress, room() > 0, deadline);
    while (room() == 0 && shared_info && clock_now() < deadline)
        hc(sched_op, SCHEDOP_yield, 0);
    return room() > 0;
}

static void put(char c)
{
    if (room() == 0 && !wait_for_room()) {
        stalled = true;
        lost++;
        return;
    }
    stalled = false;
    ring->out[MASK_XENCONS_IDX(written, ring->out)] = c;
    __atomic_store_n(&ring->out_prod, ++written, __ATOMIC_RELEASE);
}

void console_write(const char *text, size_t size)
{
    if (!ring) {
        hc(console_io, CONSOLEIO_write, size, text);
        return;
    }
    for (size_t i = 0; i < size; i++) {
        if (text[i] == '\n')
            put('\r');
        put(text[i]);
    }
    event_send(start_info->console.domU.evtchn);
}

void console_flush(void)
{
    uint64_t deadline = clock_after(NS_PER_S);

    while (ring && room() < sizeof(ring->out) && clock_now() < deadline)
        hc(sched_op, SCHEDOP_yield, 0);
}

uint64_t console_lost(void)
{
    return lost;
}

// Input

static bool take(char *c)
{
    uint32_t waiting;

    if (!ring)
        return hc(console_io, CONSOLEIO_read, 1, c) == 1;
    waiting = __atomic_load_n(&ring->in_prod, __ATOMIC_ACQUIRE) - taken;
    if (waiting == 0 || waiting > sizeof(ring->in))
        return false;
    *c = ring->in[MASK_XENCONS_IDX(taken, ring->in)];
    __atomic_store_n(&ring->in_cons, ++taken, __ATOMIC_RELEASE);
    return true;
}

static char read_char(void)
{
    char c = 0;

    while (!take(&c)) {
        if (ring)
            event_send(start_info->console.domU.evtchn); // there is room again
        wait_on(&progress, FOREVER);
    }
    return c;
}

void console_read_line(char *line, size_t size)
{
    size_t n = 0;

    for (;;) {
        char c = read_char();

        if (c == '\r' || c == '\n')
            break;
        if ((c == '\b' || c == 0x7f) && n) {
            n--;
            console_write("\b \b", 3);
        } else if (c >= ' ' && n + 1 < size) {
            line[n++] = c;
            console_write(&c, 1);
        }
    }
    line[n] = '\0';
    console_write("\n", 1);
}

// Set-up

static void news(void *unused)
{
    wake_all(&progress);
}

void console_early_init(void)
{
    if (is_domain0())
        return;
    ring = address_of_mfn(start_info->console.domU.mfn);
    written = ring->out_prod; // 0, unless somebody wrote before us
    taken = ring->in_cons;
}

void console_init(void)
{
    long port = is_domain0() ? event_bind_virq(VIRQ_CONSOLE, news, NULL)
                             : event_attach(start_info->console.domU.evtchn, news, NULL);

    if (port < 0)
        panic("cannot attach to the console's event: %s", error_name(port));
    threads_may_wait = true;
}

// What everybody prints with, and how a guest ends.

static void print_list(const char *format, va_list args)
{
    char line[512];
    int n = vsnprintf(line, sizeof(line), format, args);

    console_write(line, MIN((size_t)n, sizeof(line) - 1));
}

void print(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    print_list(format, args);
    va_end(args);
}

void guest_shutdown(unsigned reason)
{
    struct sched_shutdown shutdown = {.reason = reason};

    if (shared_info)
        console_flush();
    for (;;)
        hc(sched_op, SCHEDOP_shutdown, &shutdown);
}

void panic(const char *format, ...)
{
    va_list args;

    threads_may_wait = false;
    va_start(args, format);
    print("PANIC: ");
    print_list(format, args);
    print("\n");
    va_end(args);
    guest_shutdown(SHUTDOWN_crash);
}

const char *error_name(long error)
{
#define NAME(name, number) \
    case number:           \
        return #name;
    switch (-error) {
        XEN_ERRNO_LIST(NAME)
    default:
        return "error";
    }
#undef NAME
}
