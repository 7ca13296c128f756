#include "tests/guests/common/domu.h"

#include "pv-abi/memory.h"
#include "tests/guests/common/guest.h"

#define BUILD_SLOT 400 // of the window, while the domain is being built

struct xen_domctl domu_op;

static struct vcpu_guest_context context;

long domu_domctl(unsigned cmd, unsigned dom)
{
    domu_op.cmd = cmd;
    domu_op.interface_version = XEN_DOMCTL_INTERFACE_VERSION;
    domu_op.domain = (domid_t)dom;
    return hc(domctl, &domu_op);
}

void domu_need_control(void)
{
    memset(&domu_op, 0, sizeof(domu_op));
    if (hc(domctl, &domu_op) == -XEN_ENOSYS)
        SKIP("domctl is absent");
}

long domu_map(const struct domu *domu, unsigned slot, unsigned page, uint64_t flags)
{
    return hc(update_va_mapping_otherdomain, window_va(slot), pte_make(domu->frame[page], flags),
              UVMF_INVLPG, domu->id);
}

static void create(struct domu *domu)
{
    struct xen_domctl_createdomain *c = &domu_op.u.createdomain;

    memset(&domu_op, 0, sizeof(domu_op));
    c->max_vcpus = 1;
    c->max_evtchn_port = 1023;
    c->max_grant_frames = 4;
    c->max_maptrack_frames = 4;
    c->grant_opts = XEN_DOMCTL_GRANT_version(1);
    REQUIRE_OK(domu_domctl(XEN_DOMCTL_createdomain, 0));
    domu->id = domu_op.domain;
    REQUIRE(domu->id > 0 && domu->id < DOMID_FIRST_RESERVED);
    memset(&domu_op, 0, sizeof(domu_op));
    domu_op.u.max_vcpus.max = 1;
    REQUIRE_OK(domu_domctl(XEN_DOMCTL_max_vcpus, domu->id));
    memset(&domu_op, 0, sizeof(domu_op));
    domu_op.u.max_mem.max_memkb = DOMU_PAGES * 4;
    REQUIRE_OK(domu_domctl(XEN_DOMCTL_max_mem, domu->id));
    REQUIRE_OK(domu_domctl(XEN_DOMCTL_getdomaininfo, domu->id));
    domu->shared_info = domu_op.u.getdomaininfo.shared_info_frame;
}

static void populate(struct domu *domu)
{
    struct xen_memory_reservation r = {.nr_extents = DOMU_PAGES, .domid = (domid_t)domu->id};

    for (unsigned i = 0; i < DOMU_PAGES; i++)
        domu->frame[i] = i;
    r.extent_start = domu->frame;
    REQUIRE(hc(memory_op, XENMEM_populate_physmap, &r) == DOMU_PAGES);
}

// Writes one entry of one of its page tables, not yet validated.
static void put_entry(struct domu *domu, unsigned page, unsigned index, uint64_t entry)
{
    REQUIRE_OK(domu_map(domu, BUILD_SLOT, page, PTE_RW));
    ((volatile uint64_t *)window_va(BUILD_SLOT))[index] = entry;
    REQUIRE_OK(window_unmap(BUILD_SLOT));
}

static void build_tables(struct domu *domu)
{
    struct mmuext_op pin = {.cmd = MMUEXT_PIN_L4_TABLE};

    put_entry(domu, DOMU_L4, 0, pte_make(domu->frame[DOMU_L3], PTE_TAB));
    put_entry(domu, DOMU_L3, 0, pte_make(domu->frame[DOMU_L2], PTE_TAB));
    put_entry(domu, DOMU_L2, 0, pte_make(domu->frame[DOMU_L1], PTE_TAB));
    for (unsigned i = 0; i < DOMU_PAGES; i++)
        put_entry(domu, DOMU_L1, (unsigned)(DOMU_BASE / PAGE_SIZE) + i,
                  pte_make(domu->frame[i], i <= DOMU_L1 ? PTE_RO : PTE_RW));
    pin.arg1.mfn = domu->frame[DOMU_L4];
    REQUIRE_OK(hc(mmuext_op, &pin, 1, 0, domu->id));
}

void domu_create(struct domu *domu)
{
    memset(domu, 0, sizeof(*domu));
    domu_need_control();
    create(domu);
    populate(domu);
    build_tables(domu);
}

void domu_load(struct domu *domu, const void *code, unsigned size)
{
    REQUIRE_OK(domu_map(domu, BUILD_SLOT, DOMU_CODE, PTE_RW));
    memcpy((void *)window_va(BUILD_SLOT), code, size);
    REQUIRE_OK(window_unmap(BUILD_SLOT));
    memset(&context, 0, sizeof(context));
    context.flags = VGCF_in_kernel | VGCF_online;
    context.user_regs.rip = domu_va(DOMU_CODE);
    context.user_regs.rsp = domu_va(DOMU_STACK + 1);
    context.user_regs.rflags = 2;
    context.user_regs.cs = FLAT_KERNEL_CS;
    context.user_regs.ss = FLAT_KERNEL_SS;
    context.kernel_ss = FLAT_KERNEL_SS;
    context.kernel_sp = domu_va(DOMU_STACK + 1);
    context.ctrlreg[3] = xen_pfn_to_cr3(domu->frame[DOMU_L4]);
    memset(&domu_op, 0, sizeof(domu_op));
    domu_op.u.vcpucontext.vcpu = 0;
    domu_op.u.vcpucontext.ctxt = &context;
    REQUIRE_OK(domu_domctl(XEN_DOMCTL_setvcpucontext, domu->id));
}

void domu_start(struct domu *domu)
{
    REQUIRE_OK(domu_domctl(XEN_DOMCTL_unpausedomain, domu->id));
}

uint32_t domu_flags(const struct domu *domu)
{
    if (domu_domctl(XEN_DOMCTL_getdomaininfo, domu->id) ||
        domu_op.u.getdomaininfo.domain != domu->id)
        return 0;
    return domu_op.u.getdomaininfo.flags;
}

int domu_wait_shutdown(const struct domu *domu)
{
    uint64_t deadline = time_now() + 2 * NS_PER_S;
    uint32_t flags;

    do {
        flags = domu_flags(domu);
        if (flags & XEN_DOMINF_shutdown)
            return (int)(flags >> XEN_DOMINF_shutdownshift & XEN_DOMINF_shutdownmask);
        events_sleep(NS_PER_MS);
    } while (time_now() < deadline);
    return -1;
}

bool domu_destroy(struct domu *domu)
{
    uint64_t deadline = time_now() + 2 * NS_PER_S;

    if (!domu->id)
        return true;
    CHECK_OK(domu_domctl(XEN_DOMCTL_destroydomain, domu->id));
    while (domu_flags(domu)) {
        if (time_now() > deadline)
            return false;
        events_sleep(NS_PER_MS);
    }
    domu->id = 0;
    return true;
}
