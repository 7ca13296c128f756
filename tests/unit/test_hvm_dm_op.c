// HYPERVISOR_dm_op by its arguments, and what moves a guest's memory and gives out frames:
// XENMEM_add_to_physmap and XENMEM_acquire_resource.
//
// sources: hypervisor/hvm/dm_op.c hypervisor/hvm/dm_memory.c hypervisor/core/memory_physmap.c
// sources: hypervisor/hvm/ioreq.c hypervisor/hvm/ioreq_server.c hypervisor/hvm/access.c
// sources: hypervisor/hvm/lapic.c hypervisor/hvm/lapic_bus.c hypervisor/hvm/p2m.c
// sources: hypervisor/core/rangeset.c hypervisor/core/permissions.c hypervisor/core/event.c
// sources: hypervisor/core/event_2l.c hypervisor/core/event_bind.c hypervisor/core/event_consumer.c
// sources: hypervisor/core/event_fifo.c hypervisor/core/event_fifo_setup.c
// sources: hypervisor/core/event_op.c hypervisor/core/event_send.c hypervisor/core/guest_frame.c
// sources: tests/unit/hvm_kit.c tests/unit/fake/platform.c tests/unit/fake/frames.c
#include <string.h>

#include "core/grant.h"
#include "core/memory_impl.h"
#include "hvm/irq.h"
#include "pv-abi/hvm/hvm_op.h"
#include "tests/unit/ioreq_kit.h"

#define NOWHERE ((void *)FAKE_FAULT_ADDRESS)

static unsigned shutdown_reason;
static uint64_t irq_call[4]; // which of those below was called last, and with what

int hvm_isa_irq(struct domain *d, unsigned irq, bool level)
{
    memcpy(irq_call, (uint64_t[]){'i', irq, level, 0}, sizeof(irq_call));
    return irq < 16 ? 0 : -EINVAL;
}

int hvm_pci_intx(struct domain *d, unsigned device, unsigned pin, bool level)
{
    memcpy(irq_call, (uint64_t[]){'p', device, pin, level}, sizeof(irq_call));
    return 0;
}

int hvm_pci_link_route(struct domain *d, unsigned link, unsigned irq)
{
    memcpy(irq_call, (uint64_t[]){'l', link, irq, 0}, sizeof(irq_call));
    return 0;
}

int hvm_msi(struct domain *d, uint64_t address, uint32_t data)
{
    memcpy(irq_call, (uint64_t[]){'m', address, data, 0}, sizeof(irq_call));
    return 0;
}

void domain_shutdown(struct domain *d, unsigned reason)
{
    shutdown_reason = reason;
}

int grant_table_frame(struct domain *d, unsigned index, bool status, mfn_t *mfn)
{
    return -EINVAL;
}

uint32_t grant_table_max_frames(const struct domain *d)
{
    return 7;
}

bool frame_release_allocation(struct frame *f)
{
    __atomic_fetch_and(&f->state, ~FS_ALLOCATED, __ATOMIC_SEQ_CST);
    frame_put(f);
    return true;
}

static struct xen_dm_op op;
static struct xen_dm_op_buf bufs[3];

static void begin(unsigned nr_vcpus)
{
    make_world(nr_vcpus);
    fake_ops.ioreq_frames = IOREQ_SERVER_FRAMES;
    fake_ops.ioreq_frame = ioreq_server_frame;
    memset(&op, 0, sizeof(op));
    bufs[0] = (struct xen_dm_op_buf){&op, sizeof(op)};
    bufs[1] = bufs[2] = (struct xen_dm_op_buf){};
}

static long call(uint32_t number)
{
    op.op = number;
    return do_dm_op(1, 2, guest_address(bufs));
}

static bool irq_was(uint64_t what, uint64_t a, uint64_t b, uint64_t c)
{
    return irq_call[0] == what && irq_call[1] == a && irq_call[2] == b && irq_call[3] == c;
}

