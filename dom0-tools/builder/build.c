// From a planned image to a domain that can run: what is the same for all kinds of guests.
#include "builder/build.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static uint64_t now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

int image_read_ramdisk(const struct guest_image *image, uint8_t *to)
{
    for (uint64_t at = 0; at < image->ramdisk_len;) {
        ssize_t n = pread(image->ramdisk, to + at, image->ramdisk_len - at, (off_t)at);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n ? -errno : -EIO;
        at += (uint64_t)n;
    }
    return 0;
}

// What of the machine is free, for whoever asked for more.
static void say_no_memory(const struct build *b, FILE *messages)
{
    const struct guest_image *image = b->image;
    struct xen_sysctl op = {.cmd = XEN_SYSCTL_physinfo};
    uint64_t free = 0, pages = image->kind == GUEST_PV
                                   ? image->layout.nr_pages
                                   : image->pvh_layout.low_pages + image->pvh_layout.high_pages;

    if (!control_sysctl(b->target->control, &op))
        free = op.u.physinfo.free_pages - op.u.physinfo.outstanding_pages;
    fprintf(messages,
            "no memory for the guest: it wants %" PRIu64 " MB, and %" PRIu64
            " MB are free; make the guest smaller or take memory from another domain\n",
            pages / 256, free / 256);
}

static int run(struct build *b, const struct build_step *step, FILE *messages)
{
    int rc = step->run(b);

    if (rc == -EIO && step->reads && b->image->ramdisk_path)
        fprintf(messages, "%s: became shorter while it was read\n", b->image->ramdisk_path);
    else if (rc)
        fprintf(messages, "domain %u cannot be built: %s: %s\n", b->target->domain, step->what,
                strerror(-rc));
    return rc;
}

int guest_image_build(struct guest_image *image, const struct guest_target *target, FILE *messages,
                      struct guest_build *result)
{
    static const struct build_step *const steps[] = {
        [GUEST_PV] = pv_build_steps,
        [GUEST_PVH] = pvh_build_steps,
        [GUEST_HVM] = hvm_build_steps,
    };
    const struct build_step *step = steps[image->kind];
    struct build b = {.image = image, .target = target, .result = result};
    uint64_t start = now(), populated;
    int rc;

    *result = (struct guest_build){0};
    rc = step->run(&b);
    if (rc == -ENOMEM) {
        say_no_memory(&b, messages);
        return rc;
    }
    if (rc) {
        fprintf(messages, "domain %u cannot be given memory: %s\n", target->domain, strerror(-rc));
        return rc;
    }
    populated = now();
    for (step++; step->run && !rc; step++)
        rc = run(&b, step, messages);
    result->populate_ns = populated - start;
    result->load_ns = now() - populated;
    guest_memory_free(&b.memory);
    return rc;
}
