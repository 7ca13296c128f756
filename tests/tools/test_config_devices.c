// disk=, vif= and CPU lists; disks beside Debian's libxlutil.
//
// sources: dom0-tools/config/*.c dom0-tools/common/json.c
// libraries: -lyajl -luuid -lxlutil -lxenlight -lxentoollog
#include <CUnit/Basic.h>
#include <errno.h>
#include <libxlutil.h>
#include <stdlib.h>

#include "config/vdev.h"
#include "tests/suite.h"
#include "tests/tools/config_kit.h"

#define BASE "name='a'\nkernel='/k'\nmemory=128\n"

static struct domain_config *load_device(const char *key, const char *specification)
{
    char text[600];

    snprintf(text, sizeof(text), BASE "%s=[\"%s\"]\n", key, specification);
    return config_load(text);
}

static bool same_text(const char *ours, const char *theirs)
{
    return !strcmp(ours ? ours : "", theirs ? theirs : "");
}

static bool same_disk(const struct disk_config *ours, const libxl_device_disk *theirs)
{
    static const libxl_disk_format formats[] = {
        [DISK_RAW] = LIBXL_DISK_FORMAT_RAW,     [DISK_QCOW] = LIBXL_DISK_FORMAT_QCOW,
        [DISK_QCOW2] = LIBXL_DISK_FORMAT_QCOW2, [DISK_VHD] = LIBXL_DISK_FORMAT_VHD,
        [DISK_QED] = LIBXL_DISK_FORMAT_QED,     [DISK_EMPTY] = LIBXL_DISK_FORMAT_EMPTY,
    };
    static const libxl_disk_backend backends[] = {
        [DISK_BACKEND_ANY] = LIBXL_DISK_BACKEND_UNKNOWN,
        [DISK_BACKEND_PHY] = LIBXL_DISK_BACKEND_PHY,
        [DISK_BACKEND_QDISK] = LIBXL_DISK_BACKEND_QDISK,
        [DISK_BACKEND_STANDALONE] = LIBXL_DISK_BACKEND_STANDALONE,
    };

    return same_text(ours->target, theirs->pdev_path) && same_text(ours->vdev, theirs->vdev) &&
           same_text(ours->script, theirs->script) &&
           same_text(ours->backend_domain, theirs->backend_domname) &&
           formats[ours->format] == theirs->format &&
           backends[ours->backend_type] == theirs->backend &&
           ours->writable == (theirs->readwrite != 0) && ours->cdrom == (theirs->is_cdrom != 0) &&
           ours->direct_io_safe == theirs->direct_io_safe &&
           ours->discard == (libxl_defbool_is_default(theirs->discard_enable) ||
                             libxl_defbool_val(theirs->discard_enable));
}

static void check_disk(const char *specification)
{
    FILE *null = fopen("/dev/null", "w");
    XLU_Config *xl = xlu_cfg_init(null, "f");
    libxl_device_disk disk;
    struct domain_config *config = load_device("disk", specification);

    libxl_device_disk_init(&disk);
    bool accepted = !xlu_disk_parse(xl, 1, &specification, &disk);
    bool same = accepted == (config != NULL) && (!config || same_disk(config->disks, &disk));
    if (!same)
        printf("\n'%s': we %s, xl %s. We say: %s\n", specification, config ? "accept" : "refuse",
               accepted ? "accepts" : "refuses", config_said);
    CU_ASSERT(same);
    domain_config_free(config);
    libxl_device_disk_dispose(&disk);
    xlu_cfg_destroy(xl);
    fclose(null);
}

