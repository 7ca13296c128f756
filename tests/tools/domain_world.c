#include "tests/tools/domain_world.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "pv-abi/elfnote.h"
#include "pv-abi/event_channel.h"
#include "pv-abi/memory.h"
#include "tests/unit/elf_maker.h"

struct world world;

static struct {
    uint32_t flags;
    uint8_t handle[16];
    unsigned ports;
} domains[4];
static domid_t last_id;
static char folder[] = "/tmp/vellum-domain-XXXXXX";
static char kernel[sizeof(folder) + 8];

// --- what fails ---

static int may_fail(const char *what, bool of_store)
{
    if (!world.fail_at)
        return 0;
    world.calls++;
    if (world.calls < world.fail_at ||
        (world.calls > world.fail_at && !(world.fail_on && of_store)))
        return 0;
    if (!world.failed)
        world.failed = what;
    return -world.error;
}

static int machine_may_fail(const char *what)
{
    return may_fail(what, false);
}

static int store_may_fail(const char *what)
{
    return may_fail(what, true);
}

// --- the hypervisor ---

static int create_domain(struct xen_domctl *op)
{
    for (unsigned tried = 0; tried < 3; tried++) {
        last_id = (domid_t)(last_id % 3 + 1);
        if (!domains[last_id].flags) {
            machine_create_domain(last_id);
            domains[last_id].flags = XEN_DOMINF_paused;
            memcpy(domains[last_id].handle, op->u.createdomain.handle, 16);
            op->domain = last_id;
            return 0;
        }
    }
    return -ENOMEM;
}

static int destroy_domain(domid_t id)
{
    machine_destroy_domain(id);
    memset(&domains[id], 0, sizeof(domains[id]));
    store_fire("@releaseDomain");
    return 0;
}

static void get_info(domid_t id, struct xen_domctl_getdomaininfo *info)
{
    *info = (struct xen_domctl_getdomaininfo){
        .domain = id,
        .flags = domains[id].flags,
        .shared_info_frame = machine.domains[id].shared_info,
        .max_vcpu_id = MACHINE_VCPUS - 1,
        .tot_pages = machine.domains[id].pages,
    };
    memcpy(info->handle, domains[id].handle, 16);
}

static bool domctl(struct xen_domctl *op, int *rc)
{
    domid_t id = op->domain;

    *rc = 0;
    if (op->cmd == XEN_DOMCTL_createdomain) {
        *rc = create_domain(op);
        return true;
    }
    if (id > 3 || !domains[id].flags) {
        *rc = -ESRCH;
        return true;
    }
    switch (op->cmd) {
    case XEN_DOMCTL_destroydomain:
        *rc = destroy_domain(id);
        return true;
    case XEN_DOMCTL_getdomaininfo:
        get_info(id, &op->u.getdomaininfo);
        return true;
    case XEN_DOMCTL_pausedomain:
        domains[id].flags |= XEN_DOMINF_paused;
        return true;
    case XEN_DOMCTL_unpausedomain:
        domains[id].flags = (domains[id].flags & ~XEN_DOMINF_paused) | XEN_DOMINF_running;
        return true;
    case XEN_DOMCTL_setdomainhandle:
        memcpy(domains[id].handle, op->u.setdomainhandle.handle, 16);
        return true;
    case XEN_DOMCTL_max_vcpus:
    case XEN_DOMCTL_max_mem:
    case XEN_DOMCTL_hypercall_init:
    case XEN_DOMCTL_scheduler_op:
    case XEN_DOMCTL_setvcpuaffinity:
    case XEN_DOMCTL_ioport_permission:
    case XEN_DOMCTL_irq_permission:
    case XEN_DOMCTL_iomem_permission:
        return true;
    default:
        return false; // as fake_machine.c knows it
    }
}

static bool hypercall(unsigned number, const uint64_t a[5], long *rc)
{
    struct evtchn_alloc_unbound *op = (void *)a[1];

    if (number == __HYPERVISOR_event_channel_op && a[0] == EVTCHNOP_alloc_unbound) {
        op->port = ++domains[op->dom].ports;
        return true;
    }
    return number == __HYPERVISOR_xen_version;
}

