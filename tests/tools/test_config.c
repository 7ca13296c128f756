// Domain configurations: every key, what is said of wrong ones, and the way to JSON and back.
//
// sources: dom0-tools/config/*.c dom0-tools/common/json.c
// libraries: -lyajl -luuid
#include <CUnit/Basic.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "config/keys.h"
#include "tests/suite.h"
#include "tests/tools/config_kit.h"

#define X31  "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
#define X32  "x" X31
#define BASE "name='a'\nkernel='/k'\nmemory=128\n"

// `text` is accepted, and `said` is all that is said about it.
static struct domain_config *good(const char *text, const char *said)
{
    struct domain_config *config = config_load(text);

    CU_ASSERT_PTR_NOT_NULL_FATAL(config);
    if (strcmp(config_said, said))
        printf("\n%s\nsaid: %s", text, config_said);
    CU_ASSERT_STRING_EQUAL(config_said, said);
    return config;
}

static void bad(const char *text, const char *said)
{
    struct domain_config *config = config_load(text);

    if (config || strcmp(config_said, said))
        printf("\n%s\nsaid: %s", text, config_said);
    CU_ASSERT_PTR_NULL(config);
    CU_ASSERT_STRING_EQUAL(config_said, said);
    domain_config_free(config);
}

static void test_defaults(void)
{
    struct domain_config *c = good(BASE, "");

    CU_ASSERT_EQUAL(c->type, DOMAIN_TYPE_PV);
    CU_ASSERT_STRING_EQUAL(c->name, "a");
    CU_ASSERT_STRING_EQUAL(c->pool, "Pool-0");
    CU_ASSERT_EQUAL(c->vcpus, 1);
    CU_ASSERT_EQUAL(c->max_vcpus, 1);
    CU_ASSERT_EQUAL(c->hard.count, 0);
    CU_ASSERT_EQUAL(c->weight, 256);
    CU_ASSERT_EQUAL(c->memory_kib, 128 * 1024);
    CU_ASSERT_EQUAL(c->max_memory_kib, 128 * 1024);
    CU_ASSERT_STRING_EQUAL(c->kernel, "/k");
    CU_ASSERT_PTR_NULL(c->ramdisk);
    CU_ASSERT_STRING_EQUAL(c->cmdline, "");
    CU_ASSERT_EQUAL(c->on_poweroff, ACTION_DESTROY);
    CU_ASSERT_EQUAL(c->on_reboot, ACTION_RESTART);
    CU_ASSERT_EQUAL(c->on_soft_reset, ACTION_SOFT_RESET);
    CU_ASSERT_EQUAL(c->max_event_channels, 1023);
    CU_ASSERT_EQUAL(c->max_grant_frames, -1);
    CU_ASSERT_EQUAL(c->uuid[6] >> 4, 4); // a random one
    domain_config_free(c);
}

static const char every_key[] =
    "name = \"every\"; type='pv'; uuid='01234567-89ab-cdef-0123-456789abcdef'\n"
    "pool='Pool-1'\nvcpus=2\nmaxvcpus=0x4\ncpus='0-3,^1'\ncpus_soft=['1', 2]\n"
    "cpu_weight=512\ncap=50\nmemory=256\nmaxmem=01000\n"
    "kernel='/boot/k'\nramdisk='/boot/i'\nroot='/dev/xvda ro'\nextra='console=hvc0'\n"
    "on_poweroff='preserve'\non_reboot='destroy'\non_watchdog='coredump-restart'\n"
    "on_crash='rename-restart'\non_soft_reset='coredump-destroy'\n"
    "tsc_mode='native'\nnomigrate=1\ndriver_domain=1\nxend_suspend_evtchn_compat=1\n"
    "max_event_channels=100\nmax_grant_frames=10\nmax_maptrack_frames=20\nmax_grant_version=1\n"
    "localtime=1\nrtc_timeoffset='-60'\npassthrough='disabled'\n"
    "ioports=['2f8-2ff','70']\nirqs=[3,4]\niomem=['fe000,2','0xf0,1@10']\n"
    "disk=['/dev/vg/a,raw,xvda,rw,rate=10MB/s@20ms,iops=500','/i.iso,,hdc,cdrom']\n"
    "vif=['mac=00:16:3E:74:3d:76,bridge=br0,rate=10Mb/s@20ms,script=s,ip=1.2.3.4,mtu=9000', '']\n";