static void test_disks_beside_xl(void)
{
    static const char *const disks[] = {
        "/dev/vg/guest-volume,,hda",
        "/dev/vg/guest-volume,raw,hda,rw",
        "format=raw, vdev=hda, access=rw, target=/dev/vg/guest-volume",
        "raw:/dev/vg/guest-volume,hda,w",
        "/root/image.iso,,hdc,cdrom",
        "/root/image.iso,,hdc,,cdrom",
        "/root/image.iso,raw,hdc,devtype=cdrom",
        "format=raw, vdev=hdc, access=ro, devtype=cdrom, target=/root/image.iso",
        "raw:/root/image.iso,hdc:cdrom,ro",
        ",hdc:cdrom,r",
        ",,hdc,,cdrom",
        "vdev=hdc,devtype=cdrom",
        "/a,raw,xvda,w",
        "/a,qcow2,sda1,r",
        "/a,vhd,xvda,rw,backendtype=qdisk",
        "/a,qed,xvda,ro,backend=driver",
        "/a,,xvda,r,script=foo",
        "nbd:/a,xvda,w",
        "iscsi:iqn,xvda,w",
        "tap:aio:/a,xvda,w",
        "tap:qcow2:/a,xvda,w",
        "phy:/a,xvda:cdrom,r",
        "file:/a,vdev=xvda",
        "vdev=xvda,target=/a,b,c ",
        "vdev=xvda,target=phy:/a",
        ",raw,xvda,w,target=/b",
        "access=r,/a,raw,xvda",
        "cdrom,/a,raw,xvda",
        "/a,raw,xvda:cdrom,w",
        "/a,raw,,w,vdev=xvda",
        "/a,raw,xvda,w,",
        "/a,raw,xvda,w,no-discard,direct-io-safe",
        "/a,raw,xvda,w,no-discard,discard",
        "  /a,  raw,  xvda,  w",
        // wrong ones
        "",
        "/a",
        "/a,raw",
        "vdev=xvda",
        "/a,raw,xvda,q",
        "/a,RAW,xvda,w",
        "/a,xvda,w",
        "/a,raw,xvda,w,w",
        "/a,raw,xvda,w,foo",
        "/a,raw,xvda,w,foo=1",
        "/a,raw,xvda,w,discard=1",
        "/a,raw,xvda,w,backendtype=foo",
        "/a,raw,xvda,w,devtype=foo",
        "vdev=xvda,vdev=xvdb,target=/a",
        "/a,raw,xvda,target=/b",
        "xyz:/a,raw,xvda,w",
        "phy:/a,raw,xvda,w",
        "aio:/a,,xvda,w",
        "target=/a,vdev=xvda",
    };

    for (size_t i = 0; i < sizeof(disks) / sizeof(disks[0]); i++)
        check_disk(disks[i]);
}

static void refused(const char *key, const char *specification, const char *said)
{
    CU_ASSERT_PTR_NULL(load_device(key, specification));
    if (!strstr(config_said, said))
        printf("\n%s: %s\n", specification, config_said);
    CU_ASSERT_PTR_NOT_NULL(strstr(config_said, said));
}

// Beyond what xl says or finds.
static void test_disk_messages(void)
{
    refused("disk", "/a,raw,zz9,w", "f:4: disk: \"/a,raw,zz9,w\": 'zz9' is no name of a disk");
    refused("disk", "/a,qcwo2,xvda,w", "there is no format 'qcwo2'; did you mean 'qcow2'?");
    refused("disk", "/a,raw,xvda,w,backentype=phy",
            "no parameter 'backentype'; did you mean 'backendtype'?");
    refused("disk", "/a,raw,xvda,w,colo", "Vellum has no COLO");
    refused("disk", "/a,raw,xvda,w,specification=virtio", "no disks of specification 'virtio'");
    refused("disk", "/a,raw,xvda,w,rate=10", "'10' is no rate (10Mb/s, 250KB/s, 1MB/s@20ms)");
    refused("disk", "/a,raw,xvda,w,iops=0", "iops is a number of requests a second, not '0'");
    CU_ASSERT_PTR_NULL(config_load(BASE "disk=['/a,raw,xvda,w',\n'/b,raw,d0,w']\n"));
    CU_ASSERT_STRING_EQUAL(
        config_said, "f:5: disk: \"/b,raw,d0,w\": the guest has another disk 'xvda' already\n");
    CU_ASSERT_PTR_NULL(config_load(BASE "disk='/a,raw,xvda,w'\n"));
    CU_ASSERT_STRING_EQUAL(config_said, "f:4: disk: must be a list of disks, for one, too: "
                                        "disk=[\"/a,raw,xvda,w\"]\n");
    CU_ASSERT_PTR_NULL(config_load(BASE "disk=[['x']]\n"));
}

static void test_vdevs(void)
{
    static const struct {
        const char *name;
        int64_t number; // -1: none
    } names[] = {
        {"xvda", 51712},
        {"xvda1", 51713},
        {"xvdp15", 51967},
        {"xvdq", 268439552},
        {"xvda16", 268435472},
        {"xvdaa", 268435456 + 26 * 256},
        {"d0", 51712},
        {"d0p1", 51713},
        {"d16p2", 268439554},
        {"hda", 768},
        {"hdb1", 833},
        {"hdc", 5632},
        {"hdd63", 5759},
        {"hde", -1},
        {"hda64", -1},
        {"sda", 2048},
        {"sdp15", 2303},
        {"sdq", -1},
        {"sda16", -1},
        {"51712", 51712},
        {"xvd", -1},
        {"xvdA", -1},
        {"xvda1x", -1},
        {"xvda1p1", -1},
        {"xvda256", -1},
        {"d", -1},
        {"d1048576", -1},
        {"d0p256", -1},
        {"", -1},
        {"99999999999999999999", -1},
        {"xvdzzzzz", -1},
        {"-1", -1},
        {"sda ", -1},
    };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        uint32_t number = 0;
        bool found = vdev_number(names[i].name, &number);
        if (found != (names[i].number >= 0) || (found && number != names[i].number))
            printf("\n%s: %d, %u\n", names[i].name, found, number);
        CU_ASSERT_EQUAL(found, names[i].number >= 0);
        CU_ASSERT(!found || number == names[i].number);
    }
}

