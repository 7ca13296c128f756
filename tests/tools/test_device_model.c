// The device model of HVM guests: how it is called, what is refused before there is a domain, and
// what it answers.
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
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "domain/device_model.h"
#include "domain/qmp.h"
#include "tests/suite.h"
#include "tests/tools/domain_world.h"

#define HVM "type='hvm';kernel='';memory=64;vnc=0;vga='stdvga';firmware_override='/dev/null';"
// Anything that can be called.
#define FILES HVM "bios_path_override='/dev/null';device_model_override='/bin/true';"

static char words[4096];

// All its arguments, with a space between any two.
static const char *words_of(const char *lines)
{
    struct domain_config *config = world_config(lines);
    char **args = device_model_args(config, 5);

    *words = '\0';
    CU_ASSERT_PTR_NOT_NULL_FATAL(args);
    for (size_t i = 0; args[i]; i++) {
        strcat(words, i ? " " : "");
        strcat(words, args[i]);
    }
    device_model_args_free(args);
    domain_config_free(config);
    return words;
}

#define HAS(lines, wanted)       CU_ASSERT_PTR_NOT_NULL(strstr(words_of(lines), wanted))
#define HAS_NOT(lines, unwanted) CU_ASSERT_PTR_NULL(strstr(words_of(lines), unwanted))

// As libxl calls it for the same guest.
static void test_arguments(void)
{
    CU_ASSERT_STRING_EQUAL(
        words_of(HVM "vcpus=1;serial='pty';disk=['raw:/tmp/bios.img,hda,w']"),
        "/usr/libexec/xen-qemu-system-i386 -xen-domid 5 -no-shutdown -chardev "
        "socket,id=libxl-cmd,path=/run/xen/qmp-libxl-5,server=on,wait=off -mon "
        "chardev=libxl-cmd,mode=control -nodefaults -no-user-config -name guest -vnc none "
        "-display none -serial pty -device VGA,vgamem_mb=16 -boot order=cda -net none -machine "
        "xenfv,suppress-vmdesc=on -m 48 -drive "
        "file=/tmp/bios.img,if=ide,index=0,media=disk,format=raw,cache=writeback");
}

static void test_keys(void)
{
    HAS(HVM "vnc=1", "-vnc 127.0.0.1:0,to=99 -display none");
    HAS(HVM "vnc=1;vncunused=0;vncdisplay=3;vnclisten='[::1]'", "-vnc [::1]:3 -display none");
    HAS(HVM "vnc=1;vncunused=0;vnclisten='0.0.0.0:4'", "-vnc 0.0.0.0:4 -display");
    HAS(HVM "vnc=1;nographic=1", "-vnc none");
    HAS(HVM "keymap='de'", "-k de");
    HAS(HVM "vga='cirrus'", "-device cirrus-vga,vgamem_mb=8");
    HAS(HVM "vga='cirrus'", "-m 56");
    HAS_NOT(HVM "vga='none'", "-device");
    HAS(HVM "serial=['pty','file:/s']", "-serial pty -serial file:/s");
    HAS(HVM "boot='dc'", "-boot order=dc");
    HAS(HVM "usb=1", "-usb -smp");
    HAS(HVM "usbdevice=['tablet','mouse']", "-usb -usbdevice tablet -usbdevice mouse");
    HAS(HVM "acpi=0", "-no-acpi");
    HAS(HVM "vcpus=2;maxvcpus=4", "-smp 2,maxcpus=4");
    HAS_NOT(HVM "vcpus=1;maxvcpus=1", "-smp");
    HAS(HVM "xen_platform_pci=0", "-machine pc,accel=xen,");
    HAS(HVM "device_model_args=['-d','x'];device_model_args_hvm=['-y']", "-d x -y -machine");
    HAS(HVM "device_model_override='/q'", "/q -xen-domid");
    HAS(HVM "name='a,b'", "-name a,,b -vnc");
}

static void test_disks(void)
{
    HAS(HVM "disk=['vdev=xvdb,access=rw,target=/a,b']", "file=/a,,b,if=ide,index=1,media=disk");
    HAS(HVM "disk=['/i,,hdc,cdrom']", "-drive if=ide,index=2,readonly=on,media=cdrom,id=ide-834,"
                                      "format=raw,cache=writeback,file=/i");
    HAS(HVM "disk=[',,hdc,cdrom']", "-drive if=ide,index=2,readonly=on,media=cdrom,id=ide-834");
    HAS(HVM "hdtype='ahci';disk=['/a,,hda,w','vg/b,,hdb,w']",
        "-device ahci,id=ahci0 -drive file=/a,if=none,id=ahcidisk-0,format=raw,cache=writeback "
        "-device ide-hd,bus=ahci0.0,unit=0,drive=ahcidisk-0 -drive file=/dev/vg/b,if=none");
    HAS_NOT(HVM "disk=['/a,,xvde,w']", "-drive"); // seen by drivers of Xen's alone
}

