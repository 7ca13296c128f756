#include "domain/device_model.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "config/vdev.h"
#include "domain/devices.h"
#include "domain/impl.h"
#include "domain/qmp.h"

#define READY_SECONDS 60
#define END_SECONDS   10

const char *device_model_loader(const struct hvm_config *hvm)
{
    return hvm->loader ? hvm->loader : HVMLOADER_PATH;
}

const char *device_model_bios(const struct hvm_config *hvm)
{
    return hvm->bios ? hvm->bios : SEABIOS_PATH;
}

static int check_files(const struct toolstack *t, const struct hvm_config *hvm)
{
    const struct {
        const char *path, *what, *package, *key;
        int mode;
    } files[] = {
        {hvm->device_model ? hvm->device_model : DEVICE_MODEL_PATH, "a device model",
         "qemu-system-xen", "device_model_override", X_OK},
        {device_model_loader(hvm), "hvmloader", "xen-utils-4.17", "firmware_override", R_OK},
        {device_model_bios(hvm), "a BIOS", "seabios", "bios_path_override", R_OK},
    };

    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        int rc = access(files[i].path, files[i].mode) ? -errno : 0;

        if (rc)
            return domain_fail(t, rc,
                               "type = \"hvm\" needs %s, which Debian's package %s brings (%s= "
                               "names another): %s",
                               files[i].what, files[i].package, files[i].key, files[i].path);
    }
    return 0;
}

static int refuse_disk(const struct toolstack *t, const struct disk_config *disk, const char *why)
{
    fprintf(t->messages, "disk %s: %s\n", disk->vdev, why);
    return -ENOSYS;
}

static int check_disk(const struct toolstack *t, const struct disk_config *disk)
{
    uint32_t place, partition;

    if (!vdev_place(disk->device, &place, &partition))
        return refuse_disk(t, disk, "no SCSI disks are emulated; call it hda to hdd, or xvda");
    if (place < 4 && disk_script_name(disk))
        return refuse_disk(t, disk,
                           "an emulated disk must be a raw image, without script=; or call it xvde "
                           "or further on");
    if (place < 4 && partition)
        return refuse_disk(t, disk, "a partition alone cannot be emulated; give a whole disk");
    if (place < 4 && !disk->writable && !disk->cdrom)
        return refuse_disk(t, disk,
                           "an emulated disk cannot be read-only; make it writable or a cdrom");
    return 0;
}

int device_model_check(const struct toolstack *t, const struct domain_config *config)
{
    int rc = 0;

    if (config->type != DOMAIN_TYPE_HVM)
        return 0;
    for (size_t i = 0; i < config->disks_count && !rc; i++)
        rc = check_disk(t, &config->disks[i]);
    if (!rc && config->vifs_count) {
        fprintf(t->messages,
                "vif: guests of type \"hvm\" have no network cards yet; leave it out\n");
        rc = -ENOSYS;
    }
    return rc ? rc : check_files(t, &config->hvm);
}

// Its process
// ---------------------------------------------------------------------------------------------

struct start {
    int pid;
    int error; // of exec(), in a second message
};

static void log_path(const char *name, char path[DOMAIN_PATH_MAX])
{
    snprintf(path, DOMAIN_PATH_MAX, DOMAIN_LOG_FOLDER "/qemu-dm-%.200s.log", name);
}