int control_sysctl(struct control *control, struct xen_sysctl *op)
{
    int rc = may_fail("sysctl", false);

    if (rc)
        return rc;
    if (op->cmd == XEN_SYSCTL_cputopoinfo) {
        for (unsigned i = 0; op->u.cputopoinfo.cputopo && i < op->u.cputopoinfo.num_cpus; i++)
            op->u.cputopoinfo.cputopo[i] = (xen_sysctl_cputopo_t){.core = i};
        op->u.cputopoinfo.num_cpus = 2;
    }
    return 0;
}

int control_open(struct control **out)
{
    *out = machine_control();
    return may_fail("control_open", false);
}

uint32_t world_flags(domid_t id)
{
    return domains[id].flags;
}

unsigned world_domains(void)
{
    unsigned count = 0;

    for (unsigned id = 0; id < 4; id++)
        count += domains[id].flags != 0;
    return count;
}

void world_shut_down(domid_t id, unsigned reason)
{
    domains[id].flags |= XEN_DOMINF_shutdown | reason << XEN_DOMINF_shutdownshift;
    store_fire("@releaseDomain");
}

void world_resume(domid_t id)
{
    domains[id].flags = XEN_DOMINF_running;
}

void world_forget(domid_t id)
{
    machine_destroy_domain(id);
    memset(&domains[id], 0, sizeof(domains[id]));
}

// --- time ---

int __real_clock_gettime(clockid_t clock, struct timespec *t);
int __real_poll(struct pollfd *fds, nfds_t count, int timeout);

int __wrap_clock_gettime(clockid_t clock, struct timespec *t)
{
    int rc = __real_clock_gettime(clock, t);
    uint64_t ns = (uint64_t)t->tv_nsec + world.waited;

    t->tv_sec += (time_t)(ns / 1000000000);
    t->tv_nsec = (long)(ns % 1000000000);
    return rc;
}

int __wrap_nanosleep(const struct timespec *wanted, struct timespec *left)
{
    world.waited += (uint64_t)wanted->tv_sec * 1000000000 + (uint64_t)wanted->tv_nsec;
    if (world.idle)
        world.idle();
    return 0;
}

int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout)
{
    int rc = __real_poll(fds, count, 0);

    if (rc)
        return rc;
    if (world.idle)
        world.idle();
    rc = __real_poll(fds, count, 0);
    if (!rc && timeout < 0)
        abort(); // it would wait for ever
    if (!rc)
        world.waited += (uint64_t)timeout * 1000000;
    return rc;
}

// --- memory and files ---

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
char *__real_strdup(const char *text);
int __real_open(const char *path, int flags, ...);
FILE *__real_fopen(const char *path, const char *mode);
int __real_mkdir(const char *path, mode_t mode);
int __real_rename(const char *from, const char *to);
int __real_unlink(const char *path);
int __real_glob(const char *pattern, int flags, int (*error)(const char *, int), glob_t *found);

static bool memory_fails(void)
{
    bool fails = may_fail("malloc", false);

    if (fails)
        errno = ENOMEM;
    return fails;
}

void *__wrap_malloc(size_t size)
{
    return memory_fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return memory_fails() ? NULL : __real_calloc(count, size);
}

char *__wrap_strdup(const char *text)
{
    return memory_fails() ? NULL : __real_strdup(text);
}

// Where the file of a path really is: one flat folder takes the place of the system's.
static const char *moved(const char *path)
{
    static char names[2][512];
    static unsigned next;
    char *to = names[next++ % 2];

    if (!strncmp(path, "/run/", 5)) // a file to hold locks on
        return "/dev/null";
    if (strncmp(path, "/var/", 5))
        return path;
    snprintf(to, sizeof(names[0]), "%s/", folder);
    for (size_t at = strlen(to); *path && at < sizeof(names[0]) - 1; path++) {
        to[at] = *path == '/' ? '+' : *path;
        to[++at] = '\0';
    }
    return to;
}

static bool file_fails(const char *what)
{
    int error = may_fail(what, false);

    errno = -error;
    return error;
}

int __wrap_open(const char *path, int flags, ...)
{
    va_list list;
    int mode;

    va_start(list, flags);
    mode = va_arg(list, int);
    va_end(list);
    return file_fails("open") ? -1 : __real_open(moved(path), flags, mode);
}

