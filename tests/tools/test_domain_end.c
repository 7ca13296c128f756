// How domains end: destroyed, asked to, and by their monitor, for every reason and every action
// that a configuration can name.
//
// sources: dom0-tools/domain/*.c dom0-tools/config/*.c dom0-tools/common/json.c
// sources: dom0-tools/builder/*.c dom0-tools/stream/*.c dom0-tools/control/grant_seed.c
// sources: dom0-tools/xenstore/text.c tests/tools/domain_world.c tests/tools/fake_store.c
// sources: dom0-tools/control/hvm.c tests/tools/fake_machine.c
// libraries: -lyajl -luuid -lz -llzma -lzstd -Wl,--wrap=malloc,--wrap=calloc,--wrap=strdup
// libraries: -Wl,--wrap=open,--wrap=fopen,--wrap=mkdir,--wrap=rename,--wrap=unlink,--wrap=glob
// libraries: -Wl,--wrap=poll,--wrap=nanosleep,--wrap=clock_gettime
#include <CUnit/Basic.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "domain/userdata.h"
#include "pv-abi/sched.h"
#include "tests/suite.h"
#include "tests/tools/domain_world.h"

static domid_t guest; // the last one that was made
static unsigned frames;

// What happens while somebody waits: the console daemon serves, then this.
static void (*happens)(void);
static unsigned happened;

static void idle(void)
{
    char path[64];

    for (unsigned id = 1; id < 4; id++) {
        snprintf(path, sizeof(path), "/local/domain/%u/console/tty", id);
        if (store_get(path) && !*store_get(path)) {
            store_set(path, "/dev/pts/1");
            return;
        }
    }
    happened++;
    if (happens)
        happens();
}

static void begin(const char *lines)
{
    struct domain_config *config;

    world_reset();
    world.idle = idle;
    happens = NULL;
    happened = 0;
    store_remember();
    frames = machine.frames_left;
    config = world_config(lines);
    CU_ASSERT_EQUAL_FATAL(domain_create(&world.t, config, &guest), 0);
    CU_ASSERT_EQUAL_FATAL(domain_unpause(&world.t, guest), 0);
    domain_config_free(config);
    world_said();
}

static bool nothing_is_left(void)
{
    return world_domains() == 1 && machine.frames_left == frames && store_is_as_remembered() &&
           !store.introduced && store.handles == 1 && !world_files();
}

#define SAYS(words) CU_ASSERT_PTR_NOT_NULL(strstr(world_said(), words))

static char *node_of(domid_t id, const char *name)
{
    static char path[FAKE_PATH];

    snprintf(path, sizeof(path), "/local/domain/%u/%s", id, name);
    return path;
}

// --- destroy ---

static void test_destroy(void)
{
    begin("");
    CU_ASSERT_EQUAL(domain_destroy(&world.t, guest), 0);
    CU_ASSERT(nothing_is_left());
    CU_ASSERT_EQUAL(domain_destroy(&world.t, guest), -ESRCH);
    SAYS("domain 1: No such process");
}

// It was the hypervisor's to end it: what it left behind goes.
static void test_destroy_remains(void)
{
    begin("");
    world_forget(guest);
    CU_ASSERT_EQUAL(domain_destroy(&world.t, guest), 0);
    CU_ASSERT(nothing_is_left());
}

// Whichever call fails, the next try ends it.
static void test_destroy_fails(void)
{
    unsigned at = 1, refused = 0;

    for (;; at++) {
        begin("");
        world.fail_at = at;
        world.error = EIO;
        int rc = domain_destroy(&world.t, guest);
        world.fail_at = 0;
        if (!world.failed)
            break;
        refused += rc != 0;
        if (rc)
            CU_ASSERT(*world_said() != '\0');
        rc = domain_destroy(&world.t, guest);
        CU_ASSERT(!rc || rc == -ESRCH);
        if (!nothing_is_left()) {
            printf("    call %u (%s) failed\n", at, world.failed);
            CU_FAIL("something is left");
        }
    }
    CU_ASSERT(at > 8);
    CU_ASSERT(refused >= 2);
}

// --- requests ---

static void takes_notice(void)
{
    store_set(node_of(guest, "control/shutdown"), "");
}

static void goes_at_once(void)
{
    world_shut_down(guest, SHUTDOWN_poweroff);
}

static void is_destroyed(void)
{
    happens = NULL;
    domain_destroy(&world.t, guest);
}

static void test_request(void)
{
    begin("");
    happens = takes_notice;
    CU_ASSERT_EQUAL(domain_request(&world.t, guest, REQUEST_REBOOT, 30), 0);
    CU_ASSERT_EQUAL(happened, 1);
    happens = goes_at_once;
    CU_ASSERT_EQUAL(domain_request(&world.t, guest, REQUEST_POWEROFF, 30), 0);
    CU_ASSERT_STRING_EQUAL(store_get(node_of(guest, "control/shutdown")), "poweroff");
    CU_ASSERT_EQUAL(domain_destroy(&world.t, guest), 0);
    CU_ASSERT(nothing_is_left());
    CU_ASSERT_EQUAL(domain_request(&world.t, guest, REQUEST_HALT, 30), -ESRCH);
    SAYS("domain 1: No such process");
}

