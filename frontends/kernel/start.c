// From the first instruction to the first thread.
#include "frontends/kernel/clock.h"
#include "frontends/kernel/console.h"
#include "frontends/kernel/events.h"
#include "frontends/kernel/grants.h"
#include "frontends/kernel/guest.h"
#include "frontends/kernel/pages.h"
#include "frontends/kernel/threads.h"
#include "frontends/kernel/trap.h"

struct start_info *start_info;
struct shared_info *shared_info;

static uint8_t shared_page[PAGE_SIZE] __attribute__((aligned(PAGE_SIZE)));

void guest_main(struct start_info *info)
{
    start_info = info;
    console_early_init();
    trap_init();
    if (map_frame_at(shared_page, info->shared_info >> PAGE_SHIFT))
        panic("cannot map the shared page");
    shared_info = (struct shared_info *)shared_page;
    events_init();
    pages_init();
    clock_init();
    console_init();
    threads_run(guest_thread, NULL);
}