static void test_interrupts(void)
{
    begin(1);
    op.u.set_isa_irq_level = (struct xen_dm_op_set_isa_irq_level){.isa_irq = 4, .level = 1};
    CU_ASSERT_EQUAL(call(XEN_DMOP_set_isa_irq_level), 0);
    CU_ASSERT(irq_was('i', 4, 1, 0));
    op.u.set_isa_irq_level.level = 2;
    CU_ASSERT_EQUAL(call(XEN_DMOP_set_isa_irq_level), -EINVAL);
    op.u.set_isa_irq_level = (struct xen_dm_op_set_isa_irq_level){.isa_irq = 16, .level = 1};
    CU_ASSERT_EQUAL(call(XEN_DMOP_set_isa_irq_level), -EINVAL);
    op.u.set_pci_intx_level =
        (struct xen_dm_op_set_pci_intx_level){.device = 3, .intx = 2, .level = 1};
    CU_ASSERT_EQUAL(call(XEN_DMOP_set_pci_intx_level), 0);
    CU_ASSERT(irq_was('p', 3, 2, 1));
    op.u.set_pci_intx_level.bus = 1;
    CU_ASSERT_EQUAL(call(XEN_DMOP_set_pci_intx_level), -EINVAL);
    op.u.set_pci_link_route = (struct xen_dm_op_set_pci_link_route){.link = 2, .isa_irq = 11};
    CU_ASSERT_EQUAL(call(XEN_DMOP_set_pci_link_route), 0);
    CU_ASSERT(irq_was('l', 2, 11, 0));
    op.u.inject_msi = (struct xen_dm_op_inject_msi){.addr = 0xfee00000, .data = 0x41};
    CU_ASSERT_EQUAL(call(XEN_DMOP_inject_msi), 0);
    CU_ASSERT(irq_was('m', 0xfee00000, 0x41, 0));
    op.u.inject_msi.pad = 1;
    CU_ASSERT_EQUAL(call(XEN_DMOP_inject_msi), -EINVAL);
    CU_ASSERT_EQUAL(call(XEN_DMOP_set_irq_level), -EOPNOTSUPP); // another architecture's
    end_world();
}

static void test_call(void)
{
    begin(3);
    CU_ASSERT_EQUAL(call(XEN_DMOP_nr_vcpus), 0);
    CU_ASSERT_EQUAL(op.u.nr_vcpus.vcpus, 3);
    CU_ASSERT_EQUAL(do_dm_op(1, 4, guest_address(bufs)), -E2BIG);
    CU_ASSERT_EQUAL(do_dm_op(1, 0, guest_address(bufs)), -EFAULT);
    CU_ASSERT_EQUAL(do_dm_op(1, 1, FAKE_FAULT_ADDRESS), -EFAULT);
    CU_ASSERT_EQUAL(do_dm_op(5, 1, guest_address(bufs)), -ESRCH);
    CU_ASSERT_EQUAL(do_dm_op(0, 1, guest_address(bufs)), -EPERM); // to itself
    CU_ASSERT_EQUAL(do_dm_op(DOMID_SELF, 1, guest_address(bufs)), -EPERM);
    CU_ASSERT_EQUAL(call(0), -EOPNOTSUPP);
    CU_ASSERT_EQUAL(call(1000), -EOPNOTSUPP);
    bufs[0].size = 11; // the operation's argument has four bytes after the eight in front
    CU_ASSERT_EQUAL(call(XEN_DMOP_nr_vcpus), -EFAULT);
    bufs[0].size = 12;
    CU_ASSERT_EQUAL(call(XEN_DMOP_nr_vcpus), 0);
    bufs[0].h = NOWHERE;
    CU_ASSERT_EQUAL(call(XEN_DMOP_nr_vcpus), -EFAULT);
    bufs[0].h = &op;
    op.pad = 1;
    CU_ASSERT_EQUAL(call(XEN_DMOP_nr_vcpus), -EINVAL);
    op.pad = 0;
    as_guest(0);
    CU_ASSERT_EQUAL(call(XEN_DMOP_nr_vcpus), -EPERM);
    as_tools();
    guest->d.dying = DOMAIN_DYING;
    CU_ASSERT_EQUAL(call(XEN_DMOP_nr_vcpus), -EINVAL);
    CU_ASSERT_EQUAL(guest->d.refs, 1);
    end_world();
}