static void test_vifs(void)
{
    struct domain_config *c = load_device(
        "vif", "mac=00:16:3E:74:3d:76, bridge=b, netdev=g, type=ioemu, model=e1000, vifname=v, "
               "script=s, ip=1.2.3.4 5.6.7.8, backend=d, rate=1MB/s, devid=7, mtu=1400, untrusted, "
               "antispoof, backendtype=linux");

    CU_ASSERT_PTR_NOT_NULL_FATAL(c);
    const struct vif_config *v = c->vifs;
    CU_ASSERT_EQUAL(memcmp(v->mac, "\x00\x16\x3e\x74\x3d\x76", 6), 0);
    CU_ASSERT_STRING_EQUAL(v->bridge, "b");
    CU_ASSERT_STRING_EQUAL(v->gatewaydev, "g");
    CU_ASSERT_STRING_EQUAL(v->model, "e1000");
    CU_ASSERT_STRING_EQUAL(v->ifname, "v");
    CU_ASSERT_STRING_EQUAL(v->script, "s");
    CU_ASSERT_STRING_EQUAL(v->ip, "1.2.3.4 5.6.7.8");
    CU_ASSERT_STRING_EQUAL(v->backend_domain, "d");
    CU_ASSERT(v->rate.bytes == 50000 && v->rate.interval_us == 50000);
    CU_ASSERT(v->devid == 7 && v->mtu == 1400 && !v->trusted);
    CU_ASSERT(v->own_source_only && v->backend_type == VIF_BACKEND_LINUX);
    // As kept of a domain that runs.
    char *json = domain_config_to_json(c);
    domain_config_free(c);
    CU_ASSERT_EQUAL_FATAL(domain_config_from_json(json, strlen(json), stderr, &c), 0);
    v = c->vifs;
    CU_ASSERT(v->own_source_only && v->backend_type == VIF_BACKEND_LINUX);
    CU_ASSERT(v->rate.bytes == 50000 && v->devid == 7 && !v->trusted);
    free(json);
    domain_config_free(c);
    c = config_load(BASE "vif=['','']\n");
    CU_ASSERT_PTR_NOT_NULL_FATAL(c);
    CU_ASSERT_EQUAL(memcmp(c->vifs[0].mac, "\x00\x16\x3e", 3), 0);
    CU_ASSERT(memcmp(c->vifs[0].mac, c->vifs[1].mac, 6) != 0);
    domain_config_free(c);
}

static void check_rate(const char *rate, uint64_t bytes, uint32_t interval_us)
{
    char text[100];

    snprintf(text, sizeof(text), "rate=%s", rate);
    struct domain_config *c = load_device("vif", text);
    CU_ASSERT_EQUAL(c != NULL, bytes != 0);
    CU_ASSERT(!c || (c->vifs[0].rate.bytes == bytes && c->vifs[0].rate.interval_us == interval_us));
    domain_config_free(c);
}

// Right values as xl computes them.
static void test_rates(void)
{
    check_rate("10MB/s", 500000, 50000);
    check_rate("1GB/s@1s", 1000000000, 1000000);
    check_rate("250KB/s", 12500, 50000);
    check_rate("1MB/s@20", 20000000, 20000000);
    check_rate("1MB/s@20us", 20, 20);
    check_rate("10Mb/s@20ms", 25000, 20000);
    check_rate("100MB/s@100s", 10000000000, 100000000);
    check_rate("10Mb", 0, 0);
    check_rate("foo", 0, 0);
    check_rate("0MB/s", 0, 0);
    check_rate("1MB/s@0s", 0, 0);
    check_rate("1MB/s@9999s", 0, 0);
    check_rate("99999999999MB/s", 0, 0);
    check_rate("1MB/sx", 0, 0);
}

