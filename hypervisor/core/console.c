// The console. Log messages and domain 0's text share the devices, and a lock keeps lines whole;
// the ring that dmesg reads keeps the log alone, unless asked otherwise. Input goes to domain 0 or,
// after Ctrl-A three times, to the debug keys, and back the same way.
#include "core/console.h"

#include "core/domain.h"
#include "core/event.h"
#include "core/timer.h"
#include "cpu/spinlock.h"
#include "cpu/time.h"
#include "lib/cmdline.h"
#include "lib/log.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "mm/layout.h"
#include "platform/console.h"
#include "platform/serial.h"
#include "platform/vga.h"

#define RING_SIZE    (16u << 10) // power of two
#define INPUT_SIZE   256u
#define SWITCH_CHAR  0x01 // Ctrl-A
#define SWITCH_COUNT 3
#define POLL_PERIOD  MILLISECONDS(20)

static char opt_console[32] = "com1,vga";
static char opt_com1[32], opt_com2[32];
static bool opt_timestamps, opt_to_ring;
static char opt_loglvl[32], opt_guest_loglvl[32];
CMDLINE_STRING("console", opt_console, "devices to use: com1, com2, vga, none (default com1,vga)");
CMDLINE_STRING("com1", opt_com1, "BAUD[/CLOCK][,DPS[,IO-BASE[,IRQ]]] of the first serial port");
CMDLINE_STRING("com2", opt_com2, "the same of the second");
CMDLINE_BOOL("console_timestamps", opt_timestamps, "prefix each line of the log with the time");
CMDLINE_BOOL("console_to_ring", opt_to_ring, "keep domain 0's text in the log's ring, too");
CMDLINE_STRING("loglvl", opt_loglvl, "none, error, warning, info or all: what the console shows");
CMDLINE_STRING("guest_loglvl", opt_guest_loglvl, "the same for what guests cause");

static spinlock_t console_lock;
static bool forced;
static char ring[RING_SIZE];
static uint32_t ring_end; // free-running
static uint32_t ring_cleared;
static enum log_level threshold = LOG_INFO, guest_threshold = LOG_WARN;
static bool at_line_start = true;

static char input[INPUT_SIZE];
static uint32_t input_in, input_out;
static bool input_to_keys;
static unsigned switch_seen;
static struct timer poll_timer;

static void lock(void)
{
    if (!forced)
        spin_lock(&console_lock);
}

static void unlock(void)
{
    if (!forced)
        spin_unlock(&console_lock);
}

void console_force(void)
{
    forced = true;
}

static void ring_put(const char *text, size_t len)
{
    for (; len; len--)
        ring[ring_end++ % RING_SIZE] = *text++;
}

static enum log_level parse_level(const char *text, enum log_level fallback)
{
    static const char *const names[] = {"error", "warning", "info", "all"};

    for (unsigned i = 0; i < ARRAY_SIZE(names); i++)
        if (!strncmp(text, names[i], strlen(names[i])))
            return (enum log_level)i;
    return fallback;
}

static bool selected(const char *name)
{
    const char *at = strstr(opt_console, name);

    return at && (at == opt_console || at[-1] == ',');
}

void console_init(void)
{
    struct console_device *dev;

    threshold = parse_level(opt_loglvl, threshold);
    guest_threshold = parse_level(opt_guest_loglvl, guest_threshold);
    serial_configure(0, opt_com1);
    serial_configure(1, opt_com2);
    if (selected("com1") && (dev = serial_open(0)))
        console_add(dev);
    if (selected("com2") && (dev = serial_open(1)))
        console_add(dev);
    if (selected("vga") && (dev = vga_open(maddr_to_virt(0xb8000))))
        console_add(dev);
}

