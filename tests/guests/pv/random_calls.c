// Thousands of hypercalls with arguments drawn by lot from plausible and implausible ones.
// Afterwards the guest must still work, its page tables must still be read-only for it, and none of
// the hypervisor's frames may have become writable.
//
// Left out is what ends or crashes a guest that asks for it (shutdown, blocking without end, down
// of the last vCPU, trap tables and callbacks of garbage, iret) and what would fill the console.
//
// Options: seed=N, fuzz=COUNT.
#include "pv-abi/callback.h"
#include "pv-abi/memory.h"
#include "pv-abi/nmi.h"
#include "pv-abi/physdev.h"
#include "pv-abi/sched.h"
#include "pv-abi/vcpu.h"

#include "tests/guests/common/grant.h"
#include "tests/guests/common/guest.h"

#define SCRATCH_PAGES 8
#define FREE_SLOTS    500 // of the window; the grant table lies above

static uint64_t state;   // of the generator
static uint8_t *scratch; // what pointers point to
static uint64_t ram_end; // the first frame number above all memory
static struct multicall_entry batch[8];

struct call {
    unsigned number;
    uint64_t arg[5];
};

static uint64_t pick(uint64_t n)
{
    return random_next(&state) % n;
}

static uint64_t random_frame(void)
{
    switch (pick(6)) {
    case 0:
        return mfn_of(window_l1());
    case 1:
        return kernel_root();
    case 2:
        return ram_end + pick(1UL << pick(36));
    case 3:
        return start_info->shared_info >> PAGE_SHIFT;
    default:
        return mfn_of(scratch + pick(SCRATCH_PAGES) * PAGE_SIZE);
    }
}

static uint64_t random_number(void)
{
    switch (pick(6)) {
    case 0:
        return random_next(&state);
    case 1:
        return 1UL << pick(64);
    case 2:
        return ~0UL << pick(64);
    case 3:
        return DOMID_FIRST_RESERVED + pick(6);
    default:
        return pick(40);
    }
}

static uint64_t random_pointer(void)
{
    if (pick(8) == 0)
        return (uint64_t)bad_pointers[pick(BAD_POINTERS)];
    return (uint64_t)scratch + pick(SCRATCH_PAGES * PAGE_SIZE - 512);
}

static uint64_t random_argument(void)
{
    switch (pick(5)) {
    case 0:
        return random_frame();
    case 1:
        return window_va((unsigned)pick(FREE_SLOTS));
    case 2:
        return random_pointer();
    default:
        return random_number();
    }
}

// Fills what a pointer points to with words of the same kinds.
static void refill(uint64_t pointer)
{
    if (pointer < (uint64_t)scratch ||
        pointer >= (uint64_t)scratch + SCRATCH_PAGES * PAGE_SIZE - 512)
        return;
    for (unsigned i = 0; i < 16; i++) {
        uint64_t word = random_argument();

        if (pick(2))
            word = (uint32_t)random_number() | (uint64_t)(uint32_t)random_number() << 32;
        memcpy((void *)(pointer + i * 8), &word, 8);
    }
}

// Arguments in the form of page-table updates, so that some get past the first checks.
static void fill_updates(uint64_t pointer)
{
    struct mmu_update update;

    for (unsigned i = 0; i < 4; i++) {
        update.ptr = pte_maddr(window_va((unsigned)pick(FREE_SLOTS)), 1) | pick(3);
        if (pick(8) == 0)
            update.ptr = random_frame() << PAGE_SHIFT | (pick(512) * 8) | pick(4);
        if ((update.ptr >> PAGE_SHIFT) == kernel_root())
            update.ptr =
                (kernel_root() << PAGE_SHIFT) + (256 + pick(16)) * 8; // the others are its own
        update.val = random_frame() << PAGE_SHIFT | pick(0x1000);
        memcpy((void *)(pointer + i * sizeof(update)), &update, sizeof(update));
    }
}

static void fill_mmuext(uint64_t pointer)
{
    struct mmuext_op op = {0};

    for (unsigned i = 0; i < 4; i++) {
        op.cmd = (uint32_t)pick(23);
        op.arg1.mfn = random_frame();
        op.arg2.src_mfn = pick(2) ? random_frame() : random_pointer();
        if (op.cmd == MMUEXT_UNPIN_TABLE && op.arg1.mfn == kernel_root())
            op.cmd = MMUEXT_TLB_FLUSH_LOCAL;
        memcpy((void *)(pointer + i * sizeof(op)), &op, sizeof(op));
    }
}

static bool in_scratch(uint64_t pointer)
{
    return pointer - (uint64_t)scratch < SCRATCH_PAGES * PAGE_SIZE - 512;
}

static bool allowed_sched(const struct call *call)
{
    uint32_t cmd = (uint32_t)call->arg[0];

    return cmd == SCHEDOP_yield || cmd == SCHEDOP_pin_override || cmd > SCHEDOP_pin_override;
}

