// The end, when the hypervisor itself is wrong.
#include <stdarg.h>

#include "core/console.h"
#include "cpu/apic.h"
#include "cpu/asm.h"
#include "cpu/percpu.h"
#include "cpu/time.h"
#include "core/panic.h"
#include "lib/bug.h"
#include "lib/cmdline.h"
#include "lib/log.h"
#include "lib/symbols.h"
#include "platform/reset.h"

static bool opt_noreboot;
CMDLINE_BOOL("noreboot", opt_noreboot, "halt instead of rebooting after a panic");

void panic_end(void)
{
    if (opt_noreboot) {
        log_err("Halted (noreboot).\n");
        machine_halt();
    }
    log_err("Rebooting in five seconds.\n");
    time_delay(SECONDS(5));
    machine_reboot();
}

void panic(const char *fmt, ...)
{
    static volatile uint32_t panicking;
    va_list ap;

    cli();
    if (__atomic_fetch_add(&panicking, 1, __ATOMIC_SEQ_CST))
        halt_forever(); // another CPU's, or one within the first
    apic_stop_others();
    console_force();
    log_err("\n*** Vellum panic on CPU %u ***\n", this_cpu());
    va_start(ap, fmt);
    log_vprint(LOG_ERR, fmt, ap);
    va_end(ap);
    backtrace_from((uint64_t)__builtin_return_address(0), (uint64_t)__builtin_frame_address(0));
    panic_end();
}