FILE *__wrap_fopen(const char *path, const char *mode)
{
    return file_fails("fopen") ? NULL : __real_fopen(moved(path), mode);
}

int __wrap_mkdir(const char *path, mode_t mode)
{
    errno = EEXIST;
    return -1;
}

int __wrap_rename(const char *from, const char *to)
{
    return file_fails("rename") ? -1 : __real_rename(moved(from), moved(to));
}

int __wrap_unlink(const char *path)
{
    return __real_unlink(moved(path));
}

int __wrap_glob(const char *pattern, int flags, int (*error)(const char *, int), glob_t *found)
{
    return __real_glob(moved(pattern), flags, error, found);
}

static unsigned entries(const char *path)
{
    DIR *dir = opendir(path);
    unsigned count = 0;

    while (dir && readdir(dir))
        count++;
    if (dir)
        closedir(dir);
    return count;
}

unsigned world_files(void)
{
    return entries(folder) - 3; // ".", "..", the kernel
}

unsigned world_descriptors(void)
{
    return entries("/proc/self/fd");
}

static void remove_files(void)
{
    glob_t found = {0};
    char pattern[64];

    snprintf(pattern, sizeof(pattern), "%s/+*", folder);
    if (!__real_glob(pattern, 0, NULL, &found))
        for (size_t i = 0; i < found.gl_pathc; i++)
            __real_unlink(found.gl_pathv[i]);
    globfree(&found);
}

// --- the world ---

static void make_kernel(void)
{
    struct elf_maker m;
    FILE *file;

    if (!mkdtemp(folder))
        abort();
    snprintf(kernel, sizeof(kernel), "%s/kernel", folder);
    maker_init(&m);
    maker_text(&m, XEN_ELFNOTE_GUEST_OS, "linux");
    maker_number(&m, XEN_ELFNOTE_VIRT_BASE, 0xffffffff80000000);
    maker_number(&m, XEN_ELFNOTE_ENTRY, 0xffffffff80100010);
    maker_number(&m, XEN_ELFNOTE_HYPERCALL_PAGE, 0xffffffff80101000);
    file = __real_fopen(kernel, "w");
    if (!file || fwrite(&m, MAKER_FILE_SIZE, 1, file) != 1 || fclose(file))
        abort();
}

void world_reset(void)
{
    if (!*kernel)
        make_kernel();
    if (world.t.messages)
        fclose(world.t.messages);
    if (world.t.store)
        xs_close(world.t.store);
    memset(&world, 0, sizeof(world));
    memset(domains, 0, sizeof(domains));
    last_id = 0;
    remove_files();
    machine_reset();
    store_reset();
    domains[0].flags = XEN_DOMINF_running;
    machine.refuse = machine_may_fail;
    machine.domctl = domctl;
    machine.hypercall = hypercall;
    store.refuse = store_may_fail;
    store_set("/local/domain/0/name", "Domain-0");
    store_set("/local/domain/0/backend/console", "");
    store_set("/vm", "");
    store_set("/libxl", "");
    world.t = (struct toolstack){.control = machine_control(), .store = xs_open(0)};
    world.t.messages = fmemopen(world.said, sizeof(world.said), "w");
    setvbuf(world.t.messages, NULL, _IONBF, 0);
}

void world_end(void)
{
    fclose(world.t.messages);
    xs_close(world.t.store);
    remove_files();
    __real_unlink(kernel);
    rmdir(folder);
}

const char *world_said(void)
{
    static char text[sizeof(world.said)];

    fflush(world.t.messages);
    memcpy(text, world.said, sizeof(text));
    rewind(world.t.messages);
    memset(world.said, 0, sizeof(world.said));
    return text;
}

struct domain_config *world_config(const char *lines)
{
    char text[256];
    struct domain_config *config = NULL;
    struct config_source source = {
        .path = "test", .text = text, .overrides = &lines, .overrides_count = 1};

    source.length = (size_t)snprintf(text, sizeof(text),
                                     "name='guest'\nkernel='%s'\nmemory=4\nvcpus=2\n", kernel);
    if (domain_config_read(&source, true, stderr, &config))
        abort();
    return config;
}