static void check_every_key(const struct domain_config *c)
{
    CU_ASSERT_STRING_EQUAL(c->name, "every");
    CU_ASSERT_EQUAL(memcmp(c->uuid, "\x01\x23\x45\x67\x89\xab\xcd\xef\x01\x23", 10), 0);
    CU_ASSERT_STRING_EQUAL(c->pool, "Pool-1");
    CU_ASSERT(c->vcpus == 2 && c->max_vcpus == 4 && c->weight == 512 && c->cap == 50);
    CU_ASSERT(c->soft.count == 2 && !c->soft.every);
    CU_ASSERT_STRING_EQUAL(c->soft.lists[1], "2");
    CU_ASSERT(c->memory_kib == 256 * 1024 && c->max_memory_kib == 512 * 1024);
    CU_ASSERT_STRING_EQUAL(c->kernel, "/boot/k");
    CU_ASSERT_STRING_EQUAL(c->ramdisk, "/boot/i");
    CU_ASSERT_STRING_EQUAL(c->cmdline, "root=/dev/xvda ro console=hvc0");
    CU_ASSERT(c->on_poweroff == ACTION_PRESERVE && c->on_reboot == ACTION_DESTROY);
    CU_ASSERT(c->on_watchdog == ACTION_COREDUMP_RESTART && c->on_crash == ACTION_RENAME_RESTART);
    CU_ASSERT(c->on_soft_reset == ACTION_COREDUMP_DESTROY);
    CU_ASSERT(c->tsc_mode == TSC_NATIVE && c->nomigrate && c->driver_domain && c->suspend_compat);
    CU_ASSERT(c->max_event_channels == 100 && c->max_grant_frames == 10);
    CU_ASSERT(c->max_maptrack_frames == 20 && c->max_grant_version == 1);
    CU_ASSERT(c->localtime && c->time_offset == -60);
    CU_ASSERT(c->ioports_count == 2 && c->ioports[0].first == 0x2f8 && c->ioports[0].count == 8);
    CU_ASSERT(c->ioports[1].first == 0x70 && c->ioports[1].count == 1);
    CU_ASSERT(c->irqs_count == 2 && c->irqs[1] == 4);
    CU_ASSERT(c->iomem_count == 2 && c->iomem[0].first_frame == 0xfe000 && c->iomem[0].frames == 2);
    CU_ASSERT(c->iomem[0].guest_frame == 0xfe000 && c->iomem[1].guest_frame == 0x10);
    CU_ASSERT_FATAL(c->disks_count == 2 && c->vifs_count == 2);
    CU_ASSERT_STRING_EQUAL(c->disks[0].target, "/dev/vg/a");
    CU_ASSERT(c->disks[0].device == 202 << 8 && c->disks[0].writable && c->disks[0].discard);
    CU_ASSERT(c->disks[0].rate.bytes == 200000 && c->disks[0].rate.interval_us == 20000);
    CU_ASSERT(c->disks[0].iops == 500 && !c->disks[1].iops && !c->disks[1].rate.bytes);
    CU_ASSERT(c->disks[1].cdrom && !c->disks[1].writable && c->disks[1].device == 22 << 8);
    CU_ASSERT_EQUAL(memcmp(c->vifs[0].mac, "\x00\x16\x3e\x74\x3d\x76", 6), 0);
    CU_ASSERT_STRING_EQUAL(c->vifs[0].bridge, "br0");
    CU_ASSERT(c->vifs[0].rate.bytes == 25000 && c->vifs[0].rate.interval_us == 20000);
    CU_ASSERT(c->vifs[0].mtu == 9000 && c->vifs[1].devid == 1 && c->vifs[1].trusted);
}