static void test_servers(void)
{
    struct hvm_access a = {.address = 0x300, .bytes = 4, .port = true};

    begin(1);
    op.u.create_ioreq_server.pad[1] = 1;
    CU_ASSERT_EQUAL(call(XEN_DMOP_create_ioreq_server), -EINVAL);
    op.u.create_ioreq_server.pad[1] = 0;
    op.u.create_ioreq_server.id = 0x77;
    CU_ASSERT_EQUAL(call(XEN_DMOP_create_ioreq_server), 0);
    CU_ASSERT_EQUAL(op.u.create_ioreq_server.id, 0);
    op.u.get_ioreq_server_info =
        (struct xen_dm_op_get_ioreq_server_info){.flags = XEN_DMOP_no_gfns};
    CU_ASSERT_EQUAL(call(XEN_DMOP_get_ioreq_server_info), 0);
    op.u.map_io_range_to_ioreq_server =
        (struct xen_dm_op_ioreq_server_range){.start = 0x300, .end = 0x303};
    CU_ASSERT_EQUAL(call(XEN_DMOP_map_io_range_to_ioreq_server), 0);
    CU_ASSERT_EQUAL(call(XEN_DMOP_map_io_range_to_ioreq_server), -EEXIST);
    op.u.set_ioreq_server_state = (struct xen_dm_op_set_ioreq_server_state){.enabled = 1};
    CU_ASSERT_EQUAL(call(XEN_DMOP_set_ioreq_server_state), 0);
    guest_bind(tools->vcpus[0], 1, to_hvmd(&guest->d)->ioreqs.servers[0]->ports[0]);
    as_guest(0);
    CU_ASSERT_EQUAL(hvm_access(guest_vcpu(0), &a), HVM_ACCESS_WAIT);
    as_tools();
    op.u.unmap_io_range_from_ioreq_server =
        (struct xen_dm_op_ioreq_server_range){.start = 0x300, .end = 0x303};
    CU_ASSERT_EQUAL(call(XEN_DMOP_unmap_io_range_from_ioreq_server), 0);
    op.u.destroy_ioreq_server = (struct xen_dm_op_destroy_ioreq_server){.pad = 1};
    CU_ASSERT_EQUAL(call(XEN_DMOP_destroy_ioreq_server), -EINVAL);
    op.u.destroy_ioreq_server.pad = 0;
    CU_ASSERT_EQUAL(call(XEN_DMOP_destroy_ioreq_server), 0);
    CU_ASSERT_EQUAL(call(XEN_DMOP_destroy_ioreq_server), -ENOENT);
    as_guest(0);
    CU_ASSERT(ioreq_finish(guest_vcpu(0)));
    end_world();
}

