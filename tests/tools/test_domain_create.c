// Making a domain, and every single thing that can go wrong meanwhile: each hypercall, each request
// to the store, each allocation, each file. Whatever fails, nothing is left and the reason is said.
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

#include "tests/suite.h"
#include "tests/tools/domain_world.h"

#define ALL_STEPS                                                                             \
    "cpus='0'\ncpus_soft='1'\ncpu_weight=512\ntsc_mode='native'\nioports=['2f8']\nirqs=[3]\n" \
    "iomem=['f0,1']\nextra='quiet'\ncpuid='host,avx=0'"

static struct domain_config *config;
static unsigned frames, files, descriptors;

// The console daemon, which serves every new guest.
static void serve_consoles(void)
{
    char path[64];

    for (unsigned id = 1; id < 4; id++) {
        snprintf(path, sizeof(path), "/local/domain/%u/console/tty", id);
        if (store_get(path) && !*store_get(path))
            store_set(path, "/dev/pts/1");
    }
}

// A world with one guest in it, which nothing may touch.
static void begin(void)
{
    struct domain_config *other;
    domid_t id;

    world_reset();
    world.idle = serve_consoles;
    other = world_config("name='other'");
    if (domain_create(&world.t, other, &id)) {
        printf("%s", world_said());
        CU_FAIL_FATAL("not even the first one");
    }
    domain_config_free(other);
    store_remember();
    frames = machine.frames_left;
    files = world_files();
    descriptors = world_descriptors();
    world_said();
}

// As begin() left it.
static bool nothing_is_left(void)
{
    return world_domains() == 2 && machine.frames_left == frames && store_is_as_remembered() &&
           store.introduced == 2 && store.handles == 1 && world_files() == files &&
           world_descriptors() == descriptors;
}

static bool is_there(domid_t id)
{
    char path[64];
    const char *name;

    snprintf(path, sizeof(path), "/local/domain/%u/name", id);
    name = store_get(path);
    return world_flags(id) & XEN_DOMINF_paused && name && !strcmp(name, "guest") &&
           store.introduced & 1u << id && world_files() == files + 1;
}

static void test_made(void)
{
    domid_t id = 0;

    begin();
    CU_ASSERT_EQUAL_FATAL(domain_create(&world.t, config, &id), 0);
    CU_ASSERT(is_there(id));
    CU_ASSERT_STRING_EQUAL(store_get("/local/domain/2/cpu/1/availability"), "online");
    CU_ASSERT_STRING_EQUAL(store_get("/local/domain/2/memory/target"), "4096");
    CU_ASSERT_STRING_EQUAL(store_get("/local/domain/0/backend/console/2/0/online"), "1");
    CU_ASSERT_STRING_EQUAL(world_said(), "");
    CU_ASSERT_EQUAL(domain_create(&world.t, config, &id), -EEXIST);
    CU_ASSERT_PTR_NOT_NULL(strstr(world_said(), "domain 2 is called guest already"));
    CU_ASSERT_EQUAL(domain_destroy(&world.t, 2), 0);
    CU_ASSERT(nothing_is_left());
}

// One call fails, the `at`-th. False if there were not so many.
static bool fails_at(unsigned at, int error, bool on, unsigned *refused)
{
    domid_t id = 0;
    int rc;

    begin();
    world.fail_at = at;
    world.fail_on = on;
    world.error = error;
    rc = domain_create(&world.t, config, &id);
    world.fail_at = 0;
    if (!world.failed)
        return false;
    if (rc) {
        (*refused)++;
        CU_ASSERT(rc < 0);
        CU_ASSERT(*world_said() != '\0');
    } else {
        CU_ASSERT(is_there(id));
        CU_ASSERT_EQUAL(domain_destroy(&world.t, id), 0);
    }
    if (on) // without a store its nodes stay, until the next destroy
        domain_destroy(&world.t, 2);
    if (!nothing_is_left() || (rc && !on && store.handles != 1)) {
        printf("    call %u (%s) failed with %s: result %d, %u domains, %u frames less, %u files\n",
               at, world.failed, strerror(error), rc, world_domains(), frames - machine.frames_left,
               world_files());
        CU_FAIL("something is left");
    }
    return true;
}

static void each_fails(int error, bool on)
{
    unsigned at = 1, refused = 0;

    while (fails_at(at, error, on, &refused))
        at++;
    printf("%u calls, %u refusals ", at - 1, refused);
    CU_ASSERT(at > 150);
    CU_ASSERT(refused > 130); // the others: to wait for the console daemon
}

static void test_one_fails(void)
{
    each_fails(ENOMEM, false);
    each_fails(EIO, false);
}

static void test_store_dies(void)
{
    each_fails(EBADF, true);
}

// Others' changes come between: it is tried again.
static void test_conflicts(void)
{
    domid_t id = 0;

    begin();
    store.conflicts = 3;
    CU_ASSERT_EQUAL(domain_create(&world.t, config, &id), 0);
    CU_ASSERT(is_there(id));
    CU_ASSERT_EQUAL(store.conflicts, 0);
}

// The machine's memory is gone in the midst of it.
static void test_no_memory(void)
{
    domid_t id = 0;

    for (unsigned left = 0; left < 1024; left += 31) {
        begin();
        machine.frames_left = left;
        CU_ASSERT(domain_create(&world.t, config, &id) < 0);
        CU_ASSERT(*world_said() != '\0');
        CU_ASSERT_EQUAL(machine.frames_left, left);
        machine.frames_left = frames;
        CU_ASSERT(nothing_is_left());
    }
}

// A machine without a console daemon makes guests too, after a while and with a word.
static void test_no_console_daemon(void)
{
    domid_t id = 0;

    begin();
    world.idle = NULL;
    CU_ASSERT_EQUAL(domain_create(&world.t, config, &id), 0);
    CU_ASSERT(world.waited >= 2000000000ull && world.waited < 2100000000ull);
    CU_ASSERT_PTR_NOT_NULL(strstr(world_said(), "is vellum-consoled running?"));
    CU_ASSERT(is_there(id));
}

static void refuses(const char *lines, int error, const char *words)
{
    struct domain_config *wrong = world_config(lines);
    domid_t id = 0;

    begin();
    CU_ASSERT_EQUAL(domain_create(&world.t, wrong, &id), error);
    CU_ASSERT_PTR_NOT_NULL(strstr(world_said(), words));
    CU_ASSERT(nothing_is_left());
    domain_config_free(wrong);
}

static void test_refused(void)
{
    refuses("pool='mine'", -ENOSYS, "only Pool-0");
    refuses("kernel='/nowhere'", -ENOENT, "/nowhere: cannot be opened");
    refuses("ramdisk='/nowhere'", -ENOENT, "/nowhere: cannot be opened");
    refuses("type='pvh'", -ENOSYS, "virt_caps"); // the machine has no such capability
    refuses("memory=1", -ENOSPC, "too little");
    refuses("cpus='7'", -EINVAL, "7");
    refuses("cpuid='host,avx=1'", -EOPNOTSUPP, "the guest is to have AVX, and this machine's");
}

int main(void)
{
    static CU_TestInfo tests[] = {
        {"all goes well", test_made},
        {"one call fails", test_one_fails},
        {"the store dies", test_store_dies},
        {"conflicts in the store", test_conflicts},
        {"too little memory", test_no_memory},
        {"no console daemon", test_no_console_daemon},
        {"refused", test_refused},
        CU_TEST_INFO_NULL,
    };
    int failed;

    world_reset();
    config = world_config(ALL_STEPS);
    failed = run_suite("making a domain", tests);
    domain_config_free(config);
    world_end();
    return failed;
}
