// Network cards of domains: the nodes of both ends, and what their scripts are told.
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
#include <sys/stat.h>
#include <unistd.h>

#include "domain/userdata.h"
#include "domain/vifs.h"
#include "tests/suite.h"
#include "tests/tools/domain_world.h"

#define BACK  "/local/domain/0/backend/vvif/1/0"
#define FRONT "/local/domain/1/device/vif/0"

static char folder[] = "/tmp/vifs.XXXXXX", script[64], notes[64], heard[512];
static const char *state = "2"; // in which the back end comes to be

// Whoever serves consoles and cards.
static void serve(void)
{
    char path[64];

    for (int id = 1; id < 4; id++) {
        snprintf(path, sizeof(path), "/local/domain/%d/console/tty", id);
        if (store_get(path))
            store_set(path, "/dev/pts/1");
        for (int i = 0; i < 2; i++) {
            snprintf(path, sizeof(path), "/local/domain/0/backend/vvif/%d/%d/state", id, i);
            if (store_get(path))
                store_set(path, strcmp(store_get(path), "5") ? state : "6");
        }
    }
}

// A script that notes down how it was called, and ends so.
static void make_script(int status)
{
    FILE *file = fopen(script, "w");

    fprintf(file, "#!/bin/sh\necho \"$1 $vif $bridge $mac $ip $XENBUS_PATH\" >>%s\nexit %d\n",
            notes, status);
    fclose(file);
    chmod(script, 0700);
    unlink(notes);
}

// How often it was called, and how for the last time.
static unsigned calls(void)
{
    FILE *file = fopen(notes, "r");
    unsigned count = 0;

    heard[0] = '\0';
    while (file && fgets(heard, sizeof(heard), file))
        count++;
    if (file)
        fclose(file);
    return count;
}

static int create(const char *card, domid_t *id)
{
    char lines[256];
    struct domain_config *config;
    int rc;

    snprintf(lines, sizeof(lines), "name='one'\nvif=['script=%s,mac=00:16:3e:00:00:01,%s']", script,
             card);
    config = world_config(lines);
    CU_ASSERT_PTR_NOT_NULL_FATAL(config);
    rc = domain_create(&world.t, config, id);
    domain_config_free(config);
    return rc;
}

static void begin(int status)
{
    world_reset();
    world.idle = serve;
    state = "2";
    make_script(status);
}

static void check_node(const char *path, const char *value)
{
    const char *is = store_get(path);

    CU_ASSERT_PTR_NOT_NULL_FATAL(is);
    CU_ASSERT_STRING_EQUAL(is, value);
}

static void test_created(void)
{
    domid_t id;

    begin(0);
    CU_ASSERT_EQUAL_FATAL(create("bridge=b,ip=10.0.0.1,rate=1MB/s,antispoof,mtu=1400", &id), 0);
    check_node(BACK "/frontend", FRONT);
    check_node(FRONT "/backend", BACK);
    check_node(BACK "/mac", "00:16:3e:00:00:01");
    check_node(FRONT "/mac", "00:16:3e:00:00:01");
    check_node(FRONT "/handle", "0");
    check_node(BACK "/rate", "50000,50000");
    check_node(BACK "/anti-spoof", "1");
    check_node(BACK "/mtu", "1400");
    check_node(BACK "/hotplug-status", "connected");
    CU_ASSERT_EQUAL(calls(), 1);
    CU_ASSERT_STRING_EQUAL(heard, "online vif1.0 b 00:16:3e:00:00:01 10.0.0.1 " BACK "\n");
    CU_ASSERT_EQUAL(domain_destroy(&world.t, id), 0);
    CU_ASSERT_EQUAL(calls(), 2);
    CU_ASSERT(!strncmp(heard, "offline vif1.0 ", 15));
    CU_ASSERT_PTR_NULL(store_get(BACK "/mac"));
}

static void test_refused(void)
{
    domid_t id;

    begin(3);
    CU_ASSERT_EQUAL(create("", &id), -EIO);
    CU_ASSERT_PTR_NOT_NULL(strstr(world_said(), "ended with status 3"));
    CU_ASSERT_EQUAL(calls(), 1); // what was not joined with anything is not taken out
    CU_ASSERT_PTR_NULL(store_get(BACK "/mac"));
    CU_ASSERT_EQUAL(world_domains(), 1);
    unlink(script);
    CU_ASSERT(create("", &id) < 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(world_said(), script));
    make_script(0);
    CU_ASSERT(create("backend=storage", &id) < 0);
    CU_ASSERT(create("backendtype=linux,antispoof", &id) < 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(world_said(), "antispoof"));
    state = "5"; // its server gives it up
    CU_ASSERT_EQUAL(create("", &id), -EIO);
    CU_ASSERT_PTR_NOT_NULL(strstr(world_said(), "vellum-netback refuses it"));
    state = "1"; // nobody serves it
    CU_ASSERT_EQUAL(create("", &id), -ETIMEDOUT);
    CU_ASSERT_EQUAL(calls(), 0);
    CU_ASSERT_EQUAL(world_domains(), 1);
}

static size_t kept(domid_t id)
{
    struct domain_config *config = NULL;
    size_t count;

    CU_ASSERT_EQUAL_FATAL(userdata_load(&world.t, id, &config), 0);
    count = config->vifs_count;
    domain_config_free(config);
    return count;
}

static void test_attached(void)
{
    struct vif_config vif = {.devid = 1,
                             .mac = {0, 0x16, 0x3e, 0, 0, 2},
                             .script = script,
                             .ifname = (char *)"cable",
                             .trusted = true};
    domid_t id;

    begin(0);
    CU_ASSERT_EQUAL_FATAL(create("", &id), 0);
    CU_ASSERT_EQUAL(kept(id), 1);
    CU_ASSERT_EQUAL(vif_attach(&world.t, id, &vif), 0);
    CU_ASSERT_EQUAL(calls(), 2);
    CU_ASSERT(!strncmp(heard, "online cable ", 13));
    CU_ASSERT_EQUAL(kept(id), 2);
    CU_ASSERT_EQUAL(vif_attach(&world.t, id, &vif), -EEXIST);
    CU_ASSERT_EQUAL(calls(), 2);
    CU_ASSERT_EQUAL(vif_detach(&world.t, id, 1, false), 0);
    CU_ASSERT(calls() == 3 && !strncmp(heard, "offline cable ", 14));
    CU_ASSERT_EQUAL(kept(id), 1);
    CU_ASSERT_EQUAL(vif_detach(&world.t, id, 1, false), -ENOENT);
    make_script(1);
    CU_ASSERT_EQUAL(vif_attach(&world.t, id, &vif), -EIO);
    CU_ASSERT_PTR_NULL(store_get("/local/domain/0/backend/vvif/1/1/mac"));
    CU_ASSERT_EQUAL(kept(id), 1);
    CU_ASSERT_EQUAL(domain_destroy(&world.t, id), 0);
}

int main(void)
{
    static CU_TestInfo tests[] = {
        {"made and gone with a domain", test_created},
        {"what cannot be served", test_refused},
        {"attached and detached", test_attached},
        CU_TEST_INFO_NULL,
    };
    int failed;

    if (!mkdtemp(folder))
        return 1;
    snprintf(script, sizeof(script), "%s/script", folder);
    snprintf(notes, sizeof(notes), "%s/notes", folder);
    failed = run_suite("network cards", tests);
    world_end();
    unlink(script);
    unlink(notes);
    rmdir(folder);
    return failed;
}
