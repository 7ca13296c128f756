// A domain without privileges asks for what only domain 0 may have. Its code runs a list of
// hypercalls that domain 0 has written into its data page, and leaves the results there.
#include "pv-abi/memory.h"
#include "pv-abi/physdev.h"
#include "pv-abi/platform.h"
#include "pv-abi/sched.h"
#include "pv-abi/sysctl.h"
#include "pv-abi/version.h"

#include "tests/guests/common/domu.h"
#include "tests/guests/common/grant.h"
#include "tests/guests/common/guest.h"

struct request {
    uint64_t number, arg[5];
    int64_t result;
    uint64_t more; // is there another one after this
};

#define MAX_REQUESTS 16

// The data page: the list, then the arguments that it points to.
struct list {
    struct request request[MAX_REQUESTS];
    uint32_t reason; // of the shutdown at the end
    uint32_t pad[63];
    uint8_t argument[MAX_REQUESTS][128];
};

_Static_assert(sizeof(struct request) == 64, "the code below steps by this");
_Static_assert(__builtin_offsetof(struct list, reason) == 1024, "and finds the reason here");
_Static_assert(sizeof(struct list) <= 4096, "one page");

extern const uint8_t domu_worker[], domu_worker_end[];
__asm__(".pushsection .rodata\n"
        "domu_worker:\n"
        "    mov $0x15000, %ebx\n"
        "1:  mov (%rbx), %rax\n"
        "    mov 8(%rbx), %rdi\n"
        "    mov 16(%rbx), %rsi\n"
        "    mov 24(%rbx), %rdx\n"
        "    mov 32(%rbx), %r10\n"
        "    mov 40(%rbx), %r8\n"
        "    syscall\n"
        "    mov %rax, 48(%rbx)\n"
        "    mov 56(%rbx), %rax\n"
        "    add $64, %rbx\n"
        "    test %rax, %rax\n"
        "    jnz 1b\n"
        "    mov $2, %edi\n"
        "    mov $0x15400, %esi\n"
        "    mov $29, %eax\n"
        "    syscall\n"
        "    ud2\n"
        "domu_worker_end:\n"
        ".popsection");

static struct domu domu;
static unsigned count;

static struct list *list(void)
{
    return (struct list *)window_va(0);
}

static void begin(void)
{
    domu_destroy(&domu);
    domu_create(&domu);
    domu_load(&domu, domu_worker, (unsigned)(domu_worker_end - domu_worker));
    REQUIRE_OK(domu_map(&domu, 0, DOMU_DATA, PTE_RW));
    memset(list(), 0, sizeof(struct list));
    count = 0;
}

// Adds a call to the list; its number there.
static unsigned add(unsigned number, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    struct request *r = &list()->request[count];

    if (count)
        r[-1].more = 1;
    r->number = number;
    r->arg[0] = a;
    r->arg[1] = b;
    r->arg[2] = c;
    r->arg[3] = d;
    return count++;
}

// Where the other domain sees an argument of the next call, filled with a copy of this one.
static uint64_t argument(const void *from, unsigned size)
{
    memcpy(list()->argument[count], from, size);
    return domu_va(DOMU_DATA) + __builtin_offsetof(struct list, argument) + count * 128UL;
}

static void run(void)
{
    domu_start(&domu);
    REQUIRE(domu_wait_shutdown(&domu) == SHUTDOWN_poweroff);
}

static int64_t result(unsigned i)
{
    return list()->request[i].result;
}

static void end(void)
{
    CHECK_OK(window_unmap(0));
    CHECK(domu_destroy(&domu));
}

TEST(unprivileged_control)
{
    struct xen_domctl domctl = {.cmd = XEN_DOMCTL_pausedomain,
                                .interface_version = XEN_DOMCTL_INTERFACE_VERSION};
    struct xen_sysctl sysctl = {.cmd = XEN_SYSCTL_physinfo,
                                .interface_version = XEN_SYSCTL_INTERFACE_VERSION};
    struct xen_platform_op platform = {.cmd = XENPF_get_cpuinfo,
                                       .interface_version = XENPF_INTERFACE_VERSION};
    unsigned first;

    begin();
    first = add(__HYPERVISOR_domctl, argument(&domctl, 128), 0, 0, 0);
    domctl.cmd = XEN_DOMCTL_getdomaininfo;
    add(__HYPERVISOR_domctl, argument(&domctl, 128), 0, 0, 0);
    domctl.cmd = XEN_DOMCTL_destroydomain;
    domctl.domain = (domid_t)domu.id;
    add(__HYPERVISOR_domctl, argument(&domctl, 128), 0, 0, 0);
    add(__HYPERVISOR_sysctl, argument(&sysctl, 128), 0, 0, 0);
    add(__HYPERVISOR_platform_op, argument(&platform, 128), 0, 0, 0);
    run();
    for (unsigned i = first; i < count; i++)
        CHECK_ERR(result(i), EPERM);
    end();
}

