// Disks of domains that a script makes: what it is told, when it is called, and that each time it
// has added something it is called to remove it, whatever fails.
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
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/vdev.h"
#include "domain/devices.h"
#include "domain/userdata.h"
#include "tests/suite.h"
#include "tests/tools/domain_world.h"

#define DISKS      "/libxl/1/device/vbd"
#define FIRST      DISKS "/51712"
#define FOLDER     FIRST "/script/0"
#define BACK(disk) "/local/domain/0/backend/vvbd/1/" disk

static char folder[] = "/tmp/disks.XXXXXX", script[64], notes[64], heard[4096];
static const char *state;   // in which the back end comes to be
static const char *refused; // a medium that it does not take
static const char *outcome; // what the script says; NULL: nothing
static bool closes;         // the guest lets go of its disks
static int (*refuse)(const char *what);

// Whoever serves consoles and disks.
static void serve(void)
{
    static const char *const disks[] = {"51712", "51728", "51760"};
    char path[64], medium[128];

    for (int id = 1; id < 4; id++) {
        snprintf(path, sizeof(path), "/local/domain/%d/console/tty", id);
        if (store_get(path))
            store_set(path, "/dev/pts/1");
        for (int i = 0; i < 3; i++) {
            snprintf(path, sizeof(path), "/local/domain/0/backend/vvbd/%d/%s/state", id, disks[i]);
            if (!store_get(path))
                continue;
            if (strcmp(store_get(path), "5"))
                store_set(path, state);
            else if (closes)
                store_set(path, "6");
        }
    }
    if (!store_get(BACK("51760") "/params"))
        return;
    snprintf(medium, sizeof(medium), "%s", store_get(BACK("51760") "/params"));
    if (refused && !strcmp(medium, refused))
        store_set(BACK("51760") "/hotplug-error", "not that");
    else
        store_set(BACK("51760") "/medium", medium);
}

static unsigned lines_of(const char *word)
{
    FILE *file = fopen(notes, "r");
    unsigned count = 0;

    heard[0] = '\0';
    while (file && fgets(heard, sizeof(heard), file))
        count += !strncmp(heard, word, strlen(word));
    if (file)
        fclose(file);
    return count;
}

// How often the script was called so; what it last heard is in `heard`.
#define ADDED()   lines_of("add ")
#define REMOVED() lines_of("remove ")

// The script cannot reach the store, so what it would write there appears beside what it is told;
// by then, no back end may know of the disk.
static int script_writes(const char *what)
{
    static char path[FAKE_PATH];
    static const char *const folders[] = {FOLDER, FIRST "/script/1", DISKS "/51728/script/0",
                                          DISKS "/51760/script/0", DISKS "/51760/script/1"};

    for (int i = 0; i < 5 && outcome; i++) {
        snprintf(path, sizeof(path), "%s/incoming", folders[i]); // the last that is told
        bool told = store_get(path);
        snprintf(path, sizeof(path), "%s/%s", folders[i],
                 *outcome == '!' ? "hotplug-error" : "physical-device-path");
        if (told && !store_get(path)) {
            store_set(path, *outcome == '!' ? outcome + 1 : outcome);
            if (i == 0)
                CU_ASSERT_PTR_NULL(store_get(BACK("51712") "/params"));
        }
    }
    return refuse(what);
}

static void make_script(int status)
{
    FILE *file = fopen(script, "w");

    fprintf(file,
            "#!/bin/sh\n[ $# = 1 ] || exit 9\n"
            "echo \"$1 $XENBUS_TYPE $XENBUS_BASE_PATH $XENBUS_PATH\" >>%s\nexit %d\n",
            notes, status);
    fclose(file);
    chmod(script, 0700);
}

static void begin(const char *what, int status)
{
    world_reset();
    world.idle = serve;
    refuse = store.refuse;
    store.refuse = script_writes;
    state = "2";
    closes = true;
    outcome = what;
    refused = NULL;
    make_script(status);
    unlink(notes);
}

static struct domain_config *config_of(const char *disks)
{
    char lines[1024];
    struct domain_config *config;