static void test_vif_messages(void)
{
    refused("vif", "brigde=x", "no parameter 'brigde'; did you mean 'bridge'?");
    refused("vif", "mac=zz", "'zz' is no MAC address");
    refused("vif", "mac=00:16:3e:00:00", "is no MAC address");
    refused("vif", "mac=00:16:3e:00:00:00:00", "is no MAC address");
    refused("vif", "mac=01:00:00:00:00:00", "is a multicast address");
    refused("vif", "type=foo", "type is vif or ioemu, not 'foo'");
    refused("vif", "devid=x", "devid is a number up to 65535, not 'x'");
    refused("vif", "backendtype=phy", "backendtype is vellum (vellum-netback) or linux");
    refused("vif", "rate=fast", "'fast' is no rate");
    CU_ASSERT_PTR_NULL(config_load(BASE "vif=['devid=1','']\n"));
    CU_ASSERT_STRING_EQUAL(config_said, "f:4: vif: \"\": devid 1 is taken already\n");
    CU_ASSERT_PTR_NULL(config_load(BASE "vif=['mac=2:0:0:0:0:1','mac=2:0:0:0:0:1']\n"));
    CU_ASSERT_STRING_EQUAL(config_said,
                           "f:4: vif: \"mac=2:0:0:0:0:1\": two cards have this MAC address\n");
}

// Two nodes of four CPUs; CPU 5 is not there.
static const uint32_t nodes[8] = {0, 0, 0, 0, 1, UINT32_MAX, 1, 1};
static const struct cpu_topology machine = {nodes, 8};

static void check_cpus(const char *text, const char *expected)
{
    uint8_t bitmap[2];
    char *why;
    int error = cpu_list_parse(text, &machine, bitmap, 16, &why);
    char *list = error ? NULL : cpu_list_format(bitmap, 16, 8);

    if (strcmp(error ? why : list, expected))
        printf("\n%s: %s\n", text, error ? why : list);
    CU_ASSERT_STRING_EQUAL(error ? why : list, expected);
    CU_ASSERT(error == 0 || error == -EINVAL);
    free(why);
    free(list);
}

static void test_cpu_lists(void)
{
    check_cpus("all", "all");
    check_cpus("0-7", "all");
    check_cpus("0-3,5,^1", "0,2-3,5");
    check_cpus("0-3,^2,2", "0-3");
    check_cpus("all,^0", "1-7");
    check_cpus(" 1 , 2 ", "1-2");
    check_cpus("1,,2,", "1-2");
    check_cpus("node:1", "4,6-7");
    check_cpus("nodes:0-1", "0-4,6-7");
    check_cpus("1,node:1,^6", "1,4,7");
    check_cpus("all,^node:1", "0-3,5");
    check_cpus("^1", "no CPU is in it");
    check_cpus("", "no CPU is in it");
    check_cpus("^nodes:0-1", "no CPU is in it");
    check_cpus("8", "CPU 8: this machine has 8, counted from 0");
    check_cpus("0-99", "CPU 99: this machine has 8, counted from 0");
    check_cpus("node:2", "this machine has no node 2");
    check_cpus("3-1", "the range '3-1' runs backwards");
    check_cpus("2-", "the range '2-' has no end");
    check_cpus("1-2-3", "'1-2-3' is no CPU, range (0-3), node (node:1) or all");
    check_cpus("0x2", "'0x2' is no CPU, range (0-3), node (node:1) or all");
    check_cpus("foo", "'foo' is no CPU, range (0-3), node (node:1) or all");
    check_cpus("99999999999", "'99999999999' is no CPU, range (0-3), node (node:1) or all");
}

static void test_resolved(void)
{
    struct domain_config *c =
        config_load(BASE "maxvcpus=2\ncpus=['node:1','all']\ncpus_soft='^0,1'\n");
    char said[200] = "";
    FILE *out = fmemopen(said, sizeof(said), "w");

    CU_ASSERT_PTR_NOT_NULL_FATAL(c);
    CU_ASSERT_EQUAL(domain_config_resolve_cpus(c, &machine, out), 0);
    CU_ASSERT_STRING_EQUAL(c->hard.lists[0], "4,6-7");
    CU_ASSERT_STRING_EQUAL(c->hard.lists[1], "0-7");
    CU_ASSERT_STRING_EQUAL(c->soft.lists[0], "1");
    domain_config_free(c);
    c = config_load(BASE "cpus='9'\n");
    CU_ASSERT_EQUAL(domain_config_resolve_cpus(c, &machine, out), -EINVAL);
    fclose(out);
    CU_ASSERT_STRING_EQUAL(said, "a: cpus=\"9\": CPU 9: this machine has 8, counted from 0\n");
    domain_config_free(c);
}

int main(void)
{
    static CU_TestInfo tests[] = {
        {"disks, beside xl", test_disks_beside_xl},
        {"disk messages", test_disk_messages},
        {"virtual disks' numbers", test_vdevs},
        {"network cards", test_vifs},
        {"rates", test_rates},
        {"network card messages", test_vif_messages},
        {"CPU lists", test_cpu_lists},
        {"CPU lists of a configuration", test_resolved},
        CU_TEST_INFO_NULL,
    };

    return run_suite("config devices", tests);
}