static bool allowed_vcpu(const struct call *call)
{
    uint32_t cmd = (uint32_t)call->arg[0];

    return cmd != VCPUOP_initialise && cmd != VCPUOP_up && cmd != VCPUOP_down &&
           cmd != VCPUOP_register_vcpu_info && cmd != VCPUOP_send_nmi;
}

static bool allowed(const struct call *call)
{
    switch (call->number) {
    case __HYPERVISOR_iret:
    case __HYPERVISOR_multicall: // built from allowed calls elsewhere
    case __HYPERVISOR_set_callbacks:
    case __HYPERVISOR_kexec_op:
        return false;
    case __HYPERVISOR_nmi_op:
        return (uint32_t)call->arg[0] != XENNMI_unregister_callback;
    case __HYPERVISOR_sched_op:
        return allowed_sched(call);
    case __HYPERVISOR_vcpu_op:
        return allowed_vcpu(call);
    case __HYPERVISOR_console_io:
        return (uint32_t)call->arg[0] != CONSOLEIO_write;
    case __HYPERVISOR_set_debugreg:
        return (uint32_t)call->arg[0] != 7;
    case __HYPERVISOR_physdev_op: // devices that are not there would stay
        return call->arg[0] != PHYSDEVOP_pci_device_add;
    case __HYPERVISOR_memory_op:
        return (call->arg[0] & 63) != XENMEM_decrease_reservation &&
               (call->arg[0] & 63) != XENMEM_exchange;
    default:
        return true;
    }
}

// Arguments of one call, some of them shaped for it.
static void draw_arguments(struct call *call)
{
    for (unsigned i = 0; i < 5; i++) {
        call->arg[i] = random_argument();
        refill(call->arg[i]);
    }
    switch (call->number) {
    case __HYPERVISOR_mmu_update:
    case __HYPERVISOR_mmuext_op:
        call->arg[0] = random_pointer();
        call->arg[1] = pick(6);
        if (pick(2))
            call->arg[2] = 0;
        if (pick(4))
            call->arg[3] = DOMID_SELF;
        if (!in_scratch(call->arg[0]))
            break;
        if (call->number == __HYPERVISOR_mmu_update)
            fill_updates(call->arg[0]);
        else
            fill_mmuext(call->arg[0]);
        break;
    case __HYPERVISOR_update_va_mapping:
    case __HYPERVISOR_update_va_mapping_otherdomain:
        call->arg[0] = pick(4) ? window_va((unsigned)pick(FREE_SLOTS)) : random_number();
        call->arg[1] = random_frame() << PAGE_SHIFT | pick(0x1000);
        if (pick(2))
            call->arg[2] = pick(8);
        break;
    case __HYPERVISOR_update_descriptor:
        call->arg[0] = random_frame() << PAGE_SHIFT | pick(512) * 8;
        break;
    case __HYPERVISOR_set_trap_table: // what is good must not be garbage
    case __HYPERVISOR_callback_op:
    case __HYPERVISOR_nmi_op:
        call->arg[0] = call->number ? pick(4) : (uint64_t)bad_pointers[pick(BAD_POINTERS)];
        call->arg[1] = (uint64_t)bad_pointers[pick(BAD_POINTERS)];
        break;
    case __HYPERVISOR_vcpu_op:
        call->arg[0] = pick(20);
        call->arg[1] = pick(3);
        call->arg[2] = random_pointer();
        refill(call->arg[2]);
        break;
    default:
        if (pick(4)) { // command, pointer, and perhaps a count
            call->arg[0] = pick(pick(2) ? 16 : 48);
            call->arg[1] = random_pointer();
            call->arg[2] = pick(4);
            refill(call->arg[1]);
        }
        if (call->number == __HYPERVISOR_grant_table_op && (int32_t)call->arg[2] >= 0)
            call->arg[2] %= 8; // a status for each goes into memory
    }
}

// The calls that change most.
static const unsigned favourites[] = {
    __HYPERVISOR_mmu_update,        __HYPERVISOR_mmuext_op,        __HYPERVISOR_update_va_mapping,
    __HYPERVISOR_update_descriptor, __HYPERVISOR_set_gdt,          __HYPERVISOR_memory_op,
    __HYPERVISOR_grant_table_op,    __HYPERVISOR_event_channel_op, __HYPERVISOR_vcpu_op,
    __HYPERVISOR_physdev_op,        __HYPERVISOR_set_segment_base,
};

static struct call draw(void)
{
    struct call call;

    do {
        call.number = pick(2) ? (unsigned)pick(60) : favourites[pick(ARRAY_SIZE(favourites))];
        draw_arguments(&call);
    } while (!allowed(&call));
    return call;
}

static void one_batch(void)
{
    unsigned n = 1 + (unsigned)pick(ARRAY_SIZE(batch));

    for (unsigned i = 0; i < n; i++) {
        struct call call = draw();

        batch[i].op = call.number;
        memcpy(batch[i].args, call.arg, sizeof(call.arg));
    }
    hc(multicall, batch, n);
}