void log_vprint(enum log_level level, const char *fmt, va_list ap)
{
    static char line[512];
    char stamp[32];
    int n;

    lock();
    n = vsnprintf(line, sizeof(line), fmt, ap);
    if (n >= (int)sizeof(line))
        n = sizeof(line) - 1;
    if (at_line_start) {
        const char *prefix = stamp;

        if (opt_timestamps)
            snprintf(stamp, sizeof(stamp), "(v) [%5ld.%06ld] ", time_now() / 1000000000,
                     time_now() / 1000 % 1000000);
        else
            prefix = "(v) ";
        ring_put(prefix, strlen(prefix));
        if (level <= threshold || forced)
            console_write_devices(prefix, strlen(prefix));
    }
    ring_put(line, (size_t)n);
    if (level <= threshold || forced)
        console_write_devices(line, (size_t)n);
    at_line_start = n && line[n - 1] == '\n';
    unlock();
}

void log_print(enum log_level level, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    log_vprint(level, fmt, ap);
    va_end(ap);
}

// At most ten messages a second of what guests cause; the rest is counted.
static bool rate_limited(uint32_t *dropped)
{
    static spinlock_t rate_lock;
    static nsec_t window;
    static uint32_t count, lost;
    nsec_t now = time_now();
    bool drop;

    spin_lock(&rate_lock);
    *dropped = 0;
    if (now - window > SECONDS(1)) {
        *dropped = lost;
        window = now;
        count = lost = 0;
    }
    drop = ++count > 10;
    if (drop)
        lost++;
    spin_unlock(&rate_lock);
    return drop;
}

void log_guest(enum log_level level, const char *fmt, ...)
{
    char text[256];
    uint32_t dropped;
    va_list ap;

    if (level > guest_threshold || rate_limited(&dropped))
        return;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    if (dropped)
        log_print(level, "(%u messages about guests were dropped)\n", dropped);
    log_print(level, "d%uv%u %s", current->domain->id, current->id, text);
}

void console_write(struct domain *d, const char *text, size_t len)
{
    lock();
    if (opt_to_ring)
        ring_put(text, len);
    console_write_devices(text, len);
    at_line_start = len ? text[len - 1] == '\n' : at_line_start;
    unlock();
}

size_t console_read(char *buffer, size_t len)
{
    size_t n = 0;

    lock();
    while (n < len && input_out != input_in)
        buffer[n++] = input[input_out++ % INPUT_SIZE];
    unlock();
    return n;
}

static void switch_input(void)
{
    input_to_keys = !input_to_keys;
    log_err("Input goes to %s (Ctrl-A three times switches%s).\n",
            input_to_keys ? "the hypervisor" : "domain 0", input_to_keys ? "; h for help" : "");
}

static void take_input(char c)
{
    if (c == SWITCH_CHAR) {
        if (++switch_seen == SWITCH_COUNT) {
            switch_seen = 0;
            switch_input();
            return;
        }
    } else {
        switch_seen = 0;
    }
    if (input_to_keys) {
        debug_key(c);
        return;
    }
    lock();
    if (input_in - input_out < INPUT_SIZE)
        input[input_in++ % INPUT_SIZE] = c;
    unlock();
    if (dom0)
        event_send_host_virq(VIRQ_CONSOLE);
}

static void poll(void *unused)
{
    console_poll();
    timer_set(&poll_timer, time_now() + POLL_PERIOD);
}

void console_enable_input(void)
{
    console_set_input(take_input);
    serial_enable_interrupts();
    if (!console_needs_polling())
        return;
    timer_init(&poll_timer, poll, NULL, 0);
    timer_set(&poll_timer, time_now() + POLL_PERIOD);
}

size_t console_ring_read(uint32_t *index, char *buffer, size_t len)
{
    size_t n = 0;

    lock();
    if (ring_end - *index > RING_SIZE)
        *index = ring_end - RING_SIZE;
    if ((int32_t)(*index - ring_cleared) < 0)
        *index = ring_cleared;
    while (n < len && *index != ring_end)
        buffer[n++] = ring[(*index)++ % RING_SIZE];
    unlock();
    return n;
}

void console_ring_clear(void)
{
    lock();
    ring_cleared = ring_end;
    unlock();
}