// It does not hear: the request is taken back, lest it be obeyed tomorrow.
static void test_request_unheard(void)
{
    begin("");
    CU_ASSERT_EQUAL(domain_request(&world.t, guest, REQUEST_SUSPEND, 30), -ETIMEDOUT);
    SAYS("has taken no notice of 'suspend' within 30 s");
    CU_ASSERT_STRING_EQUAL(store_get(node_of(guest, "control/shutdown")), "");
    CU_ASSERT(world.waited >= 30000000000ull && world.waited < 31000000000ull);
    CU_ASSERT_EQUAL(store.handles, 1);
    store.conflicts = 2; // and others write meanwhile
    CU_ASSERT_EQUAL(domain_request(&world.t, guest, REQUEST_SUSPEND, 1), -ETIMEDOUT);
    CU_ASSERT_STRING_EQUAL(store_get(node_of(guest, "control/shutdown")), "");
}

static void test_request_gone(void)
{
    begin("");
    happens = is_destroyed;
    CU_ASSERT_EQUAL(domain_request(&world.t, guest, REQUEST_POWEROFF, 30), -ESRCH);
    CU_ASSERT(nothing_is_left());
}

static void test_wait(void)
{
    begin("");
    CU_ASSERT_EQUAL(domain_wait(&world.t, guest, 5), -ETIMEDOUT);
    SAYS("has not shut down within 5 s");
    happens = goes_at_once;
    CU_ASSERT_EQUAL(domain_wait(&world.t, guest, 5), SHUTDOWN_poweroff);
    is_destroyed();
    CU_ASSERT_EQUAL(domain_wait(&world.t, guest, 0), -ESRCH);
}

// --- the monitor ---

static unsigned reason, lives; // each life of so many ends for this reason; then the guest goes
static uint64_t lifetime;      // and is so long, in ns

static domid_t newest(void)
{
    domid_t found = 0;

    for (domid_t id = 1; id < 4; id++)
        if (world_flags(id) & XEN_DOMINF_running && !(world_flags(id) & XEN_DOMINF_shutdown))
            found = id;
    return found;
}

static void lives_and_ends(void)
{
    domid_t id = newest();

    CU_ASSERT_FATAL(id != 0);
    world.waited += lifetime;
    if (lives--) {
        world_shut_down(id, reason);
    } else {
        world.idle = NULL;
        domain_destroy(&world.t, id); // by someone else
    }
}

// Runs the monitor of a guest made of these lines. Returns what it said.
static const char *monitored(const char *lines, unsigned why, unsigned times, uint64_t ns)
{
    begin(lines);
    happens = lives_and_ends;
    reason = why;
    lives = times;
    lifetime = ns;
    CU_ASSERT_EQUAL(domain_monitor(&world.t, guest), 0);
    return world_said();
}

#define LONG_LIFE 20000000000ull

static bool destroyed(const char *lines, unsigned why, const char *words)
{
    const char *said = monitored(lines, why, 1, LONG_LIFE);

    return strstr(said, words) && strstr(said, "destroy") && nothing_is_left();
}

static void test_destroyed(void)
{
    CU_ASSERT(destroyed("", SHUTDOWN_poweroff, "powered off"));
    CU_ASSERT(destroyed("", SHUTDOWN_crash, "crashed"));
    CU_ASSERT(destroyed("", SHUTDOWN_watchdog, "watchdog ran out"));
    CU_ASSERT(destroyed("", SHUTDOWN_soft_reset, "soft resets are not supported: destroyed"));
    CU_ASSERT(destroyed("on_reboot='destroy'", SHUTDOWN_reboot, "reboots"));
    CU_ASSERT(destroyed("on_crash='destroy'", SHUTDOWN_MAX + 1, "unknown reason"));
}

// Four lives, the last of which another ends: three restarts.
static void test_restarted(void)
{
    const char *said = monitored("", SHUTDOWN_reboot, 3, LONG_LIFE);

    CU_ASSERT_PTR_NOT_NULL(strstr(said, "domain 2: is the new number of the domain"));
    CU_ASSERT_PTR_NOT_NULL(strstr(said, "domain 3: is the new number of the domain"));
    CU_ASSERT_PTR_NOT_NULL(strstr(said, "domain 1: is the new number of the domain"));
    CU_ASSERT_PTR_NOT_NULL(strstr(said, "no longer monitored"));
    CU_ASSERT(nothing_is_left());
    // This guest cannot be dumped, for it has never run. That does not keep it from its next life.
    said = monitored("on_crash='coredump-restart'", SHUTDOWN_crash, 2, LONG_LIFE);
    CU_ASSERT_PTR_NOT_NULL(strstr(said, "P2M list"));
    CU_ASSERT_PTR_NOT_NULL(strstr(said, "domain 3: is the new number of the domain"));
    CU_ASSERT(nothing_is_left());
}