    snprintf(lines, sizeof(lines), "disk=[%s]", disks);
    config = world_config(lines);
    CU_ASSERT_PTR_NOT_NULL_FATAL(config);
    return config;
}

static int create(const char *disks, domid_t *id)
{
    struct domain_config *config = config_of(disks);
    int rc = domain_create(&world.t, config, id);

    domain_config_free(config);
    return rc;
}

static const char *with_script(const char *rest)
{
    static char text[2][256];
    static unsigned next;

    snprintf(text[next = !next], sizeof(text[0]), "'vdev=%s,script=%s'", rest, script);
    return text[next];
}

static struct disk_config disk_of(const char *vdev)
{
    struct disk_config disk = {.target = (char *)"thing",
                               .vdev = (char *)vdev,
                               .script = script,
                               .writable = true,
                               .discard = true,
                               .trusted = true};

    vdev_number(vdev, &disk.device);
    return disk;
}

static void check_node(const char *path, const char *value)
{
    const char *is = store_get(path);

    CU_ASSERT_PTR_NOT_NULL_FATAL(is);
    CU_ASSERT_STRING_EQUAL(is, value);
}

#define SAYS(words) CU_ASSERT_PTR_NOT_NULL(strstr(world_said(), words))

// What has been called since begin(): as many times to remove as to add, and nothing is left.
static void check_all_gone(unsigned added)
{
    CU_ASSERT_EQUAL(ADDED(), added);
    CU_ASSERT_EQUAL(REMOVED(), added);
    CU_ASSERT_EQUAL(world_domains(), 1);
    CU_ASSERT_PTR_NULL(store_get("/libxl/1"));
    CU_ASSERT_PTR_NULL(store_get(BACK("51712")));
}

static void test_created(void)
{
    domid_t id;

    begin("/dev/made", 0);
    CU_ASSERT_EQUAL_FATAL(create(with_script("xvda,access=r,format=qcow2,no-discard,thing"), &id),
                          0);
    CU_ASSERT_EQUAL(ADDED(), 1);
    CU_ASSERT_STRING_EQUAL(heard, "add vbd backend " FOLDER "\n");
    check_node(FOLDER "/params", "thing");
    check_node(FOLDER "/script", script);
    check_node(FOLDER "/format", "qcow2");
    check_node(FOLDER "/mode", "r");
    check_node(FOLDER "/dev", "xvda");
    check_node(FOLDER "/discard-enable", "0");
    check_node(FOLDER "/incoming", "0");
    check_node(FOLDER "/frontend-id", "1");
    check_node(BACK("51712") "/params", "/dev/made");
    check_node(FIRST "/params", "/dev/made");
    CU_ASSERT_EQUAL(domain_destroy(&world.t, id), 0);
    check_all_gone(1);
    CU_ASSERT_STRING_EQUAL(heard, "remove vbd backend " FOLDER "\n");
}

static void test_says_nothing(void)
{
    domid_t id;

    begin(NULL, 0);
    CU_ASSERT_EQUAL_FATAL(create(with_script("xvda,/images/a"), &id), 0);
    check_node(BACK("51712") "/params", "/images/a");
    CU_ASSERT_EQUAL(domain_destroy(&world.t, id), 0);
    check_all_gone(1);
}

static void test_fails(void)
{
    domid_t id;

    begin(NULL, 3);
    CU_ASSERT_EQUAL(create(with_script("xvda,thing"), &id), -EIO);
    SAYS("disk xvda of domain 1: '");
    CU_ASSERT_EQUAL(REMOVED(), 0);
    CU_ASSERT_EQUAL(world_domains(), 1);
    begin("!no such thing", 1);
    CU_ASSERT_EQUAL(create(with_script("xvda,thing"), &id), -EIO);
    SAYS("script: no such thing\n");
    CU_ASSERT_EQUAL(REMOVED(), 0);
    begin("nothing", 0);
    CU_ASSERT_EQUAL(create(with_script("xvda,thing"), &id), -EINVAL);
    SAYS("its script wants 'nothing' served, which is no absolute path");
    check_all_gone(1);
    begin("/dev/made", 0);
    unlink(script);
    CU_ASSERT_EQUAL(create(with_script("xvda,thing"), &id), -ENOSYS);
    SAYS("script: No such file or directory");
    CU_ASSERT_EQUAL(ADDED(), 0);
    CU_ASSERT_EQUAL(create("'/a.img,qcow2,xvda,w'", &id), -ENOSYS);
    SAYS("disk xvda: the script /etc/xen/scripts/block-qemu-nbd: No such file or directory");
    CU_ASSERT_EQUAL(create("'/a.img,qcow2,xvda,w,backendtype=qdisk'", &id), -ENOSYS);
}