static void test_every_key(void)
{
    struct domain_config *c = good(every_key, ""), *again = NULL;

    check_every_key(c);
    char *json = domain_config_to_json(c);
    CU_ASSERT_PTR_NOT_NULL_FATAL(json);
    CU_ASSERT_EQUAL_FATAL(domain_config_from_json(json, strlen(json), stdout, &again), 0);
    check_every_key(again);
    char *json2 = domain_config_to_json(again);
    CU_ASSERT_EQUAL(again->hard.count, 4); // one for each vCPU by now
    CU_ASSERT_STRING_EQUAL(json, json2);
    free(json);
    free(json2);
    domain_config_free(c);
    domain_config_free(again);
}

// Each key that is used is read by somebody: no test of values can show that.
static void test_all_keys_are_read(void)
{
    size_t count;
    const struct config_key *keys = config_keys(&count);
    char text[200];

    for (size_t i = 0; i < count; i++) {
        for (unsigned hvm = 0; hvm < 2; hvm++) {
            snprintf(text, sizeof(text), "%s%s=[]\n", hvm ? "builder='hvm'\n" : "", keys[i].name);
            struct domain_config *config = config_load(text);
            CU_ASSERT_PTR_NULL(config);
            CU_ASSERT_PTR_NULL(strstr(config_said, "mistake of this program"));
        }
        CU_ASSERT_EQUAL(keys[i].use == KEY_USED || keys[i].use == KEY_HVM, keys[i].why == NULL);
        for (size_t j = 0; j < i; j++)
            CU_ASSERT_STRING_NOT_EQUAL(keys[i].name, keys[j].name);
    }
}

static void test_unknown_keys(void)
{
    bad(BASE "memroy=5\n", "f:4: memroy: no such key; did you mean 'memory'?\n");
    bad(BASE "\n\non_creash='destroy'\n",
        "f:6: on_creash: no such key; did you mean 'on_crash'?\n");
    bad(BASE "vcpu=1\n", "f:4: vcpu: no such key; did you mean 'vcpus'?\n");
    bad(BASE "max_vcpus=1;kernal='x'\n", "f:4: max_vcpus: no such key; did you mean 'maxvcpus'?\n"
                                         "f:4: kernal: no such key; did you mean 'kernel'?\n");
    bad(BASE "quite_something_else=1\n",
        "f:4: quite_something_else: no such key; vl.cfg(5) lists all\n");
}

static void test_refused_keys(void)
{
    bad(BASE "pci=['01:00.0']\n",
        "f:4: pci: cannot be had: Vellum does not pass devices through\n");
    bad(BASE "bootloader='pygrub'\n", "f:4: bootloader: cannot be had: Vellum starts kernels from "
                                      "files; give kernel= and ramdisk=\n");
    domain_config_free(good(BASE "pci=[];pvshim=0;seclabel=''\n", ""));
    domain_config_free(good(BASE "acpi=1\n",
                            "f:4: warning: acpi: has no effect: only guests of type "
                            "\"hvm\" have it\n"));
    bad(BASE "type='pvh';maxvcpus=129\n",
        "f:4: maxvcpus: 129: a PVH guest has at most 128 vCPUs\n");
    bad(BASE "type='pv';builder='hvm'", "f:4: type: contradicts builder=\"hvm\"; leave that out\n");
    bad(BASE "type='pvm'", "f:4: type: \"pvm\" is unknown; did you mean \"pv\"?\n");
}