// In the process that becomes it. What it writes is its log; all else that is open is closed when
// it begins, `report` too.
static _Noreturn void become(char **args, const char *log, int report)
{
    struct start start = {.pid = getpid()};
    int null = open("/dev/null", O_RDWR);
    int out = open(log, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    bool told = write(report, &start, sizeof(start)) == sizeof(start);

    if (told && null >= 0 && out >= 0 && dup2(null, STDIN_FILENO) >= 0 &&
        dup2(out, STDOUT_FILENO) >= 0 && dup2(out, STDERR_FILENO) >= 0 && !chdir("/")) {
        fcntl(report, F_SETFD, FD_CLOEXEC);
        close_range(STDERR_FILENO + 1, ~0u, CLOSE_RANGE_CLOEXEC);
        execv(args[0], args);
    }
    start.error = errno;
    told = write(report, &start, sizeof(start)) == sizeof(start);
    _exit(!told);
}

// A process between it and this one ends at once: nobody has to wait for it but process 1.
static int spawn(char **args, const char *log, int *pid)
{
    struct start start = {0};
    int report[2], rc;
    pid_t child;

    fflush(NULL);
    if (pipe2(report, O_CLOEXEC))
        return -errno;
    child = fork();
    if (!child) {
        close(report[0]);
        setsid();
        if (fork())
            _exit(0);
        become(args, log, report[1]);
    }
    rc = child < 0 ? -errno : 0;
    close(report[1]);
    if (child > 0)
        waitpid(child, NULL, 0);
    if (!rc && read(report[0], &start, sizeof(start)) != sizeof(start))
        rc = -ECHILD;
    *pid = start.pid;
    if (!rc && read(report[0], &start, sizeof(start)) == sizeof(start))
        rc = start.error ? -start.error : -EIO;
    close(report[0]);
    return rc;
}

static bool is_over(int process)
{
    struct pollfd end = {.fd = process, .events = POLLIN};

    return poll(&end, 1, 0) != 0;
}

// Whether the process is one of this domain's: its number may have been given to another since.
static bool serves(int pid, domid_t id)
{
    char path[40], words[4096], wanted[32];
    size_t wanted_len, len;
    FILE *file;

    snprintf(path, sizeof(path), "/proc/%d/cmdline", pid);
    file = fopen(path, "re");
    if (!file)
        return false;
    len = fread(words, 1, sizeof(words), file);
    fclose(file);
    wanted_len = (size_t)snprintf(wanted, sizeof(wanted), "-xen-domid%c%u", '\0', id) + 1;
    return memmem(words, len, wanted, wanted_len) != NULL;
}

// What is noted of it: 0 if there was never one.
static int noted(const struct toolstack *t, domid_t id)
{
    char *text = domain_read(t, id, "image/device-model-pid");
    int pid = text ? atoi(text) : 0;

    free(text);
    return pid;
}

int device_model_of(const struct toolstack *t, domid_t id)
{
    int pid = noted(t, id);

    return pid > 1 && serves(pid, id) ? pid : 0;
}

static bool ends_within(int process, int seconds)
{
    struct pollfd end = {.fd = process, .events = POLLIN};

    return poll(&end, 1, seconds * 1000) > 0;
}

static void end_process(const struct toolstack *t, domid_t id, int process)
{
    pidfd_send_signal(process, SIGTERM, NULL, 0);
    if (ends_within(process, END_SECONDS))
        return;
    fprintf(t->messages, "the device model of domain %u does not end by itself: killed\n", id);
    pidfd_send_signal(process, SIGKILL, NULL, 0);
    ends_within(process, END_SECONDS);
}

void device_model_stop(const struct toolstack *t, domid_t id)
{
    int pid = noted(t, id), process = pid > 1 ? pidfd_open(pid, 0) : -1;
    char path[DOMAIN_PATH_MAX];

    if (!pid)
        return;
    if (process >= 0 && serves(pid, id)) // its number cannot be another's any more
        end_process(t, id, process);
    if (process >= 0)
        close(process);
    snprintf(path, sizeof(path), DEVICE_MODEL_SOCKET, id);
    unlink(path);
}

// Getting ready
// ---------------------------------------------------------------------------------------------

static bool is_ready(const struct toolstack *t, const char *path)
{
    char *state = xs_read(t->store, XBT_NULL, path, NULL);
    bool ready = state && !strcmp(state, "running");

    free(state);
    return ready;
}

// -ECHILD: it has ended.
static int wait_until_ready(const struct toolstack *t, domid_t id, int process)
{
    char path[DOMAIN_PATH_MAX];
    struct waiter w;
    int rc;

    snprintf(path, sizeof(path), "/local/domain/0/device-model/%u/state", id);
    rc = waiter_open(&w, t, id, path, READY_SECONDS);
    w.process = process;
    while (!rc && !is_ready(t, path)) {
        rc = is_over(process) ? -ECHILD : waiter_next(&w);
    }
    waiter_close(&w);
    return rc;
}

static int say_serial(const struct toolstack *t, domid_t id, yajl_val devices)
{
    int rc = 0;

    for (size_t i = 0; YAJL_IS_ARRAY(devices) && i < devices->u.array.len && !rc; i++) {
        const char *label = qmp_text(devices->u.array.values[i], "label");
        const char *name = qmp_text(devices->u.array.values[i], "filename");
        char path[40];
        unsigned number;

        if (!label || !name || sscanf(label, "serial%u", &number) != 1 || strncmp(name, "pty:", 4))
            continue;
        snprintf(path, sizeof(path), "serial/%u/tty", number);
        rc = domain_write(t, id, path, name + strlen("pty:"));
    }
    return rc;
}

static int say_vnc(const struct toolstack *t, domid_t id, yajl_val vnc)
{
    const char *host = qmp_text(vnc, "host"), *service = qmp_text(vnc, "service");
    int rc;

    if (!host || !service)
        return 0;
    rc = domain_write(t, id, "console/vnc-listen", host);
    return rc ? rc : domain_write(t, id, "console/vnc-port", service);
}

// What QEMU has chosen, for who looks for it.
static int say_choices(const struct toolstack *t, domid_t id)
{
    static const struct {
        const char *command;
        int (*say)(const struct toolstack *t, domid_t id, yajl_val answer);
    } questions[] = {{"query-chardev", say_serial}, {"query-vnc", say_vnc}};
    char path[DOMAIN_PATH_MAX];
    int rc = 0;

    snprintf(path, sizeof(path), DEVICE_MODEL_SOCKET, id);
    for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]) && !rc; i++) {
        yajl_val tree, answer;

        rc = qmp_ask(path, questions[i].command, &tree, &answer);
        if (rc)
            domain_fail(t, rc, "the device model of domain %u does not answer '%s'", id,
                        questions[i].command);
        else
            rc = questions[i].say(t, id, answer);
        yajl_tree_free(tree);
    }
    return rc;
}

