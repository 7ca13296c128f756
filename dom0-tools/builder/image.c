// From files to a checked and planned image. No hypervisor is needed for this.
#include "builder/image.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "builder/builder.h"
#include "pv-abi/elfnote.h"

// Opens a regular file; its size comes back in *len.
static int open_file(const char *path, uint64_t *len, FILE *messages)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC), error = errno;
    struct stat st;

    if (fd < 0) {
        fprintf(messages, "%s: cannot be opened: %s\n", path, strerror(error));
        return -error;
    }
    if (fstat(fd, &st) || !S_ISREG(st.st_mode)) {
        fprintf(messages, "%s: not a regular file\n", path);
        close(fd);
        return -EINVAL;
    }
    *len = (uint64_t)st.st_size;
    return fd;
}

static int read_all(int fd, uint8_t *to, uint64_t len)
{
    while (len) {
        ssize_t n = read(fd, to, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n ? -errno : -EIO;
        to += n;
        len -= (uint64_t)n;
    }
    return 0;
}

// Into memory, and not mapped: a mapped file that someone cuts short kills whoever looks at it.
static int read_kernel(struct guest_image *image, const char *path, FILE *messages)
{
    uint64_t len = 0;
    int fd = open_file(path, &len, messages), rc = -ENOMEM;

    if (fd < 0)
        return fd;
    if (!len || len > KERNEL_BYTES_MAX) {
        fprintf(messages, "%s: no kernel: the file has %" PRIu64 " bytes\n", path, len);
        close(fd);
        return -EINVAL;
    }
    image->file = mmap(NULL, len, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0); // all of it at once
    if (image->file == MAP_FAILED) {
        image->file = NULL;
    } else {
        image->file_len = len;
        rc = read_all(fd, image->file, len);
    }
    if (rc)
        fprintf(messages, "%s: cannot be read: %s\n", path, strerror(-rc));
    close(fd);
    return rc;
}

static int open_kernel(struct guest_image *image, const char *path, FILE *messages)
{
    static int (*const parse[])(struct kernel *, const void *, size_t) = {
        [GUEST_PV] = kernel_parse,
        [GUEST_PVH] = kernel_parse_pvh,
        [GUEST_HVM] = kernel_parse_firmware,
    };
    const char *problem = NULL;
    struct kernel *k = &image->kernel;
    int rc = read_kernel(image, path, messages);

    if (rc)
        return rc;
    rc = unpack_kernel(image->file, image->file_len, &image->unpacked, &problem);
    if (rc) {
        fprintf(messages, "%s: cannot be used as a kernel: %s\n", path, problem);
        return rc;
    }
    rc = parse[image->kind](k, image->unpacked.data, image->unpacked.len);
    if (rc)
        fprintf(messages, "%s: cannot be used as a kernel: %s\n", path, k->problem);
    snprintf(image->name, sizeof(image->name), "%s %s", k->guest_os[0] ? k->guest_os : "unnamed",
             k->guest_version);
    return rc;
}

static int open_ramdisk(struct guest_image *image, const char *path, FILE *messages)
{
    if (!path)
        return 0;
    image->ramdisk_path = strdup(path);
    if (!image->ramdisk_path) {
        fprintf(messages, "%s: %s\n", path, strerror(ENOMEM));
        return -ENOMEM;
    }
    image->ramdisk = open_file(path, &image->ramdisk_len, messages);
    return image->ramdisk < 0 ? image->ramdisk : 0;
}

static int take_cmdline(struct guest_image *image, const char *cmdline, FILE *messages)
{
    size_t len = cmdline ? strlen(cmdline) : 0;

    if (len >= sizeof(image->cmdline)) {
        fprintf(messages,
                "the kernel's command line has %zu characters, and a guest takes at most %zu: "
                "shorten root= or extra=\n",
                len, sizeof(image->cmdline) - 1);
        return -E2BIG;
    }
    memcpy(image->cmdline, cmdline ? cmdline : "", len + 1);
    return 0;
}

static uint64_t mib(uint64_t pages)
{
    return (pages + 255) / 256;
}

// In pages.
struct needs {
    uint64_t kernel, initrd, least;
};

static int say_too_small(const struct guest_image_source *source, const struct needs *n,
                         FILE *messages)
{
    fprintf(messages, "memory = %" PRIu64 " MB is too little: the kernel (%s) takes %" PRIu64 " MB",
            mib(source->memory_kib / 4), source->kernel, mib(n->kernel));
    if (source->ramdisk)
        fprintf(messages, ", its RAM disk (%s) %" PRIu64 " MB", source->ramdisk, mib(n->initrd));
    fprintf(messages, "; set memory to more than %" PRIu64 " MB\n", mib(n->least));
    return -ENOSPC;
}

static int plan_pvh(struct guest_image *image, const struct guest_image_source *source,
                    FILE *messages)
{
    struct pvh_layout *l = &image->pvh_layout;
    int rc = pvh_layout_plan(l, &image->kernel, image->ramdisk_len, source->memory_kib / 4,
                             image->kind == GUEST_HVM);

    if (rc == -ENOMEM)
        return say_too_small(source, &(struct needs){l->info, l->initrd_pages, l->least}, messages);
    if (rc)
        fprintf(messages,
                "kernel (%s) and RAM disk take %" PRIu64 " MB, and there are but %" PRIu64
                " MB below the devices of such a guest; make them smaller\n",
                source->kernel, mib(l->least), mib(l->low_pages));
    return rc;
}

static int plan(struct guest_image *image, const struct guest_image_source *source, FILE *messages)
{
    struct layout *l = &image->layout;
    int rc;

    if (image->kind != GUEST_PV)
        return plan_pvh(image, source, messages);
    rc = layout_plan(l, &image->kernel, image->ramdisk_len, source->memory_kib / 4);
    if (rc == -ENOMEM)
        return say_too_small(source, &(struct needs){l->kernel_end, l->initrd_pages, l->least},
                             messages);
    if (rc)
        fprintf(messages,
                "%s: cannot be used as a kernel: its virtual addresses (base %#" PRIx64
                ", P2M %#" PRIx64 ") overlap each other or the hypervisor's\n",
                source->kernel, image->kernel.virt_base, image->kernel.init_p2m);
    return rc;
}

int guest_image_open(const struct guest_image_source *source, FILE *messages,
                     struct guest_image **out)
{
    struct guest_image *image = calloc(1, sizeof(*image));
    int rc;

    *out = NULL;
    if (!image) {
        fprintf(messages, "%s: %s\n", source->kernel, strerror(ENOMEM));
        return -ENOMEM;
    }
    image->ramdisk = -1;
    image->kind = source->kind;
    image->vcpus = source->vcpus;
    image->max_vcpus = source->max_vcpus;
    image->apic = source->apic;
    image->hpet = source->hpet;
    rc = take_cmdline(image, source->cmdline, messages);
    if (!rc)
        rc = open_ramdisk(image, source->ramdisk, messages);
    if (!rc)
        rc = open_kernel(image, source->kernel, messages);
    if (!rc)
        rc = plan(image, source, messages);
    if (rc) {
        guest_image_free(image);
        return rc;
    }
    *out = image;
    return 0;
}

void guest_image_free(struct guest_image *image)
{
    if (!image)
        return;
    unpacked_free(&image->unpacked);
    if (image->file)
        munmap(image->file, image->file_len);
    if (image->ramdisk >= 0)
        close(image->ramdisk);
    free(image->ramdisk_path);
    free(image);
}

const char *guest_image_name(const struct guest_image *image)
{
    return image->name;
}

const char *guest_image_packing(const struct guest_image *image)
{
    return image->unpacked.packing;
}