// Its type outlives its way through JSON, from which a guest is made again.
static void test_pvh(void)
{
    struct domain_config *c = good(BASE "type='pvh';vcpus=2;maxvcpus=128\n", ""), *again = NULL;
    char *json = domain_config_to_json(c);

    CU_ASSERT_EQUAL(c->type, DOMAIN_TYPE_PVH);
    CU_ASSERT_PTR_NOT_NULL(strstr(json, "\"type.pvh\": {"));
    CU_ASSERT_EQUAL_FATAL(domain_config_from_json(json, strlen(json), stdout, &again), 0);
    CU_ASSERT_EQUAL(again->type, DOMAIN_TYPE_PVH);
    free(json);
    domain_config_free(c);
    domain_config_free(again);
    bad("name='a';memory=64;type='pvh'",
        "configuration: kernel: is missing: the path of the guest's kernel, say "
        "kernel=\"/boot/vmlinuz-6.1.0-amd64\"\n");
}

#define PC "name='a'\nbuilder='hvm'\nmemory=128\n"

static void check_hvm(const struct domain_config *c)
{
    const struct hvm_config *hvm = &c->hvm;

    CU_ASSERT_EQUAL(c->type, DOMAIN_TYPE_HVM);
    CU_ASSERT_STRING_EQUAL(hvm->loader, "/l");
    CU_ASSERT_STRING_EQUAL(hvm->bios, "/b");
    CU_ASSERT_STRING_EQUAL(hvm->device_model, "/q");
    CU_ASSERT_FATAL(hvm->model_args.count == 2 && hvm->model_args_hvm.count == 1);
    CU_ASSERT_STRING_EQUAL(hvm->model_args.items[1], "y z");
    CU_ASSERT_STRING_EQUAL(hvm->model_args_hvm.items[0], "w");
    CU_ASSERT_STRING_EQUAL(hvm->boot, "dc");
    CU_ASSERT(!hvm->acpi && !hvm->acpi_s3 && !hvm->acpi_s4 && !hvm->apic && !hvm->hpet);
    CU_ASSERT(!hvm->platform_pci && hvm->usb && hvm->nographic);
    CU_ASSERT(hvm->vga == HVM_VGA_STD && hvm->disk_bus == HVM_DISKS_AHCI);
    CU_ASSERT_EQUAL(hvm_video_kib(hvm), 32 * 1024);
    CU_ASSERT_FATAL(hvm->serial.count == 2 && hvm->usb_devices.count == 1);
    CU_ASSERT_STRING_EQUAL(hvm->serial.items[1], "file:/s");
    CU_ASSERT_STRING_EQUAL(hvm->usb_devices.items[0], "tablet");
    CU_ASSERT(hvm->vnc && !hvm->vnc_unused && hvm->vnc_display == 7);
    CU_ASSERT_STRING_EQUAL(hvm->vnc_listen, "0.0.0.0");
    CU_ASSERT_STRING_EQUAL(hvm->keymap, "de");
}

// What it has by itself, and every key on its way through JSON.
static void test_hvm(void)
{
    struct domain_config *c = good(PC "hap=1;pae=1;nx=1;bios='seabios';device_model_version="
                                      "'qemu-xen'\nnestedhvm=0\n",
                                   ""),
                         *again = NULL;

    CU_ASSERT(c->hvm.acpi && c->hvm.apic && c->hvm.hpet && c->hvm.platform_pci && c->hvm.vnc);
    CU_ASSERT(c->hvm.vga == HVM_VGA_CIRRUS && hvm_video_kib(&c->hvm) == 8 * 1024);
    CU_ASSERT_STRING_EQUAL(c->hvm.boot, "cda");
    domain_config_free(c);
    c = good(PC "firmware_override='/l';bios_path_override='/b';device_model_override='/q'\n"
                "device_model_args=['x','y z'];device_model_args_hvm=['w'];boot='dc'\n"
                "acpi=0;acpi_s3=0;acpi_s4=0;apic=0;hpet=0;xen_platform_pci=0;usb=1;nographic=1\n"
                "stdvga=1;hdtype='ahci';videoram=32;serial=['pty','file:/s'];usbdevice='tablet'\n"
                "vnc=1;vncunused=0;vncdisplay=7;vnclisten='0.0.0.0';keymap='de'\n",
             "");
    check_hvm(c);
    char *json = domain_config_to_json(c);
    CU_ASSERT_EQUAL_FATAL(domain_config_from_json(json, strlen(json), stdout, &again), 0);
    check_hvm(again);
    CU_ASSERT_PTR_NOT_NULL(strstr(json, "\"kind\": \"std\""));
    free(json);
    domain_config_free(c);
    domain_config_free(again);
}

