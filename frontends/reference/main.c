// The reference guest: a shell on the console, over the front ends.
//
// On the command line, last: run=COMMAND;COMMAND...  Commands to begin with.
#include "frontends/kernel/guest.h"
#include "frontends/kernel/pages.h"
#include "frontends/kernel/threads.h"
#include "frontends/reference/shell.h"
#include "frontends/xenbus/store.h"
#include "pv-abi/sched.h"
#include "pv-abi/version.h"

static void say_hello(void)
{
    char extra[XEN_EXTRAVERSION_LEN + 1] = "";
    long version = hc(xen_version, XENVER_version, 0);

    hc(xen_version, XENVER_extraversion, extra);
    print("Vellum reference guest on %ld.%ld%s: %lu pages of memory, %u free\n", version >> 16,
          version & 0xffff, extra, start_info->nr_pages, pages_left());
}

// What the toolstack asks of a guest: vl shutdown, vl reboot.
static void obey(void *unused)
{
    static struct store_watch watch;
    char word[16];

    if (store_watch(&watch, "control/shutdown") < 0)
        thread_exit();
    for (unsigned seen = 0;; seen = watch.fired) {
        WAIT_FOR(&watch.queue, watch.fired != seen, FOREVER);
        if (store_read(0, "control/shutdown", word, sizeof(word)) <= 0)
            continue;
        print("told to %s\n", word);
        store_write(0, "control/shutdown", "");
        if (!strcmp(word, "poweroff") || !strcmp(word, "halt"))
            guest_shutdown(SHUTDOWN_poweroff);
        if (!strcmp(word, "reboot"))
            guest_shutdown(SHUTDOWN_reboot);
    }
}

void guest_thread(void *unused)
{
    char *run = strstr((char *)start_info->cmd_line, "run=");
    int error;

    say_hello();
    error = is_domain0() ? 0 : store_init();
    if (error)
        print("xenstore: none (%s)\n", error_name(error));
    else if (!is_domain0() && !thread_create("control", obey, NULL))
        print("no memory for a thread\n");
    shell_run(run ? run + 4 : NULL);
    shell_loop();
}