static void refuses(const char *lines, int error, const char *said)
{
    struct domain_config *config = world_config(lines);

    CU_ASSERT_EQUAL(device_model_check(&world.t, config), error);
    CU_ASSERT_PTR_NOT_NULL(strstr(world_said(), said));
    domain_config_free(config);
}

static void test_refused(void)
{
    refuses("type='pv'", 0, "");
    refuses(FILES, 0, "");
    refuses(FILES "disk=['/a,,sda,w']", -ENOSYS, "disk sda: no SCSI disks are emulated");
    refuses(FILES "disk=['/a,,hda1,w']", -ENOSYS, "disk hda1: a partition alone");
    refuses(FILES "disk=['/a,,hda,r']", -ENOSYS, "disk hda: an emulated disk cannot be read-only");
    refuses(FILES "disk=['/a,,xvde,r']", 0, "");
    refuses(FILES "vif=['']", -ENOSYS, "vif: guests of type \"hvm\" have no network cards yet");
    refuses(FILES "device_model_override='/nowhere'", -ENOENT,
            "type = \"hvm\" needs a device model, which Debian's package qemu-system-xen brings "
            "(device_model_override= names another): /nowhere");
    refuses(FILES "firmware_override='/nowhere'", -ENOENT, "needs hvmloader, which Debian's");
    refuses(FILES "bios_path_override='/nowhere'", -ENOENT, "needs a BIOS, which Debian's");
}

// QEMU's side of a conversation
// ---------------------------------------------------------------------------------------------

static char folder[] = "/tmp/vellum-qmp-XXXXXX", socket_path[sizeof(folder) + 8];

#define GREETING "{\"QMP\": {\"version\": {}, \"capabilities\": []}}\r\n"

// Says all at once; whoever asks reads it as answers.
static pid_t serve(const char *text)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int listener = socket(AF_UNIX, SOCK_STREAM, 0), fd;
    char asked[1000];
    pid_t child;

    strcpy(address.sun_path, socket_path);
    unlink(socket_path);
    CU_ASSERT_EQUAL_FATAL(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
    CU_ASSERT_EQUAL_FATAL(listen(listener, 1), 0);
    child = fork();
    if (!child) {
        fd = accept(listener, NULL, NULL);
        if (send(fd, text, strlen(text), MSG_NOSIGNAL) > 0 && shutdown(fd, SHUT_WR) == 0)
            while (read(fd, asked, sizeof(asked)) > 0)
                continue;
        _exit(0);
    }
    close(listener);
    return child;
}

static int ask(const char *text, yajl_val *tree, yajl_val *answer)
{
    pid_t child = serve(text);
    int rc = qmp_ask(socket_path, "query-chardev", tree, answer);

    waitpid(child, NULL, 0);
    return rc;
}

static void test_answers(void)
{
    yajl_val tree, answer;

    CU_ASSERT_EQUAL_FATAL(ask(GREETING "{\"return\": {}, \"id\": 1}\r\n{\"event\": \"X\"}\r\n"
                                       "{\"return\": {\"label\": \"serial0\"}, \"id\": 1}\r\n",
                              &tree, &answer),
                          0);
    CU_ASSERT_STRING_EQUAL(qmp_text(answer, "label"), "serial0");
    CU_ASSERT_PTR_NULL(qmp_text(answer, "filename"));
    yajl_tree_free(tree);
}

static void makes_no_sense(const char *text)
{
    yajl_val tree, answer;

    CU_ASSERT_EQUAL(ask(text, &tree, &answer), -EPROTO);
    CU_ASSERT_PTR_NULL(tree);
}

static void test_nonsense(void)
{
    yajl_val tree, answer;

    makes_no_sense("\r\n");
    makes_no_sense("{]\r\n");
    makes_no_sense(GREETING);
    makes_no_sense(GREETING "{\"error\": {\"class\": \"x\"}}\r\n");
    makes_no_sense(GREETING "{\"return\": {}}\r\n{\"return\"");
    unlink(socket_path);
    CU_ASSERT_EQUAL(qmp_ask(socket_path, "query-vnc", &tree, &answer), -ENOENT);
}

int main(void)
{
    static CU_TestInfo tests[] = {
        {"arguments", test_arguments},
        {"keys", test_keys},
        {"disks", test_disks},
        {"refused", test_refused},
        {"answers", test_answers},
        {"nonsense", test_nonsense},
        CU_TEST_INFO_NULL,
    };
    int failed;

    world_reset();
    if (!mkdtemp(folder))
        return 1;
    snprintf(socket_path, sizeof(socket_path), "%s/qmp", folder);
    failed = run_suite("device models", tests);
    unlink(socket_path);
    rmdir(folder);
    world_end();
    return failed;
}