static void test_hvm_refused(void)
{
    bad(PC "kernel='/k'\n",
        "f:4: kernel: a guest of type \"hvm\" starts from its disks; leave it out\n");
    bad(PC "spice=1\n",
        "f:4: spice: cannot be had: it is not done yet for guests of type \"hvm\"\n");
    bad(PC "stubdomain_memory=1\n",
        "f:4: stubdomain_memory: cannot be had: device models run in domain 0\n");
    bad(PC "hap=0\n", "f:4: hap: cannot be switched off: every guest of type \"hvm\" has it\n");
    bad(PC "bios='ovmf'\n", "f:4: bios: \"ovmf\" cannot be had; it may be seabios\n");
    bad(PC "vga='qxl'\n", "f:4: vga: \"qxl\" is unknown; it may be none, stdvga, cirrus\n");
    bad(PC "boot='x'\n", "f:4: boot: \"x\": an order of c (disk), d (CD) and n (network)\n");
    bad(PC "serial='stdio'\n", "f:4: serial: \"stdio\": the device model has no terminal; "
                               "\"pty\" makes one for 'vl console'\n");
    bad(PC "videoram=128\n",
        "f:3: memory: is too little: the video card takes 128 MiB of it (videoram, vga)\n");
    bad(PC "maxvcpus=129\n", "f:4: maxvcpus: 129: an HVM guest has at most 128 vCPUs\n");
    domain_config_free(good(BASE "spice=1\n", "f:4: warning: spice: has no effect: only guests of "
                                              "type \"hvm\" have it\n"));
}

static void test_wrong_values(void)
{
    bad("kernel='/k';memory=1",
        "configuration: name: is missing; every domain has one: name=\"...\"\n");
    bad("name='a';memory=1",
        "configuration: kernel: is missing: the path of the guest's kernel, say "
        "kernel=\"/boot/vmlinuz-6.1.0-amd64\"\n");
    bad("name='a/b';kernel='/k';memory=1",
        "f:1: name: \"a/b\": a name has 1 to 255 characters, none of them '/'\n");
    bad(BASE "name='a\\nb'", "f:4: warning: name: given again; what line 1 says is replaced\n"
                             "f:4: name: has a control character (10) in it\n");
    bad(BASE "vcpus='two'", "f:4: vcpus: \"two\" is no number\n");
    bad(BASE "vcpus=99999", "f:4: vcpus: 99999 is out of range; it may be 0 to 8192\n");
    bad(BASE "vcpus=[2]", "f:4: vcpus: must be a string, not a list: vcpus=\"...\"\n");
    bad(BASE "vcpus=4\nmaxvcpus=2", "f:5: maxvcpus: 2 is less than vcpus, which is 4\n");
    bad(BASE "maxmem=64", "f:4: maxmem: 64 is less than memory, which is 128\n");
    bad(BASE "uuid='12'",
        "f:4: uuid: \"12\" is no UUID (like 59e1cf6c-6ab9-4879-90e7-adc8d1c63bf5); "
        "without the key one is made up\n");
    bad(BASE "on_crash='restrat'",
        "f:4: on_crash: \"restrat\" is unknown; did you mean \"restart\"?\n");
    bad(BASE "on_crash='x'",
        "f:4: on_crash: \"x\" is unknown; it may be destroy, restart, "
        "rename-restart, preserve, coredump-destroy, coredump-restart, soft-reset\n");
    bad(BASE "nomigrate='yes'", "f:4: nomigrate: \"yes\" is neither 1 (yes) nor 0 (no)\n");
    bad(BASE "cpu_weight=0", "f:4: cpu_weight: 0 is out of range; it may be 1 to 65535\n");
    bad(BASE "cpus='0-3,x'",
        "f:4: cpus: \"0-3,x\": 'x' is no CPU, range (0-3), node (node:1) or all\n");
    bad(BASE "cpus=[['2']]", "f:4: cpus: a list stands where a string must be\n");
    bad(BASE "ioports=['2f8-2f0']",
        "f:4: ioports: \"2f8-2f0\" is not of the form 2f8 or 2f8-2ff (hexadecimal)\n");
    bad(BASE "ioports=['10000']",
        "f:4: ioports: \"10000\" is not of the form 2f8 or 2f8-2ff (hexadecimal)\n");
    bad(BASE "iomem=['f0']", "f:4: iomem: \"f0\" is not of the form FIRST,FRAMES[@GUEST] "
                             "(hexadecimal frame numbers)\n");
    bad(BASE "irqs='3'", "f:4: irqs: must be a list of interrupts, for one, too: irqs=[\"3\"]\n");
    bad(BASE "tsc_mode=3", "f:4: tsc_mode: 3 is out of range; it may be 0 to 2\n");
    bad(BASE "passthrough='enabled'",
        "f:4: passthrough: \"enabled\" cannot be had: Vellum does not pass devices through\n");
    bad(BASE "memory=0", "f:4: warning: memory: given again; what line 3 says is replaced\n"
                         "f:4: memory: 0 is out of range; it may be 1 to 17179869184\n");
}