static void one_call(void)
{
    struct call call = draw();

    hypercall(call.number, call.arg[0], call.arg[1], call.arg[2], call.arg[3], call.arg[4]);
}

// What may have been switched to something else is switched back.
static void repair(void)
{
    struct evtchn_reset reset = {.dom = DOMID_SELF};
    struct gnttab_set_version version = {.version = 1};
    struct vcpu_register_runstate_memory_area none = {0};

    events_disable();
    for (unsigned i = 0; i < FREE_SLOTS; i++)
        window_unmap(i);
    mmuext(MMUEXT_NEW_BASEPTR, kernel_root(), 0);
    mmuext(MMUEXT_SET_LDT, 0, 0);
    mmuext(MMUEXT_NEW_USER_BASEPTR, user_root(), 0);
    hc(set_gdt, NULL, 0);
    hc(fpu_taskswitch, 0);
    for (unsigned i = 0; i < 3; i++)
        hc(set_segment_base, i, 0);
    for (unsigned i = 0; i < 4; i++)
        hc(set_debugreg, i, 0);
    vcpu_op(VCPUOP_stop_periodic_timer, 0, NULL);
    vcpu_op(VCPUOP_register_runstate_memory_area, 0, &none);
    vcpu_op(VCPUOP_register_vcpu_time_memory_area, 0, &none);
    hc(set_timer_op, 0);
    hc(grant_table_op, GNTTABOP_set_version, &version, 1);
    hc(vm_assist, VMASST_CMD_enable, VMASST_TYPE_writable_pagetables);
    trap_restore();
    CHECK_OK(hc(event_channel_op, EVTCHNOP_reset, &reset));
    vcpu_info_of(0)->evtchn_upcall_pending = 0;
    vcpu_info_of(0)->evtchn_pending_sel = 0;
    for (unsigned i = 0; i < 64; i++)
        shared_info->evtchn_pending[i] = shared_info->evtchn_mask[i] = 0;
    timer_port = (unsigned)port_bind_virq(VIRQ_TIMER, 0);
    events_enable();
}

// Present, writable entries of the window must name scratch pages, the shared page, or no memory at
// all: domain 0 may map devices, and what might be one.
static void check_window(void)
{
    const uint64_t *l1 = window_l1();

    for (unsigned i = 0; i < FREE_SLOTS; i++) {
        uint64_t mfn = (l1[i] & PTE_MFN) >> PAGE_SHIFT;
        bool own = mfn == start_info->shared_info >> PAGE_SHIFT || mfn < 0x100 || mfn >= ram_end;

        if ((l1[i] & (PTE_P | PTE_W)) != (PTE_P | PTE_W))
            continue;
        for (unsigned s = 0; s < SCRATCH_PAGES; s++)
            own |= mfn == mfn_of(scratch + s * PAGE_SIZE);
        if (!own) {
            print("     slot %u is writable: 0x%lx\n", i, l1[i]);
            CHECK(own);
        }
    }
}

static uint64_t text_sum(void)
{
    extern const uint64_t _start[], __start_tests[];
    uint64_t sum = 0;

    for (const uint64_t *p = _start; p < __start_tests; p++)
        sum = sum * 31 + *p;
    return sum;
}

static bool alive(void)
{
    return hc(xen_version, 0, 0) == (4 << 16 | 17) && FAULT_OF(__asm__ volatile("ud2")) == VEC_UD;
}

static void check_works(void)
{
    unsigned seen, a, b;

    CHECK(alive());
    port_pair(&a, &b);
    seen = event_count[b];
    CHECK_OK(port_send(a));
    CHECK_EQ(event_count[b], seen + 1);
    seen = event_count[timer_port];
    CHECK_OK(hc(set_timer_op, time_now() + NS_PER_MS));
    CHECK(event_wait(timer_port, seen, NS_PER_S));
    CHECK_OK(window_map(0, mfn_of(scratch), PTE_RW));
    CHECK_EQ(FAULT_OF(*(volatile uint64_t *)window_va(0) = 1), NO_FAULT);
    CHECK_OK(window_unmap(0));
    CHECK_REFUSED(window_map(0, mfn_of(window_l1()), PTE_RW));
}

TEST(random_calls)
{
    unsigned long count = option_number("fuzz", 30000), seed = option_number("seed", 1);
    uint64_t sum = text_sum();

    state = seed * 0x9e3779b97f4a7c15 + 1;
    scratch = pages_alloc(SCRATCH_PAGES + 16); // long lists may run out of it at the end
    ram_end = (uint64_t)hc(memory_op, XENMEM_maximum_ram_page, 0);
    for (unsigned long i = 0; i < count; i++) {
        if (pick(16) == 0)
            one_batch();
        else
            one_call();
        if (i % 64)
            continue;
        check_window();
        if (!alive()) {
            print("     seed %lu, after %lu calls\n", seed, i);
            REQUIRE(false);
        }
    }
    repair();
    CHECK_EQ(text_sum(), sum);
    check_works();
    pool_keep(); // they may have been granted, registered or typed
}