// Notes who it is first, so that whatever fails it is found and ended.
static int take_in(const struct toolstack *t, domid_t id, int pid, int process, const char *log)
{
    char text[16];
    int rc;

    snprintf(text, sizeof(text), "%d", pid);
    rc = domain_write(t, id, "image/device-model-pid", text);
    if (rc)
        return rc;
    rc = wait_until_ready(t, id, process);
    if (!rc)
        return say_choices(t, id);
    if (rc == -ECHILD)
        fprintf(t->messages, "the device model of domain %u has ended; %s says why\n", id, log);
    else
        domain_fail(t, rc, "the device model of domain %u is not ready; %s may say why", id, log);
    return rc;
}

int device_model_start(const struct toolstack *t, domid_t id, const struct domain_config *config)
{
    char **args = device_model_args(config, id);
    char log[DOMAIN_PATH_MAX];
    int pid = 0, process, rc;

    if (!args)
        return domain_fail(t, -ENOMEM, "the device model of domain %u", id);
    mkdir(DOMAIN_LOG_FOLDER, 0755);
    mkdir("/run/xen", 0755);
    log_path(config->name, log);
    for (size_t i = 0; args[i] && t->verbose; i++)
        fprintf(t->messages, "%s%s", args[i], args[i + 1] ? " " : "\n");
    rc = spawn(args, log, &pid);
    if (rc)
        domain_fail(t, rc, "%s cannot be started", args[0]);
    device_model_args_free(args);
    if (rc)
        return rc;
    process = pidfd_open(pid, 0);
    rc = process < 0 ? domain_fail(t, -errno,
                                   "the device model of domain %u has ended; %s says why", id, log)
                     : take_in(t, id, pid, process, log);
    if (rc && process >= 0)
        end_process(t, id, process);
    if (process >= 0)
        close(process);
    return rc;
}