TEST(unprivileged_events)
{
    struct evtchn_alloc_unbound alloc = {.dom = 0, .remote_dom = DOMID_SELF};
    struct evtchn_status status = {.dom = 0, .port = timer_port};
    struct evtchn_reset reset = {.dom = 0};
    struct evtchn_bind_virq virq = {.virq = VIRQ_DOM_EXC};
    struct evtchn_bind_interdomain bind = {.remote_dom = 0, .remote_port = timer_port};

    begin();
    add(__HYPERVISOR_event_channel_op, EVTCHNOP_alloc_unbound, argument(&alloc, sizeof(alloc)), 0,
        0);
    add(__HYPERVISOR_event_channel_op, EVTCHNOP_status, argument(&status, sizeof(status)), 0, 0);
    add(__HYPERVISOR_event_channel_op, EVTCHNOP_reset, argument(&reset, sizeof(reset)), 0, 0);
    add(__HYPERVISOR_event_channel_op, EVTCHNOP_bind_virq, argument(&virq, sizeof(virq)), 0, 0);
    add(__HYPERVISOR_event_channel_op, EVTCHNOP_bind_interdomain, argument(&bind, sizeof(bind)), 0,
        0);
    run();
    CHECK_ERR(result(0), EPERM);
    CHECK_ERR(result(1), EPERM);
    CHECK_ERR(result(2), EPERM);
    CHECK(result(3) == 0 || result(3) == -XEN_EPERM); // bound, it is never raised for this domain
    CHECK_ERR(result(4), EINVAL);
    end();
}

TEST(unprivileged_memory)
{
    uint64_t own = mfn_of(page_alloc());
    struct xen_memory_domain dom0 = {.domid = 0};
    struct xen_memory_reservation reserve = {.nr_extents = 1, .domid = 0};
    struct xen_memory_map map = {.nr_entries = 1};
    struct mmu_update m2p = {own << PAGE_SHIFT | MMU_MACHPHYS_UPDATE, 0};
    struct mmuext_op clear = {.cmd = MMUEXT_CLEAR_PAGE};
    uint64_t va = domu_va(DOMU_SPARE);

    clear.arg1.mfn = own;
    begin();
    add(__HYPERVISOR_memory_op, XENMEM_current_reservation, argument(&dom0, sizeof(dom0)), 0, 0);
    reserve.extent_start = (xen_pfn_t *)(domu_va(DOMU_DATA) + 2048);
    add(__HYPERVISOR_memory_op, XENMEM_decrease_reservation, argument(&reserve, sizeof(reserve)), 0,
        0);
    map.buffer = (void *)domu_va(DOMU_SPARE);
    add(__HYPERVISOR_memory_op, XENMEM_machine_memory_map, argument(&map, sizeof(map)), 0, 0);
    // Frames of domain 0's, device memory, the local APIC: mapped in neither way.
    add(__HYPERVISOR_update_va_mapping, va, pte_make(own, PTE_RO), UVMF_INVLPG, 0);
    add(__HYPERVISOR_update_va_mapping, va, pte_make(own, PTE_RW), UVMF_INVLPG, 0);
    add(__HYPERVISOR_update_va_mapping, va, pte_make(0xb8, PTE_RW), UVMF_INVLPG, 0);
    add(__HYPERVISOR_update_va_mapping, va, pte_make(0xfee00, PTE_RW), UVMF_INVLPG, 0);
    add(__HYPERVISOR_update_va_mapping_otherdomain, va, pte_make(own, PTE_RO), UVMF_INVLPG, 0);
    add(__HYPERVISOR_update_va_mapping_otherdomain, va, pte_make(0xb8, PTE_RO), UVMF_INVLPG,
        DOMID_IO);
    add(__HYPERVISOR_update_va_mapping_otherdomain, va, pte_make(0xb8, PTE_RO), UVMF_INVLPG,
        DOMID_XEN);
    add(__HYPERVISOR_mmu_update, argument(&m2p, sizeof(m2p)), 1, 0, DOMID_SELF);
    add(__HYPERVISOR_mmuext_op, argument(&clear, sizeof(clear)), 1, 0, DOMID_SELF);
    add(__HYPERVISOR_mmuext_op, argument(&clear, sizeof(clear)), 1, 0, 0);
    run();
    CHECK_ERR(result(0), EPERM);
    CHECK_EQ(result(1), 0); // nothing was freed
    CHECK_ERR(result(2), EPERM);
    for (unsigned i = 3; i < count; i++)
        CHECK_REFUSED(result(i));
    end();
    CHECK_EQ(pfn_of_mfn(own), pfn_of(va_of_mfn(own)));
}