static void check_cpuid(const struct domain_config *c)
{
    CU_ASSERT_EQUAL(c->cpuid.hide[1], 1u << 28 | 1u << 19 | 1u << 13); // AVX, SSE4.1, CX16
    CU_ASSERT_EQUAL(c->cpuid.need[0], 1u << 26);                       // SSE2
    CU_ASSERT_EQUAL(c->cpuid.hide[5], 0);
    CU_ASSERT_EQUAL(c->cpuid.need[1], 0);
}

// Both forms say the same, and so does the JSON made of them.
static void test_cpuid(void)
{
    static const char *const forms[] = {
        BASE "cpuid='host,avx=0,sse4.1=0,cmpxchg16=0,SSE2=1,avx2=x,aes=k'\n",
        BASE "cpuid=['1:ecx=xxx0xxxxxxxx0xxxxx0xxxxxxxxxxxxx,"
             "edx=kkkkk1xxxxxxxxxxxxxxxxxxxxxxxxss','0x7,0:ebx=" X32 "']\n",
    };

    for (int i = 0; i < 2; i++) {
        struct domain_config *c = good(forms[i], ""), *again = NULL;
        char *json = domain_config_to_json(c);

        check_cpuid(c);
        CU_ASSERT_EQUAL_FATAL(domain_config_from_json(json, strlen(json), stdout, &again), 0);
        check_cpuid(again);
        free(json);
        domain_config_free(c);
        domain_config_free(again);
    }
}

static void test_wrong_cpuid(void)
{
    bad(BASE "cpuid='avx=0'\n", "f:4: cpuid: must begin with \"host\": host,FEATURE=0,...\n");
    bad(BASE "cpuid='host,avx3=0'\n",
        "f:4: cpuid: there is no feature 'avx3'; did you mean 'avx'?\n");
    bad(BASE "cpuid='host,avx=2'\n", "f:4: cpuid: avx can be 0, 1, x, k or s, not '2'\n");
    bad(BASE "cpuid='host,avx'\n", "f:4: cpuid: \"avx\" is not of the form FEATURE=0 (to hide it), "
                                   "=1 (to insist on it) or =x (to leave it)\n");
    bad(BASE "cpuid='host,family=0'\n", "f:4: cpuid: family is no feature of a processor, and only "
                                        "features can be chosen\n");
    bad(BASE "cpuid=['1']\n", "f:4: cpuid: \"1\" is not of the form LEAF:REGISTER=BITS,... or "
                              "LEAF,SUBLEAF:...\n");
    bad(BASE "cpuid=['1:ecx=0']\n", "f:4: cpuid: \"ecx=0\" is no register (eax, ebx, ecx, edx), "
                                    "'=', and 32 of 0, 1, x, k, s\n");
    bad(BASE "cpuid=['1:eax=0" X31 "']\n", "f:4: cpuid: leaf 0x1, 0 has no features in eax, and "
                                           "only features can be chosen\n");
}

