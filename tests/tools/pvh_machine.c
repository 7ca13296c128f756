#include "tests/tools/pvh_machine.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "pv-abi/hvm/hvm_op.h"
#include "pv-abi/hvm/save.h"
#include "pv-abi/memory.h"

#define PAGE       4096ul
#define MAX_FRAMES 16384
#define BELOW_4G   (1ul << 20) // frames; this guest has none above

struct pvh_machine pvh_machine;

static int file = -1;
static uint64_t gfns[MAX_FRAMES]; // by their place in the file
static uint16_t places[BELOW_4G]; // the reverse, plus one
static unsigned grants;           // the grant table's place

#define must(condition)                                                             \
    do                                                                              \
        if (!(condition)) {                                                         \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
            abort();                                                                \
        }                                                                           \
    while (0)

void pvh_machine_reset(unsigned most)
{
    for (unsigned i = 0; i < pvh_machine.frames; i++)
        places[gfns[i]] = 0;
    memset(&pvh_machine, 0, sizeof(pvh_machine));
    pvh_machine.most = most;
    if (file < 0)
        file = memfd_create("guest", MFD_CLOEXEC);
    must(!ftruncate(file, 0) && !ftruncate(file, MAX_FRAMES * PAGE));
}

bool pvh_machine_has(uint64_t gfn)
{
    return gfn < BELOW_4G && places[gfn];
}

static unsigned place_of(uint64_t gfn)
{
    must(pvh_machine_has(gfn));
    return places[gfn] - 1u;
}

static void add_frame(uint64_t gfn)
{
    must(gfn < BELOW_4G && !places[gfn] && pvh_machine.frames < MAX_FRAMES);
    gfns[pvh_machine.frames++] = gfn;
    places[gfn] = (uint16_t)pvh_machine.frames;
}

static const void *page_at(unsigned place)
{
    static uint8_t page[PAGE];

    must(pread(file, page, PAGE, (off_t)(place * PAGE)) == (ssize_t)PAGE);
    return page;
}

const void *pvh_machine_page(uint64_t gfn)
{
    return page_at(place_of(gfn));
}

const void *pvh_machine_grants(void)
{
    must(pvh_machine.grants_at);
    return page_at(grants);
}

static bool refused(const char *what)
{
    return pvh_machine.refuse && !strcmp(pvh_machine.refuse, what);
}

void *control_buffer(struct control *control, size_t size)
{
    return calloc(1, size);
}

void control_buffer_free(struct control *control, void *buffer, size_t size)
{
    free(buffer);
}

void *control_map(struct control *control, domid_t domain, int protection, const uint64_t *frames,
                  size_t count, int *errors)
{
    uint8_t *at = mmap(NULL, count * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    must(domain == PVH_GUEST && at != MAP_FAILED);
    for (size_t i = 0, n; i < count; i += n) {
        if (!pvh_machine_has(frames[i]) || refused("map")) {
            munmap(at, count * PAGE);
            errno = EINVAL;
            return NULL;
        }
        // As many at once as lie side by side.
        for (n = 1; i + n < count && pvh_machine_has(frames[i + n]) &&
                    place_of(frames[i + n]) == place_of(frames[i]) + n;)
            n++;
        must(mmap(at + i * PAGE, n * PAGE, protection, MAP_SHARED | MAP_FIXED, file,
                  (off_t)(place_of(frames[i]) * PAGE)) != MAP_FAILED);
    }
    return at;
}

void control_unmap(void *address, size_t count)
{
    munmap(address, count * PAGE);
}

static long populate(const struct xen_memory_reservation *r)
{
    must(r->domid == PVH_GUEST);
    for (uint64_t i = 0; i < r->nr_extents; i++) {
        must(r->extent_start[i] % (1ul << r->extent_order) == 0);
        if (pvh_machine.frames + (1u << r->extent_order) > pvh_machine.most)
            return (long)i;
        for (uint64_t n = 0; n < 1ul << r->extent_order; n++)
            add_frame(r->extent_start[i] + n);
    }
    return (long)r->nr_extents;
}

static long show_grants(const struct xen_add_to_physmap *op)
{
    if (refused("grants"))
        return -ENOSYS;
    pvh_machine.grants_at = op->gpfn;
    grants = pvh_machine.frames;
    add_frame(op->gpfn);
    return 0;
}

// Its content can still be looked at.
static long hide_grants(const struct xen_remove_from_physmap *op)
{
    must(op->gpfn == pvh_machine.grants_at && grants == pvh_machine.frames - 1);
    places[op->gpfn] = 0;
    pvh_machine.frames--;
    return 0;
}

long control_memory_op(struct control *control, unsigned command, void *argument, size_t size)
{
    switch (command) {
    case XENMEM_populate_physmap:
        return populate(argument);
    case XENMEM_claim_pages:
        pvh_machine.claimed = ((struct xen_memory_reservation *)argument)->nr_extents;
        return 0;
    case XENMEM_set_memory_map:
        pvh_machine.map_entries = ((struct xen_foreign_memory_map *)argument)->map.nr_entries;
        return 0;
    case XENMEM_add_to_physmap:
        return show_grants(argument);
    case XENMEM_remove_from_physmap:
        return hide_grants(argument);
    default:
        return -ENOSYS;
    }
}

long control_hypercall(struct control *control, unsigned number, const uint64_t a[5])
{
    const struct xen_hvm_param *p = (void *)a[1];

    if (number != __HYPERVISOR_hvm_op || a[0] != HVMOP_set_param || refused("param"))
        return -EPERM;
    must(p->domid == PVH_GUEST && p->index < HVM_NR_PARAMS);
    pvh_machine.params[p->index] = p->value;
    return 0;
}

uint32_t pvh_machine_context(uint8_t *to)
{
    static const struct {
        uint16_t code, instance;
        uint32_t length;
    } records[] = {
        {HVM_SAVE_CODE(HEADER), 0, HVM_SAVE_LENGTH(HEADER)},
        {HVM_SAVE_CODE(LAPIC), 0, HVM_SAVE_LENGTH(LAPIC)},
        {HVM_SAVE_CODE(MTRR), 0, HVM_SAVE_LENGTH(MTRR)},
        {HVM_SAVE_CODE(MTRR), 1, HVM_SAVE_LENGTH(MTRR)},
        {HVM_SAVE_CODE(END), 0, 0},
    };
    uint32_t at = 0;

    for (size_t i = 0; i < sizeof(records) / sizeof(records[0]); i++) {
        if (to) {
            memcpy(to + at, &records[i], sizeof(records[i]));
            memset(to + at + sizeof(records[i]), 0x5a, records[i].length);
        }
        at += (uint32_t)sizeof(records[i]) + records[i].length;
    }
    return at;
}

int control_domctl(struct control *control, struct xen_domctl *op)
{
    must(op->domain == PVH_GUEST);
    if (op->cmd == XEN_DOMCTL_gethvmcontext) {
        op->u.hvmcontext.size = pvh_machine_context(op->u.hvmcontext.buffer);
        return 0;
    }
    if (op->cmd != XEN_DOMCTL_sethvmcontext || refused("context"))
        return -EINVAL;
    pvh_machine.context_len = op->u.hvmcontext.size;
    must(pvh_machine.context_len <= sizeof(pvh_machine.context));
    memcpy(pvh_machine.context, op->u.hvmcontext.buffer, pvh_machine.context_len);
    return 0;
}

int control_sysctl(struct control *control, struct xen_sysctl *op)
{
    op->u.physinfo.free_pages = pvh_machine.most;
    return 0;
}