static void test_small_ones(void)
{
    begin(2);
    op.u.remote_shutdown.reason = 6;
    CU_ASSERT_EQUAL(call(XEN_DMOP_remote_shutdown), -EINVAL);
    op.u.remote_shutdown.reason = 1;
    CU_ASSERT_EQUAL(call(XEN_DMOP_remote_shutdown), 0);
    CU_ASSERT_EQUAL(shutdown_reason, 1);
    op.u.inject_event =
        (struct xen_dm_op_inject_event){.vcpuid = 2, .type = XEN_DMOP_EVENT_nmi, .vector = 2};
    CU_ASSERT_EQUAL(call(XEN_DMOP_inject_event), -EINVAL);
    op.u.inject_event.vcpuid = 1;
    CU_ASSERT_EQUAL(call(XEN_DMOP_inject_event), 0);
    CU_ASSERT_EQUAL(kit_nmis, 1);
    op.u.inject_event.type = XEN_DMOP_EVENT_sw_int;
    CU_ASSERT_EQUAL(call(XEN_DMOP_inject_event), -EOPNOTSUPP);
    op.u.pin_memory_cacheattr = (struct xen_dm_op_pin_memory_cacheattr){.start = 4, .end = 3};
    CU_ASSERT_EQUAL(call(XEN_DMOP_pin_memory_cacheattr), -EINVAL);
    op.u.pin_memory_cacheattr.end = 8;
    for (uint32_t type = 0; type < 10; type++) {
        op.u.pin_memory_cacheattr.type = type;
        CU_ASSERT_EQUAL(call(XEN_DMOP_pin_memory_cacheattr),
                        type == 2 || type == 3 || type > 7 ? -EINVAL : 0);
    }
    op.u.pin_memory_cacheattr.type = XEN_DMOP_DELETE_MEM_CACHEATTR;
    CU_ASSERT_EQUAL(call(XEN_DMOP_pin_memory_cacheattr), 0);
    op.u.set_mem_type = (struct xen_dm_op_set_mem_type){.nr = 1, .mem_type = HVMMEM_ram_ro};
    CU_ASSERT_EQUAL(call(XEN_DMOP_set_mem_type), -EOPNOTSUPP);
    op.u.set_mem_type.mem_type = HVMMEM_unused;
    CU_ASSERT_EQUAL(call(XEN_DMOP_set_mem_type), -EINVAL);
    op.u.set_mem_type.mem_type = HVMMEM_ram_rw;
    CU_ASSERT_EQUAL(call(XEN_DMOP_set_mem_type), 0);
    end_world();
}

static void test_dirty_video(void)
{
    uint8_t bits[130];

    begin(1);
    memset(bits, 0, sizeof(bits));
    bufs[1] = (struct xen_dm_op_buf){bits, 125};
    op.u.track_dirty_vram = (struct xen_dm_op_track_dirty_vram){.nr = 1001, .first_pfn = 0x100};
    CU_ASSERT_EQUAL(call(XEN_DMOP_track_dirty_vram), -EINVAL); // a byte is missing
    bufs[1].size = 126;
    CU_ASSERT_EQUAL(call(XEN_DMOP_track_dirty_vram), 0);
    for (unsigned i = 0; i < 125; i++)
        CU_ASSERT_EQUAL(bits[i], 0xff);
    CU_ASSERT_EQUAL(bits[125], 1);
    CU_ASSERT_EQUAL(bits[126], 0);
    op.u.track_dirty_vram.nr = 0;
    CU_ASSERT_EQUAL(do_dm_op(1, 1, guest_address(bufs)), 0);
    op.u.track_dirty_vram.nr = 1u << 20;
    CU_ASSERT_EQUAL(call(XEN_DMOP_track_dirty_vram), -EINVAL);
    op.u.track_dirty_vram.nr = 8;
    bufs[1].h = NOWHERE;
    CU_ASSERT_EQUAL(call(XEN_DMOP_track_dirty_vram), -EFAULT);
    end_world();
}