static void test_warnings(void)
{
    domain_config_free(good(BASE "cmdline='x'\nextra='y'",
                            "f:5: warning: extra: has no effect beside cmdline=\n"));
    struct domain_config *c = good(BASE "cpus=['0','1']", "f:4: warning: cpus: has 2 entries for 1 "
                                                          "vCPUs; the last ones have no effect\n");
    CU_ASSERT_EQUAL(c->hard.count, 1);
    domain_config_free(c);
    domain_config_free(good("name=5;kernel='/k';memory=1",
                            "f:1: warning: name: \"5\" looks like a domain's number, and commands "
                            "will take it for one\n"));
}

static void test_overrides(void)
{
    static const char *const words[] = {
        "memory=256", "extra=console=hvc0 quiet;vcpus=2", "cpus=\"0-1\"", "name=", "name+=b", NULL};
    static const char *const wrong[] = {"memroy=5", NULL};
    static const char *const noise[] = {"5", NULL};

    struct domain_config *c = config_load_with(BASE, words);
    CU_ASSERT_STRING_EQUAL(config_said, "");
    CU_ASSERT_PTR_NOT_NULL_FATAL(c);
    CU_ASSERT_EQUAL(c->memory_kib, 256 * 1024);
    CU_ASSERT_STRING_EQUAL(c->cmdline, "console=hvc0 quiet");
    CU_ASSERT_STRING_EQUAL(c->name, "b");
    CU_ASSERT_EQUAL(c->vcpus, 2);
    domain_config_free(c);
    CU_ASSERT_PTR_NULL(config_load_with(BASE, wrong));
    CU_ASSERT_STRING_EQUAL(config_said,
                           "command line: memroy: no such key; did you mean 'memory'?\n");
    CU_ASSERT_PTR_NULL(config_load_with(BASE, noise));
    CU_ASSERT_STRING_EQUAL(config_said, "command line: '5' stands where a key must be\n");
}

static void test_load(void)
{
    struct domain_config *c = NULL;
    char path[] = "/tmp/test-config-XXXXXX";
    char said[300] = "";
    int fd = mkstemp(path);

    CU_ASSERT_EQUAL_FATAL(write(fd, BASE, strlen(BASE)), (ssize_t)strlen(BASE));
    close(fd);
    CU_ASSERT_EQUAL(domain_config_load(path, NULL, 0, true, stdout, &c), 0);
    domain_config_free(c);
    CU_ASSERT_EQUAL(truncate(path, 300000), 0);
    FILE *out = fmemopen(said, sizeof(said), "w");
    CU_ASSERT_EQUAL(domain_config_load(path, NULL, 0, true, out, &c), -EFBIG);
    unlink(path);
    CU_ASSERT_EQUAL(domain_config_load(path, NULL, 0, true, out, &c), -ENOENT);
    fclose(out);
    CU_ASSERT_PTR_NOT_NULL(strstr(said, "larger than 256 KiB"));
    CU_ASSERT_PTR_NOT_NULL(strstr(said, "cannot be read: No such file or directory\n"));
}