TEST(unprivileged_machine)
{
    struct sched_remote_shutdown shutdown = {.domain_id = 0, .reason = SHUTDOWN_crash};
    struct sched_pin_override pin = {.pcpu = 0};
    struct physdev_setup_gsi gsi = {.gsi = 9};
    struct physdev_map_pirq pirq = {
        .domid = DOMID_SELF, .type = MAP_PIRQ_TYPE_GSI, .index = 9, .pirq = 9};
    struct physdev_apic apic = {.apic_physbase = 0xfec00000, .reg = 0x10};

    begin();
    add(__HYPERVISOR_sched_op, SCHEDOP_remote_shutdown, argument(&shutdown, sizeof(shutdown)), 0,
        0);
    add(__HYPERVISOR_sched_op, SCHEDOP_pin_override, argument(&pin, sizeof(pin)), 0, 0);
    add(__HYPERVISOR_physdev_op, PHYSDEVOP_setup_gsi, argument(&gsi, sizeof(gsi)), 0, 0);
    add(__HYPERVISOR_physdev_op, PHYSDEVOP_map_pirq, argument(&pirq, sizeof(pirq)), 0, 0);
    add(__HYPERVISOR_physdev_op, PHYSDEVOP_apic_read, argument(&apic, sizeof(apic)), 0, 0);
    add(__HYPERVISOR_physdev_op, PHYSDEVOP_apic_write, argument(&apic, sizeof(apic)), 0, 0);
    add(__HYPERVISOR_console_io, CONSOLEIO_read, 1, domu_va(DOMU_SPARE), 0);
    run();
    for (unsigned i = 0; i < count; i++)
        CHECK_REFUSED(result(i));
    CHECK_ERR(result(0), EPERM);
    CHECK_ERR(result(1), EPERM);
    end();
}

TEST(unprivileged_grants)
{
    struct gnttab_setup_table setup = {.dom = 0, .nr_frames = 1};
    struct gnttab_query_size size = {.dom = 0};
    struct gnttab_map_grant_ref map = {.host_addr = domu_va(DOMU_SPARE), .flags = GNTMAP_host_map};
    const struct gnttab_setup_table *setup_out = (const void *)list()->argument[0];
    const struct gnttab_query_size *size_out = (const void *)list()->argument[1];
    const struct gnttab_map_grant_ref *map_out = (const void *)list()->argument[2];

    begin();
    setup.frame_list = (xen_pfn_t *)domu_va(DOMU_SPARE);
    add(__HYPERVISOR_grant_table_op, GNTTABOP_setup_table, argument(&setup, sizeof(setup)), 1, 0);
    add(__HYPERVISOR_grant_table_op, GNTTABOP_query_size, argument(&size, sizeof(size)), 1, 0);
    map.ref = GRANT_FIRST_REF; // which was never granted to it
    add(__HYPERVISOR_grant_table_op, GNTTABOP_map_grant_ref, argument(&map, sizeof(map)), 1, 0);
    run();
    CHECK_EQ(setup_out->status, GNTST_permission_denied);
    CHECK_EQ(size_out->status, GNTST_permission_denied);
    CHECK(map_out->status < 0);
    end();
}

// It is told its own things, and the rest with the names left out.
TEST(unprivileged_version)
{
    struct xen_feature_info info = {0};
    const struct xen_feature_info *out = (const void *)list()->argument[0];

    begin();
    add(__HYPERVISOR_xen_version, XENVER_get_features, argument(&info, sizeof(info)), 0, 0);
    add(__HYPERVISOR_xen_version, XENVER_version, 0, 0, 0);
    add(__HYPERVISOR_xen_version, XENVER_commandline, domu_va(DOMU_SPARE), 0, 0);
    run();
    CHECK_EQ(result(0), 0);
    CHECK_EQ(out->submap & 1U << XENFEAT_dom0, 0);
    CHECK_EQ(result(1), 4 << 16 | 17);
    CHECK(result(2) >= 0);
    REQUIRE_OK(domu_map(&domu, 1, DOMU_SPARE, PTE_RW));
    CHECK_EQ(strncmp((char *)window_va(1), "<denied>", 9), 0);
    CHECK_OK(window_unmap(1));
    end();
}