static void test_modified(void)
{
    struct xen_dm_op_modified_memory_extent e[2] = {{.nr = 1, .first_pfn = 5},
                                                    {.nr = 600, .first_pfn = 0x100}};
    struct frame *f, *g, *h;

    begin(1);
    f = kit_populate(guest, 5);
    g = kit_populate(guest, 0x100);
    h = kit_populate(guest, 0x357); // the last of those that there are
    bufs[1] = (struct xen_dm_op_buf){e, sizeof(e)};
    op.u.modified_memory.nr_extents = 3;
    CU_ASSERT_EQUAL(call(XEN_DMOP_modified_memory), -EINVAL); // more than the buffer holds
    op.u.modified_memory.nr_extents = 2;
    fake_preempt_every = 1;
    CU_ASSERT_EQUAL(call(XEN_DMOP_modified_memory), -ERESTART);
    CU_ASSERT_EQUAL(fake_hypercall, __HYPERVISOR_dm_op);
    CU_ASSERT(h->traits & FRAME_DIRTY);
    CU_ASSERT_FALSE(g->traits & FRAME_DIRTY);
    for (unsigned i = 0; i < 10 && call(XEN_DMOP_modified_memory) == -ERESTART; i++)
        ;
    CU_ASSERT(g->traits & FRAME_DIRTY);
    CU_ASSERT(f->traits & FRAME_DIRTY);
    CU_ASSERT_EQUAL(call(XEN_DMOP_modified_memory), 0);
    for (gfn_t gfn = 5; gfn; gfn = gfn == 5 ? 0x100 : gfn == 0x100 ? 0x357 : 0) {
        hvm_physmap_ops.remove(&guest->d, gfn, &f);
        frame_release_allocation(f);
    }
    end_world();
}

static mfn_t mfn_at(gfn_t gfn)
{
    struct frame *f;

    if (hvm_gfn_to_frame(&guest->d, gfn, &f))
        return INVALID_MFN;
    frame_put(f);
    return frame_to_mfn(f);
}

static long add_to_physmap(unsigned space, unsigned size, uint64_t index, uint64_t gfn)
{
    struct xen_add_to_physmap in = {
        .domid = 1, .size = (uint16_t)size, .space = space, .idx = index, .gpfn = gfn};
    uint64_t start = 0;
    long rc;

    do
        rc = memory_physmap_op(XENMEM_add_to_physmap, guest_address(&in), &start);
    while (rc == -ERESTART);
    return rc;
}

static void give_back(gfn_t gfn)
{
    struct frame *f;

    CU_ASSERT_EQUAL(hvm_physmap_ops.remove(&guest->d, gfn, &f), 0);
    frame_release_allocation(f);
}

static void test_moves(void)
{
    mfn_t mfn[4];

    begin(1);
    for (unsigned i = 0; i < 4; i++)
        mfn[i] = frame_to_mfn(kit_populate(guest, 0x10 + i));
    CU_ASSERT_EQUAL(add_to_physmap(XENMAPSPACE_gmfn, 0, 0x10, 0x20), 0);
    CU_ASSERT_EQUAL(mfn_at(0x10), INVALID_MFN);
    CU_ASSERT_EQUAL(mfn_at(0x20), mfn[0]);
    CU_ASSERT_EQUAL(m2p_get(mfn[0]), 0x20);
    CU_ASSERT(to_hvmd(&guest->d)->map_shrunk);
    CU_ASSERT_EQUAL(add_to_physmap(XENMAPSPACE_gmfn, 0, 0x10, 0x20), -EINVAL); // not there
    CU_ASSERT_EQUAL(mfn_at(0x20), mfn[0]);
    CU_ASSERT_EQUAL(add_to_physmap(XENMAPSPACE_gmfn, 0, 0x20, 0x20), 0);
    CU_ASSERT_EQUAL(mfn_at(0x20), mfn[0]);
    CU_ASSERT_EQUAL(add_to_physmap(XENMAPSPACE_gmfn, 0, 0x20, 1ull << 40), -EINVAL);
    CU_ASSERT_EQUAL(mfn_at(0x20), mfn[0]); // where it was
    fake_preempt_every = 1;
    CU_ASSERT_EQUAL(add_to_physmap(XENMAPSPACE_gmfn_range, 3, 0x11, 0x20), 0);
    for (unsigned i = 0; i < 3; i++)
        CU_ASSERT_EQUAL(mfn_at(0x20 + i), mfn[1 + i]); // what was at 0x20 is lost
    op.u.relocate_memory =
        (struct xen_dm_op_relocate_memory){.size = 3, .src_gfn = 0x20, .dst_gfn = 0x21};
    CU_ASSERT_EQUAL(call(XEN_DMOP_relocate_memory), -ERESTART);
    CU_ASSERT_EQUAL(call(XEN_DMOP_relocate_memory), -ERESTART);
    CU_ASSERT_EQUAL(call(XEN_DMOP_relocate_memory), 0);
    for (unsigned i = 0; i < 3; i++)
        CU_ASSERT_EQUAL(mfn_at(0x21 + i), mfn[1 + i]);
    op.u.relocate_memory =
        (struct xen_dm_op_relocate_memory){.size = 1, .src_gfn = 0x50, .dst_gfn = 0x21};
    CU_ASSERT_EQUAL(call(XEN_DMOP_relocate_memory), -EINVAL);
    CU_ASSERT_EQUAL(mfn_at(0x21), mfn[1]);
    for (unsigned i = 0; i < 3; i++)
        give_back(0x21 + i);
    end_world();
}

