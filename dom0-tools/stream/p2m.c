#include "stream/p2m.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "pv-abi/arch-x86/cpu.h"
#include "pv-abi/memory.h"
#include "stream/format.h"

#define ENTRY_PRESENT 1ull
#define ENTRY_FRAME   0x000ffffffffff000ull
#define NOT_ITS_OWN   (3ull << 62) // Linux's marks of foreign frames and of device memory
#define MAX_COUNT     (1ull << 31) // guest frames: 8 TB

// One table on the way down, copied.
static int read_table(const struct p2m *p, uint64_t mfn, uint64_t *table)
{
    void *page = control_map(p->control, p->domain, PROT_READ, &mfn, 1, NULL);

    if (!page)
        return -errno;
    memcpy(table, page, STREAM_PAGE_SIZE);
    control_unmap(page, 1);
    return 0;
}

struct walk {
    uint64_t table_mfn[5]; // at each level; 0: none read yet
    uint64_t table[5][PTES];
};

// The machine frame of the page at `address`, by the guest's tables below `root`.
static int find_frame(const struct p2m *p, struct walk *w, uint64_t root, uint64_t address,
                      uint64_t *mfn)
{
    *mfn = root;
    for (unsigned level = 4; level; level--) {
        uint64_t entry;
        int rc;

        if (w->table_mfn[level] != *mfn) {
            rc = read_table(p, *mfn, w->table[level]);
            if (rc)
                return rc;
            w->table_mfn[level] = *mfn;
        }
        entry = w->table[level][address >> (3 + 9 * level) & (PTES - 1)];
        if (!(entry & ENTRY_PRESENT))
            return -EINVAL;
        *mfn = (entry & ENTRY_FRAME) >> 12;
    }
    return 0;
}

static int find_frames(struct p2m *p, const struct shared_info *shared)
{
    struct walk *w = calloc(1, sizeof(*w));
    uint64_t root = xen_cr3_to_pfn(shared->arch.p2m_cr3);
    int rc = w ? 0 : -ENOMEM;

    for (uint64_t i = 0; !rc && i < p->nr_frames; i++)
        rc = find_frame(p, w, root, shared->arch.p2m_vaddr + i * STREAM_PAGE_SIZE, &p->frames[i]);
    free(w);
    return rc;
}

static int map_list(struct p2m *p, const struct shared_info *shared)
{
    int rc;

    p->frames = calloc(p->nr_frames, sizeof(*p->frames));
    if (!p->frames)
        return -ENOMEM;
    rc = find_frames(p, shared);
    if (rc)
        return rc;
    p->list = control_map(p->control, p->domain, PROT_READ, p->frames, p->nr_frames, NULL);
    return p->list ? 0 : -errno;
}

static int make_reverse(struct p2m *p)
{
    long last = control_memory_op(p->control, XENMEM_maximum_ram_page, NULL, 0);

    if (last < 0)
        return (int)last;
    p->machine_frames = (uint64_t)last + 1;
    p->reverse = calloc(p->machine_frames, sizeof(*p->reverse));
    if (!p->reverse)
        return -ENOMEM;
    p2m_refresh(p);
    return 0;
}

int p2m_open(struct p2m *p2m, struct control *control, domid_t domain,
             const struct shared_info *shared, FILE *messages)
{
    int rc;

    *p2m = (struct p2m){.control = control,
                        .domain = domain,
                        .count = shared->arch.max_pfn,
                        .generation = shared->arch.p2m_generation};
    if (!shared->arch.p2m_cr3) {
        fprintf(messages,
                "save: the guest's kernel does not say where its P2M list is (it is older "
                "than Linux 4.4, or has not started)\n");
        return -EOPNOTSUPP;
    }
    if (!p2m->count || p2m->count > MAX_COUNT) {
        fprintf(messages, "save: the guest claims a P2M list of %" PRIu64 " frames\n", p2m->count);
        return -EINVAL;
    }
    p2m->nr_frames = (p2m->count + PTES - 1) / PTES;
    rc = map_list(p2m, shared);
    if (!rc)
        rc = make_reverse(p2m);
    if (rc) {
        fprintf(messages, "save: cannot read the guest's P2M list: %s\n", strerror(-rc));
        p2m_close(p2m);
    }
    return rc;
}

int p2m_open_hvm(struct p2m *p2m, struct control *control, domid_t domain, FILE *messages)
{
    long last = control_memory_op(control, XENMEM_maximum_gpfn, &domain, sizeof(domain));

    *p2m = (struct p2m){.control = control, .domain = domain, .count = (uint64_t)last + 1};
    if (last >= 0 && p2m->count <= MAX_COUNT)
        return 0;
    fprintf(messages, "save: the hypervisor does not tell what memory the guest has: %s\n",
            strerror(last < 0 ? (int)-last : ERANGE));
    return last < 0 ? (int)last : -ERANGE;
}

void p2m_close(struct p2m *p2m)
{
    if (p2m->list)
        control_unmap((void *)p2m->list, p2m->nr_frames);
    free(p2m->frames);
    free(p2m->reverse);
    p2m->list = NULL;
    p2m->frames = NULL;
    p2m->reverse = NULL;
}

int p2m_moved(const struct p2m *p2m, const struct shared_info *shared)
{
    if (!p2m->list)
        return 0;
    return *(const volatile uint64_t *)&shared->arch.p2m_generation != p2m->generation ||
           *(const volatile uint64_t *)&shared->arch.max_pfn != p2m->count;
}

uint64_t p2m_mfn(const struct p2m *p2m, uint64_t pfn)
{
    uint64_t mfn;

    if (pfn >= p2m->count)
        return UINT64_MAX;
    if (!p2m->list)
        return pfn;
    mfn = p2m->list[pfn];
    return mfn & NOT_ITS_OWN || mfn >= p2m->machine_frames ? UINT64_MAX : mfn;
}

uint64_t p2m_pfn(const struct p2m *p2m, uint64_t mfn)
{
    uint64_t pfn;

    if (!p2m->list)
        return mfn;
    if (mfn >= p2m->machine_frames || !p2m->reverse[mfn])
        return UINT64_MAX;
    pfn = p2m->reverse[mfn] - 1;
    return p2m_mfn(p2m, pfn) == mfn ? pfn : UINT64_MAX;
}

void p2m_refresh(struct p2m *p2m)
{
    for (uint64_t pfn = 0; p2m->list && pfn < p2m->count; pfn++) {
        uint64_t mfn = p2m_mfn(p2m, pfn);

        if (mfn != UINT64_MAX)
            p2m->reverse[mfn] = (uint32_t)pfn + 1;
    }
}
