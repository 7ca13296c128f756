// A second domain, from creation to destruction, and what domain 0 may do to it meanwhile.
#include "pv-abi/memory.h"
#include "pv-abi/sched.h"
#include "pv-abi/sysctl.h"

#include "tests/guests/common/domu.h"
#include "tests/guests/common/grant.h"
#include "tests/guests/common/guest.h"

#define NO_DOMAIN 12345

static struct domu domu;
static struct xen_sysctl sysctl;

// Code of the other domain. RBX, where it is used, is the address of its data page.
#define DOMU_CODE_BYTES(name, text)                          \
    extern const uint8_t domu_##name[], domu_##name##_end[]; \
    __asm__(".pushsection .rodata; domu_" #name ": " text "; domu_" #name "_end: .popsection")
#define LOAD(name) domu_load(&domu, domu_##name, (unsigned)(domu_##name##_end - domu_##name))

#define DATA "mov $0x15000, %ebx; "
// sched_op(shutdown, reason at data + 8)
#define SHUTDOWN "mov $2, %edi; lea 8(%rbx), %rsi; mov $29, %eax; syscall; ud2"

DOMU_CODE_BYTES(shutdown, DATA "movl $0x600d, (%rbx); movl $1, 8(%rbx); " SHUTDOWN);
DOMU_CODE_BYTES(crash, DATA "movl $0x600d, (%rbx); ud2");
DOMU_CODE_BYTES(spin, DATA "1: incq (%rbx); jmp 1b");
// event_channel_op(send, port at data + 16), then sched_op(block)
DOMU_CODE_BYTES(send, DATA
                "mov $4, %edi; lea 16(%rbx), %rsi; mov $32, %eax; syscall; "
                "1: incl (%rbx); mov $1, %edi; xor %esi, %esi; mov $29, %eax; syscall; jmp 1b");

_Static_assert(DOMU_BASE + DOMU_DATA * 4096 == 0x15000, "the code above knows where its data lie");

static volatile uint64_t *data(void)
{
    return (volatile uint64_t *)window_va(0);
}

static void map_data(void)
{
    REQUIRE_OK(domu_map(&domu, 0, DOMU_DATA, PTE_RW));
}

static uint64_t free_pages(void)
{
    memset(&sysctl, 0, sizeof(sysctl));
    sysctl.cmd = XEN_SYSCTL_physinfo;
    sysctl.interface_version = XEN_SYSCTL_INTERFACE_VERSION;
    REQUIRE_OK(hc(sysctl, &sysctl));
    return sysctl.u.physinfo.free_pages + sysctl.u.physinfo.scrub_pages;
}

// Whatever an earlier test left over would disturb this one.
static void begin(void)
{
    domu_destroy(&domu);
    domu_create(&domu);
}

static void end(void)
{
    CHECK_OK(window_unmap(0));
    CHECK(domu_destroy(&domu));
}

TEST(domain_created_and_destroyed)
{
    begin();
    CHECK(domu_flags(&domu) & XEN_DOMINF_paused);
    CHECK_EQ(domu_op.u.getdomaininfo.tot_pages, DOMU_PAGES);
    CHECK_EQ(domu_op.u.getdomaininfo.max_pages, DOMU_PAGES);
    CHECK_EQ(domu_op.u.getdomaininfo.max_vcpu_id, 0);
    end();
    CHECK_ERR(domu_domctl(XEN_DOMCTL_pausedomain, 1), ESRCH);
}

static void live_and_die(void)
{
    begin();
    LOAD(spin);
    domu_start(&domu);
    end();
    events_sleep(20 * NS_PER_MS);
}

// All that it had comes back. Some of it late, and a little is kept for the next domain; but when
// five more have lived, and perhaps some after them, there is again as much as at most after the
// first five.
TEST(domain_gives_everything_back)
{
    uint64_t most = 0;
    bool all_back = false;

    for (unsigned i = 0; i < 5; i++) {
        uint64_t now;

        live_and_die();
        now = free_pages();
        most = now > most ? now : most;
    }
    for (unsigned i = 0; i < 40 && !all_back; i++) {
        live_and_die();
        all_back = i >= 5 && free_pages() >= most;
    }
    CHECK(all_back);
}

TEST(domain_runs_and_shuts_down)
{
    long virq;
    unsigned seen;

    domu_need_control();
    virq = port_bind_virq(VIRQ_DOM_EXC, 0);
    REQUIRE(virq > 0);
    seen = event_count[virq];
    begin();
    LOAD(shutdown);
    domu_start(&domu);
    CHECK_EQ(domu_wait_shutdown(&domu), SHUTDOWN_reboot);
    CHECK(event_wait((unsigned)virq, seen, NS_PER_S)); // domain 0 is told
    map_data();
    CHECK_EQ(data()[0], 0x600d);
    seen = event_count[virq];
    end();
    CHECK(event_wait((unsigned)virq, seen, NS_PER_S)); // and of its end
    CHECK_OK(port_close((unsigned)virq));
}

// A kernel without a trap handler is a crashed one; nobody else is.
TEST(domain_crash)
{
    begin();
    LOAD(crash);
    domu_start(&domu);
    CHECK_EQ(domu_wait_shutdown(&domu), SHUTDOWN_crash);
    map_data();
    CHECK_EQ(data()[0], 0x600d);
    end();
}

// Waits until the spinning domain has counted beyond N.
static bool counts_beyond(uint64_t n)
{
    uint64_t deadline = time_now() + 2 * NS_PER_S;

    while (data()[0] <= n && time_now() < deadline)
        events_sleep(5 * NS_PER_MS);
    return data()[0] > n;
}

TEST(domain_pause)
{
    uint64_t count;

    begin();
    LOAD(spin);
    map_data();
    domu_start(&domu);
    CHECK(counts_beyond(0));
    CHECK_OK(domu_domctl(XEN_DOMCTL_pausedomain, domu.id));
    count = data()[0];
    events_sleep(30 * NS_PER_MS);
    CHECK_EQ(data()[0], count);
    CHECK_OK(domu_domctl(XEN_DOMCTL_unpausedomain, domu.id));
    CHECK(counts_beyond(count));
    CHECK_OK(domu_domctl(XEN_DOMCTL_getvcpuinfo, domu.id));
    CHECK_EQ(domu_op.u.getvcpuinfo.online, 1);
    CHECK(domu_op.u.getvcpuinfo.cpu_time > 0);
    end();
}

TEST(domain_remote_shutdown)
{
    struct sched_remote_shutdown op = {.reason = SHUTDOWN_poweroff};

    begin();
    LOAD(spin);
    domu_start(&domu);
    op.domain_id = (domid_t)domu.id;
    CHECK_OK(hc(sched_op, SCHEDOP_remote_shutdown, &op));
    CHECK_EQ(domu_wait_shutdown(&domu), SHUTDOWN_poweroff);
    end();
}

TEST(domain_event_channel)
{
    long port;
    unsigned seen;

    begin();
    LOAD(send);
    port = port_alloc_unbound(domu.id, DOMID_SELF);
    REQUIRE(port > 0);
    map_data();
    *(volatile uint32_t *)&data()[2] = (uint32_t)port; // which one to send to
    CHECK_ERR(port_bind_interdomain(domu.id, (unsigned)port + 1), EINVAL);
    port = port_bind_interdomain(domu.id, (unsigned)port);
    REQUIRE(port > 0);
    event_wait((unsigned)port, 0, 10 * NS_PER_MS); // the one that binding raises
    seen = event_count[port];
    domu_start(&domu);
    CHECK(event_wait((unsigned)port, seen, 2 * NS_PER_S));
    for (unsigned i = 0; i < 100 && !(domu_flags(&domu) & XEN_DOMINF_blocked); i++)
        events_sleep(5 * NS_PER_MS);
    CHECK(domu_flags(&domu) & XEN_DOMINF_blocked);
    end();
    // Its end is gone: ours is unbound, and sends to nobody.
    CHECK_OK(port_send((unsigned)port));
    CHECK_OK(port_close((unsigned)port));
}

// Frames of another domain are had by its name, and only as what they are.
TEST(domain_foreign_frames)
{
    uint64_t pte;

    begin();
    pte = pte_make(domu.frame[DOMU_DATA], PTE_RW);
    CHECK_REFUSED(va_map(window_va(1), pte, UVMF_INVLPG));
    CHECK_OK(mmu_update_one(pte_maddr(window_va(1), 1), pte, domu.id));
    CHECK_OK(window_unmap(1));
    // Its page tables are read-only for domain 0 too.
    for (unsigned page = DOMU_L4; page <= DOMU_L1; page++) {
        CHECK_REFUSED(domu_map(&domu, 1, page, PTE_RW));
        CHECK_OK(domu_map(&domu, 1, page, PTE_RO));
    }
    CHECK_OK(window_unmap(1));
    CHECK_REFUSED(mmuext(MMUEXT_PIN_L1_TABLE, domu.frame[DOMU_SPARE], 0));
    CHECK_REFUSED(mmuext(MMUEXT_CLEAR_PAGE, domu.frame[DOMU_SPARE], 0));
    // Its M2P entries are set in its name.
    CHECK_REFUSED(
        mmu_update_one(domu.frame[DOMU_SPARE] << 12 | MMU_MACHPHYS_UPDATE, 5, DOMID_SELF));
    CHECK_OK(mmu_update_one(domu.frame[DOMU_SPARE] << 12 | MMU_MACHPHYS_UPDATE, 5, domu.id));
    CHECK_EQ(pfn_of_mfn(domu.frame[DOMU_SPARE]), 5);
    end();
}

TEST(domain_memory_limit)
{
    xen_pfn_t list[2] = {100, 101};
    struct xen_memory_reservation r = {.nr_extents = 2, .domid = (domid_t)domu.id};
    struct xen_memory_domain who;

    begin();
    r.domid = who.domid = (domid_t)domu.id;
    r.extent_start = list;
    CHECK_EQ(hc(memory_op, XENMEM_current_reservation, &who), DOMU_PAGES);
    CHECK_EQ(hc(memory_op, XENMEM_populate_physmap, &r), 0);
    domu_op.u.max_mem.max_memkb = DOMU_PAGES * 4 + 4;
    CHECK_OK(domu_domctl(XEN_DOMCTL_max_mem, domu.id));
    CHECK_EQ(hc(memory_op, XENMEM_populate_physmap, &r), 1);
    CHECK_EQ(hc(memory_op, XENMEM_current_reservation, &who), DOMU_PAGES + 1);
    end();
}

// The other domain's grant table, had as a resource; what it grants is mapped and copied.
TEST(domain_grants)
{
    struct xen_mem_acquire_resource res = {.type = XENMEM_resource_grant_table,
                                           .id = XENMEM_resource_grant_table_id_shared,
                                           .nr_frames = 1};
    volatile struct grant_entry_v1 *entry = (volatile struct grant_entry_v1 *)window_va(2) + 20;
    struct gnttab_copy copy = {.len = 8, .flags = GNTCOPY_source_gref, .status = 99};
    uint64_t *page = page_alloc();
    xen_pfn_t frame = 0;
    grant_handle_t handle = 0;

    begin();
    res.domid = (domid_t)domu.id;
    res.frame_list = &frame;
    REQUIRE_OK(hc(memory_op, XENMEM_acquire_resource, &res));
    REQUIRE_OK(mmu_update_one(pte_maddr(window_va(2), 1), pte_make(frame, PTE_RW), domu.id));
    map_data();
    data()[0] = 0x1234567;
    entry->frame = (uint32_t)domu.frame[DOMU_DATA];
    entry->domid = 0;
    entry->flags = GTF_permit_access;
    CHECK_EQ(grant_map_of(domu.id, 20, window_va(3), GNTMAP_host_map, &handle, NULL), GNTST_okay);
    CHECK_EQ(*(volatile uint64_t *)window_va(3), 0x1234567);
    CHECK_EQ(entry->flags, GTF_permit_access | GTF_reading | GTF_writing);
    CHECK_EQ(grant_map_of(domu.id, 21, window_va(4), GNTMAP_host_map, NULL, NULL),
             GNTST_general_error);
    copy.source.u.ref = 20;
    copy.source.domid = (domid_t)domu.id;
    copy.dest.u.gmfn = mfn_of(page);
    copy.dest.domid = DOMID_SELF;
    CHECK_OK(hc(grant_table_op, GNTTABOP_copy, &copy, 1));
    CHECK_EQ(copy.status, GNTST_okay);
    CHECK_EQ(*page, 0x1234567);
    CHECK_EQ(grant_unmap(handle, window_va(3), 0), GNTST_okay);
    CHECK_EQ(entry->flags, GTF_permit_access);
    CHECK_OK(window_unmap(2));
    end();
}

// A mapping of domain 0's keeps the frame, and the name of its owner, until it is given up.
TEST(domain_destroyed_while_mapped)
{
    unsigned id;

    begin();
    id = domu.id;
    map_data();
    data()[0] = 7;
    CHECK_OK(domu_domctl(XEN_DOMCTL_destroydomain, id));
    CHECK_EQ(data()[0], 7);
    data()[0] = 8;
    CHECK_EQ(data()[0], 8);
    CHECK(domu_flags(&domu) & XEN_DOMINF_dying);
    CHECK_EQ(domu_op.u.getdomaininfo.tot_pages, 1);
    CHECK_OK(window_unmap(0));
    for (unsigned i = 0; i < 1000 && domu_flags(&domu); i++)
        events_sleep(NS_PER_MS);
    CHECK_EQ(domu_flags(&domu), 0);
    domu.id = 0;
}

TEST(domain_create_refused)
{
    domu_need_control();
    memset(&domu_op, 0, sizeof(domu_op));
    domu_op.u.createdomain.max_vcpus = 1;
    domu_op.u.createdomain.max_evtchn_port = 1023;
    domu_op.u.createdomain.grant_opts = XEN_DOMCTL_GRANT_version(1);
    domu_op.u.createdomain.flags = 0x80000000;
    CHECK_ERR(domu_domctl(XEN_DOMCTL_createdomain, 0), EINVAL);
    domu_op.u.createdomain.flags = 0;
    domu_op.u.createdomain.max_vcpus = 0;
    CHECK_ERR(domu_domctl(XEN_DOMCTL_createdomain, 0), EINVAL);
    domu_op.u.createdomain.max_vcpus = 100000;
    CHECK_ERR(domu_domctl(XEN_DOMCTL_createdomain, 0), EINVAL);
    domu_op.u.createdomain.max_vcpus = 1;
    domu_op.u.createdomain.grant_opts = XEN_DOMCTL_GRANT_version(9);
    CHECK_ERR(domu_domctl(XEN_DOMCTL_createdomain, 0), EINVAL);
}