static void test_json_from_libxl(void)
{
    // What xl 4.17 prints of a running domain, shortened.
    static const char json[] =
        "{\"c_info\":{\"type\":\"pv\",\"name\":\"b\",\"uuid\":\"01234567-89ab-cdef-0123-"
        "456789abcdef\","
        "\"run_hotplug_scripts\":\"True\"},\"b_info\":{\"max_vcpus\":4,\"avail_vcpus\":[0,1],"
        "\"vcpu_hard_affinity\":[[0,2,3],[]],\"numa_placement\":\"False\",\"max_memkb\":262145,"
        "\"target_memkb\":131072,\"shadow_memkb\":5120,\"sched_params\":{\"sched\":\"credit2\","
        "\"weight\":300,\"cap\":0},\"claim_mode\":\"True\",\"rtc_timeoffset\":4294963696,"
        "\"kernel\":\"/boot/vmlinuz\",\"type.pv\":{\"slack_memkb\":512}},"
        "\"nics\":[{\"devid\":0,\"mac\":\"00:16:3e:74:3d:76\",\"trusted\":\"False\"}],"
        "\"on_reboot\":\"restart\",\"on_crash\":\"coredump_restart\"}";
    struct domain_config *c = NULL;

    CU_ASSERT_EQUAL_FATAL(domain_config_from_json(json, strlen(json), stdout, &c), 0);
    CU_ASSERT(c->vcpus == 2 && c->max_vcpus == 4 && c->weight == 300);
    CU_ASSERT_STRING_EQUAL(c->hard.lists[0], "0,2,3");
    CU_ASSERT_STRING_EQUAL(c->hard.lists[1], "all");
    CU_ASSERT(c->max_memory_kib == 257 * 1024 && c->time_offset == -3600);
    CU_ASSERT(c->on_reboot == ACTION_RESTART && c->on_crash == ACTION_COREDUMP_RESTART);
    CU_ASSERT(c->on_soft_reset == ACTION_DESTROY && !c->vifs[0].trusted);
    domain_config_free(c);
}

static void bad_json(const char *json, const char *said)
{
    struct domain_config *config = NULL;
    FILE *out = fmemopen(config_said, sizeof(config_said), "w");

    CU_ASSERT_EQUAL(domain_config_from_json(json, strlen(json), out, &config), -EINVAL);
    fclose(out);
    if (!strstr(config_said, said))
        printf("\n%s\nsaid: %s", json, config_said);
    CU_ASSERT_PTR_NOT_NULL(strstr(config_said, said));
}

static void test_bad_json(void)
{
    char deep[200001];

    memset(deep, '[', sizeof(deep) - 1);
    deep[sizeof(deep) - 1] = 0;
    bad_json(deep, "nested too deeply");
    bad_json("", "JSON: cannot be read");
    bad_json("[]", "JSON: is no configuration of a domain\n");
    bad_json("{", "JSON: cannot be read");
    bad_json("{}", "configuration: name: is missing");
    bad_json("{\"c_info\":5,\"b_info\":[],\"disks\":{},\"nics\":[5]}", "name: is missing");
    bad_json("{\"pcidevs\":[{}]}", "JSON: pcidevs: cannot be had");
    bad_json("{\"disks\":[{\"vdev\":\"xvda\",\"script\":\"a,vdev=b\",\"pdev_path\":\"x\"}]}",
             "JSON: disk: a comma in script: \"a,vdev=b\"\n");
}

int main(void)
{
    static CU_TestInfo tests[] = {
        {"defaults", test_defaults},
        {"every key", test_every_key},
        {"all keys are read", test_all_keys_are_read},
        {"unknown keys", test_unknown_keys},
        {"refused keys", test_refused_keys},
        {"PVH", test_pvh},
        {"HVM", test_hvm},
        {"what HVM guests cannot have", test_hvm_refused},
        {"wrong values", test_wrong_values},
        {"cpuid", test_cpuid},
        {"wrong cpuid", test_wrong_cpuid},
        {"warnings", test_warnings},
        {"overrides", test_overrides},
        {"files", test_load},
        {"JSON of libxl", test_json_from_libxl},
        {"bad JSON", test_bad_json},
        CU_TEST_INFO_NULL,
    };

    return run_suite("config", tests);
}