static long acquire(uint16_t type, uint32_t id, uint64_t frame, uint32_t n, uint64_t *list,
                    uint32_t *size)
{
    struct xen_mem_acquire_resource r = {
        .domid = 1, .type = type, .id = id, .frame = frame, .nr_frames = n, .frame_list = list};
    uint64_t start = 0;
    long rc = memory_acquire_resource(guest_address(&r), &start);

    *size = r.nr_frames;
    return rc;
}

static void test_resource(void)
{
    struct device_model m;
    uint64_t list[2];
    uint32_t size;

    begin(1);
    model_start(&m, HVM_IOREQSRV_BUFIOREQ_ATOMIC);
    CU_ASSERT_EQUAL(acquire(XENMEM_resource_ioreq_server, m.id, 0, 0, NULL, &size), 0);
    CU_ASSERT_EQUAL(size, 2);
    CU_ASSERT_EQUAL(acquire(XENMEM_resource_ioreq_server, m.id, 0, 2, list, &size), 0);
    CU_ASSERT_PTR_EQUAL(mfn_to_virt(list[0]), m.buffer);
    CU_ASSERT_PTR_EQUAL(mfn_to_virt(list[1]), m.requests);
    CU_ASSERT_EQUAL(mfn_to_frame(list[1])->owner, frame_owner_id(&guest->d));
    CU_ASSERT_EQUAL(acquire(XENMEM_resource_ioreq_server, m.id, 1, 2, list, &size), -EINVAL);
    CU_ASSERT_EQUAL(acquire(XENMEM_resource_ioreq_server, 1, 0, 1, list, &size), -ENOENT);
    CU_ASSERT_EQUAL(acquire(XENMEM_resource_grant_table, 0, 0, 0, NULL, &size), 0);
    CU_ASSERT_EQUAL(size, 7);
    CU_ASSERT_EQUAL(acquire(XENMEM_resource_vmtrace_buf, 0, 0, 1, list, &size), -EINVAL);
    as_guest(0);
    CU_ASSERT_EQUAL(acquire(XENMEM_resource_ioreq_server, m.id, 1, 1, list, &size), -EPERM);
    end_world();
}

int main(void)
{
    CU_initialize_registry();
    CU_pSuite suite = CU_add_suite("dm_op", NULL, NULL);

    CU_add_test(suite, "the call", test_call);
    CU_add_test(suite, "ioreq servers", test_servers);
    CU_add_test(suite, "interrupts", test_interrupts);
    CU_add_test(suite, "small operations", test_small_ones);
    CU_add_test(suite, "dirty video memory", test_dirty_video);
    CU_add_test(suite, "modified memory", test_modified);
    CU_add_test(suite, "memory that moves", test_moves);
    CU_add_test(suite, "the servers' frames", test_resource);
    CU_basic_run_tests();
    return CU_get_number_of_failures() != 0;
}