// What fails is not the script.
static void test_not_served(void)
{
    char disks[512];
    domid_t id;

    begin("/dev/made", 0);
    state = "6";
    CU_ASSERT_EQUAL(create(with_script("xvda,thing"), &id), -EIO);
    SAYS("vellum-blkback refuses it");
    check_all_gone(1);
    begin("/dev/made", 0);
    snprintf(disks, sizeof(disks), "%s,%s", with_script("xvda,thing"),
             "'vdev=xvdb,backendtype=phy,target=/nowhere'");
    CU_ASSERT_EQUAL(create(disks, &id), -ENOENT);
    check_all_gone(1);
}

static size_t kept(domid_t id)
{
    struct domain_config *config = NULL;
    size_t count;

    CU_ASSERT_EQUAL_FATAL(userdata_load(&world.t, id, &config), 0);
    count = config->disks_count;
    domain_config_free(config);
    return count;
}

static void test_attached(void)
{
    struct disk_config a = disk_of("xvda"), b = disk_of("xvdb");
    domid_t id;

    begin("/dev/made", 0);
    CU_ASSERT_EQUAL_FATAL(create(with_script("xvda,thing"), &id), 0);
    CU_ASSERT_EQUAL(domain_attach_disk(&world.t, id, &b), 0);
    CU_ASSERT_EQUAL(ADDED(), 2);
    CU_ASSERT_EQUAL(kept(id), 2);
    CU_ASSERT_EQUAL(domain_attach_disk(&world.t, id, &a), -EEXIST);
    CU_ASSERT(ADDED() == 3 && REMOVED() == 1);
    CU_ASSERT_STRING_EQUAL(heard, "remove vbd backend " FIRST "/script/1\n");
    check_node(FOLDER "/params", "thing");
    closes = false;
    CU_ASSERT_EQUAL(domain_detach_disk(&world.t, id, 51728, false), -ETIMEDOUT);
    CU_ASSERT_EQUAL(REMOVED(), 1);
    closes = true;
    CU_ASSERT_EQUAL(domain_detach_disk(&world.t, id, 51728, false), 0);
    CU_ASSERT_EQUAL(REMOVED(), 2);
    CU_ASSERT_STRING_EQUAL(heard, "remove vbd backend " DISKS "/51728/script/0\n");
    CU_ASSERT_EQUAL(kept(id), 1);
    CU_ASSERT_EQUAL(domain_detach_disk(&world.t, id, 51728, false), -ENOENT);
    state = "6";
    CU_ASSERT_EQUAL(domain_attach_disk(&world.t, id, &b), -EIO);
    CU_ASSERT_EQUAL(REMOVED(), 3);
    CU_ASSERT_PTR_NULL(store_get(DISKS "/51728"));
    CU_ASSERT_EQUAL(kept(id), 1);
    CU_ASSERT_EQUAL(domain_destroy(&world.t, id), 0);
    check_all_gone(4);
}

// A domain whose maker was killed while the script ran, and one that is gone without our doing.
static void test_left(void)
{
    domid_t id;

    begin("/dev/made", 0);
    CU_ASSERT_EQUAL_FATAL(create(with_script("xvda,thing"), &id), 0);
    store_set(FIRST "/backend", NULL);
    CU_ASSERT_EQUAL(domain_destroy(&world.t, id), 0);
    CU_ASSERT_EQUAL(REMOVED(), 1);
    begin("/dev/made", 0);
    CU_ASSERT_EQUAL_FATAL(create(with_script("xvda,thing"), &id), 0);
    world_forget(id);
    CU_ASSERT_EQUAL(domain_destroy(&world.t, id), 0);
    check_all_gone(1);
}