static void test_preserved(void)
{
    monitored("on_poweroff='preserve'", SHUTDOWN_poweroff, 1, LONG_LIFE);
    CU_ASSERT(world_flags(1) & XEN_DOMINF_shutdown);
    CU_ASSERT_STRING_EQUAL(store_get("/local/domain/1/name"), "guest");
    CU_ASSERT_EQUAL(world_files(), 1);
}

static void test_renamed(void)
{
    struct domain_config *kept = NULL;
    const char *name;

    monitored("on_crash='rename-restart'", SHUTDOWN_crash, 1, LONG_LIFE);
    CU_ASSERT(world_flags(1) & XEN_DOMINF_shutdown);
    CU_ASSERT_EQUAL(world_domains(), 2); // its successor was destroyed
    name = store_get("/local/domain/1/name");
    CU_ASSERT_FATAL(name && !strncmp(name, "guest-20", 8));
    CU_ASSERT_EQUAL_FATAL(userdata_load(&world.t, 1, &kept), 0);
    CU_ASSERT_STRING_EQUAL(kept->name, name);
    domain_config_free(kept);
    CU_ASSERT_EQUAL(domain_destroy(&world.t, 1), 0);
    CU_ASSERT(nothing_is_left());
}

// It ends at once, again and again: the fifth time it is left as it is, and that is said.
static void test_brake(void)
{
    const char *said = monitored("on_crash='restart'", SHUTDOWN_crash, 100, 1000000000);

    CU_ASSERT_PTR_NOT_NULL(strstr(said, "has ended 5 times within 10 s of its start: not started "
                                        "again but left as it is"));
    CU_ASSERT_EQUAL(lives, 95);
    CU_ASSERT_EQUAL(world_domains(), 2);
    CU_ASSERT(world_flags(2) & XEN_DOMINF_shutdown);
    // A long life in between, and it is none of these.
    CU_ASSERT_PTR_NULL(strstr(monitored("on_crash='restart'", SHUTDOWN_crash, 30, LONG_LIFE),
                              "not started again"));
}

// A guest that is being saved is let alone, and monitored on if it runs on.
static void is_saved(void)
{
    switch (lives++) {
    case 0:
        world_shut_down(guest, SHUTDOWN_suspend);
        break;
    case 3:
        world_resume(guest);
        break;
    case 4:
        world_shut_down(guest, SHUTDOWN_poweroff);
        break;
    default:
        break;
    }
}

static void test_suspended(void)
{
    begin("");
    lives = 0;
    happens = is_saved;
    CU_ASSERT_EQUAL(domain_monitor(&world.t, guest), 0);
    SAYS("powered off");
    CU_ASSERT(nothing_is_left());
}

static void test_config_lost(void)
{
    begin("");
    userdata_remove(guest);
    happens = goes_at_once;
    CU_ASSERT_EQUAL(domain_monitor(&world.t, guest), 0);
    SAYS("nothing is known of what to do then: left as it is");
    CU_ASSERT(world_flags(guest) & XEN_DOMINF_shutdown);
}

// --- names ---

static void test_rename(void)
{
    begin("");
    CU_ASSERT_EQUAL(domain_rename(&world.t, guest, "Domain-0"), -EEXIST);
    SAYS("domain 0 is called Domain-0 already");
    CU_ASSERT_EQUAL(domain_rename(&world.t, guest, "guest"), 0);
    CU_ASSERT_EQUAL(domain_rename(&world.t, guest, "new"), 0);
    CU_ASSERT_EQUAL(domain_find(&world.t, "new"), guest);
    CU_ASSERT_EQUAL(domain_find(&world.t, "guest"), -ESRCH);
    CU_ASSERT_EQUAL(domain_rename(&world.t, 3, "x"), -ESRCH);
}

int main(void)
{
    static CU_TestInfo tests[] = {
        {"destroyed", test_destroy},
        {"its remains", test_destroy_remains},
        {"a call fails while it is destroyed", test_destroy_fails},
        {"asked to", test_request},
        {"asked, and does not hear", test_request_unheard},
        {"asked, and gone", test_request_gone},
        {"waited for", test_wait},
        {"monitor: destroyed", test_destroyed},
        {"monitor: restarted", test_restarted},
        {"monitor: preserved", test_preserved},
        {"monitor: renamed", test_renamed},
        {"monitor: the brake", test_brake},
        {"monitor: suspended", test_suspended},
        {"monitor: its configuration is lost", test_config_lost},
        {"renamed", test_rename},
        CU_TEST_INFO_NULL,
    };
    int failed;

    world_reset();
    failed = run_suite("the end of a domain", tests);
    world_end();
    return failed;
}
