// mem-set, mem-max.
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vl/commands.h"
#include "vl/domains.h"

// What a domain may own beyond its target: shared pages and what libxl grants, too.
#define SLACK_KIB 1024

// "512", "512m", "1g", "524288k": in KiB; without a letter MiB, as xl has it.
static uint64_t parse_size(const char *text)
{
    static const struct {
        char letter;
        int shift; // to KiB
    } units[] = {{'t', 30}, {'g', 20}, {'m', 10}, {'k', 0}, {'b', -10}};
    char *end;
    int shift = 10;

    errno = 0;
    unsigned long long number = strtoull(text, &end, 0);
    bool wrong = end == text || errno || strchr(text, '-');
    for (size_t i = 0; *end && i < 5; i++)
        if (tolower((unsigned char)*end) == units[i].letter && !end[1]) {
            shift = units[i].shift;
            end++;
        }
    if (wrong || *end || (shift > 0 && number > UINT64_MAX >> shift))
        vl_misused("'%s' is no amount of memory: 512 or 512m (MiB), 1g, 524288k, b for bytes",
                   text);
    return shift < 0 ? number >> -shift : number << shift;
}

// A node below memory/ in KiB; 0 if there is none.
static uint64_t stored(domid_t domain, const char *path)
{
    char *text = vl_store_read(domain, path);
    uint64_t kib = text ? strtoull(text, NULL, 10) : 0;

    free(text);
    return kib;
}

static int set_max(domid_t domain, const char *name, uint64_t kib)
{
    struct xen_domctl op = {.cmd = XEN_DOMCTL_max_mem, .domain = domain};

    op.u.max_mem.max_memkb = kib;
    int error = control_domctl(vl_control(), &op);
    return error ? vl_fail(error, "domain '%s' cannot be limited to %" PRIu64 " KiB", name, kib)
                 : VL_OK;
}

static int write_kib(domid_t domain, const char *path, uint64_t kib)
{
    char text[24];

    snprintf(text, sizeof(text), "%" PRIu64, kib);
    return vl_store_write(domain, path, text);
}

int vl_mem_set(int argc, char **argv)
{
    struct xen_domctl_getdomaininfo info;

    vl_no_options(argc, argv);
    vl_operands(argc, 2, 2);
    const char *name = argv[optind];
    uint64_t kib = parse_size(argv[optind + 1]);
    domid_t domain = vl_domain(name);
    uint64_t most = stored(domain, "memory/static-max");
    uint64_t video = stored(domain, "memory/videoram"); // which is not the guest's to give back
    if (!vl_domain_info(domain, &info))
        return vl_complain("domain '%s' is gone", name);
    if (kib <= video)
        vl_misused("a domain cannot do without memory");
    if (most && kib > most)
        return vl_complain("domain '%s' was made for at most %" PRIu64 " MiB (maxmem); %" PRIu64
                           " MiB are more",
                           name, most / 1024, kib / 1024);
    // Growing: it may take the memory before it is asked to. Shrinking: it is asked before it must
    // not.
    bool grows = kib + SLACK_KIB > info.max_pages * 4;
    if (grows && set_max(domain, name, kib + SLACK_KIB))
        return VL_FAILED;
    if (write_kib(domain, "memory/target", kib - video))
        return VL_FAILED;
    return grows ? VL_OK : set_max(domain, name, kib + SLACK_KIB);
}

int vl_mem_max(int argc, char **argv)
{
    vl_no_options(argc, argv);
    vl_operands(argc, 2, 2);
    const char *name = argv[optind];
    uint64_t kib = parse_size(argv[optind + 1]);
    domid_t domain = vl_domain(name);
    uint64_t target = stored(domain, "memory/target");
    if (kib < target)
        return vl_complain("domain '%s' has a target of %" PRIu64
                           " MiB; lower that first (vl mem-set)",
                           name, target / 1024);
    if (set_max(domain, name, kib + SLACK_KIB))
        return VL_FAILED;
    return write_kib(domain, "memory/static-max", kib);
}