static void test_media(void)
{
    struct disk_config disk = disk_of("xvdd");
    domid_t id;

    disk.cdrom = true;
    disk.writable = false;
    begin("/dev/null", 0);
    CU_ASSERT_EQUAL_FATAL(create("',,xvdd,cdrom'", &id), 0);
    CU_ASSERT_EQUAL(ADDED(), 0);
    state = "4"; // served
    serve();
    CU_ASSERT_EQUAL(domain_change_medium(&world.t, id, &disk), 0);
    CU_ASSERT(ADDED() == 1 && REMOVED() == 0);
    check_node(BACK("51760") "/params", "/dev/null");
    outcome = refused = "/dev/zero";
    CU_ASSERT_EQUAL(domain_change_medium(&world.t, id, &disk), -EIO);
    SAYS("refuses it: not that");
    CU_ASSERT(ADDED() == 2 && REMOVED() == 1);
    CU_ASSERT_STRING_EQUAL(heard, "remove vbd backend " DISKS "/51760/script/1\n");
    check_node(BACK("51760") "/params", "/dev/null");
    outcome = "/nowhere";
    CU_ASSERT_EQUAL(domain_change_medium(&world.t, id, &disk), -EINVAL);
    CU_ASSERT(ADDED() == 3 && REMOVED() == 2);
    outcome = "/dev/full";
    CU_ASSERT_EQUAL(domain_change_medium(&world.t, id, &disk), 0);
    CU_ASSERT(ADDED() == 4 && REMOVED() == 3);
    CU_ASSERT_STRING_EQUAL(heard, "remove vbd backend " DISKS "/51760/script/0\n");
    disk.target = disk.script = NULL;
    CU_ASSERT_EQUAL(domain_change_medium(&world.t, id, &disk), 0);
    CU_ASSERT_EQUAL(REMOVED(), 4);
    CU_ASSERT_PTR_NULL(store_get(DISKS "/51760/script"));
    CU_ASSERT_EQUAL(domain_destroy(&world.t, id), 0);
    check_all_gone(4);
}

// Every call fails once while a domain with such a disk is made.
static bool fails_at(unsigned at, const struct domain_config *config, unsigned *refusals)
{
    domid_t id = 0;
    int rc;

    begin("/dev/made", 0);
    world.fail_at = at;
    world.error = ENOMEM;
    rc = domain_create(&world.t, config, &id);
    world.fail_at = 0;
    if (!world.failed)
        return false;
    *refusals += rc != 0;
    if (!rc)
        CU_ASSERT_EQUAL(domain_destroy(&world.t, id), 0);
    CU_ASSERT(rc || ADDED() == 1);
    CU_ASSERT_EQUAL(ADDED(), REMOVED());
    if (ADDED() != REMOVED() || store_get("/libxl/1") || world_domains() != 1) {
        printf("    call %u (%s) failed: result %d, %s", at, world.failed, rc, world_said());
        CU_FAIL("something is left");
    }
    return true;
}

static void test_each_fails(void)
{
    struct domain_config *config = config_of(with_script("xvda,thing"));
    unsigned at = 1, refusals = 0;

    while (fails_at(at, config, &refusals))
        at++;
    domain_config_free(config);
    printf("%u calls, %u refusals ", at - 1, refusals);
    CU_ASSERT(at > 150 && refusals > 130);
}

int main(void)
{
    static CU_TestInfo tests[] = {
        {"made and gone with a domain", test_created},
        {"a script that says nothing", test_says_nothing},
        {"a script that fails", test_fails},
        {"what it made is not served", test_not_served},
        {"attached and detached", test_attached},
        {"left behind", test_left},
        {"media", test_media},
        {"one call fails", test_each_fails},
        CU_TEST_INFO_NULL,
    };
    int failed;

    if (!mkdtemp(folder))
        return 1;
    snprintf(script, sizeof(script), "%s/script", folder);
    snprintf(notes, sizeof(notes), "%s/notes", folder);
    failed = run_suite("disks by scripts", tests);
    world_end();
    unlink(script);
    unlink(notes);
    rmdir(folder);
    return failed;
}
