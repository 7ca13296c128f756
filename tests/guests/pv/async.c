// Asynchronous hypercalls: Vellum's own extension. Elsewhere it must be absent.
#include "pv-abi/async.h"
#include "pv-abi/sched.h"
#include "pv-abi/version.h"

#include "tests/guests/common/guest.h"
#include "tests/guests/common/instructions.h"

#define ENTRIES 64
#define RESULTS (2 * ENTRIES)
#define PAGES   2

static uint8_t *ring;
static struct async_register reg;

static struct async_header *head(void)
{
    return (struct async_header *)ring;
}

static struct async_call *call_at(uint32_t index)
{
    return (struct async_call *)(ring + sizeof(struct async_header)) + index % ENTRIES;
}

static struct async_result *result_at(uint32_t index)
{
    return (struct async_result *)(ring + sizeof(struct async_header) +
                                   ENTRIES * sizeof(struct async_call)) +
           index % RESULTS;
}

static void fill_registration(void)
{
    ring = pages_alloc(PAGES);
    memset(&reg, 0, sizeof(reg));
    reg.entries = ENTRIES;
    reg.nr_pages = PAGES;
    for (unsigned i = 0; i < PAGES; i++)
        reg.pages[i] = mfn_of(ring + i * PAGE_SIZE);
}

static void begin(void)
{
    hc(async_op, ASYNCOP_unregister, 0); // an earlier test's
    if (!on_vellum())
        SKIP("not this hypervisor's");
    fill_registration();
    REQUIRE_OK(hc(async_op, ASYNCOP_register, &reg));
}

static void end(void)
{
    CHECK_OK(hc(async_op, ASYNCOP_unregister, 0));
}

static void submit_args(unsigned op, uint64_t data, const uint64_t args[5])
{
    struct async_call *c = call_at(head()->call_tail);

    memset(c, 0, sizeof(*c));
    c->op = op;
    c->data = data;
    memcpy(c->args, args, 5 * sizeof(args[0]));
    __asm__ volatile("" : : : "memory");
    head()->call_tail++;
}

static void submit(unsigned op, uint64_t data, uint64_t a, uint64_t b, uint64_t c)
{
    submit_args(op, data, (uint64_t[5]){a, b, c});
}

static volatile uint32_t *result_tail(void)
{
    return &head()->result_tail;
}

static long kick(void)
{
    return hc(async_op, ASYNCOP_kick, 0);
}

TEST(async_is_told_by_cpuid)
{
    struct cpuid_result r = cpuid_forced(VELLUM_CPUID_FIRST_LEAF, 0);

    if (!on_vellum()) {
        CHECK(r.b != VELLUM_CPUID_SIGNATURE_EBX);
        CHECK_ERR(hc(async_op, ASYNCOP_kick, 0), ENOSYS);
        return;
    }
    CHECK_EQ(r.a, VELLUM_CPUID_FEATURES_LEAF);
    CHECK(!memcmp(&r.b, "Vell", 4) && !memcmp(&r.c, "umVe", 4) && !memcmp(&r.d, "llum", 4));
    CHECK(cpuid_forced(VELLUM_CPUID_FEATURES_LEAF, 0).a & VELLUM_FEATURE_ASYNC);
}

TEST(async_registration)
{
    begin();
    CHECK_ERR(hc(async_op, ASYNCOP_register, &reg), EBUSY);
    end();
    CHECK_ERR(hc(async_op, ASYNCOP_unregister, 0), ENOENT);
    CHECK_ERR(kick(), ENOENT);
    CHECK_ERR(hc(async_op, 99, 0), ENOSYS);
    CHECK_EFAULT_ALL(hc(async_op, ASYNCOP_register, bad));
    reg.entries = ENTRIES - 1;
    CHECK_ERR(hc(async_op, ASYNCOP_register, &reg), EINVAL);
    reg.entries = 4;
    CHECK_ERR(hc(async_op, ASYNCOP_register, &reg), EINVAL);
    reg.entries = 1u << 31;
    CHECK_ERR(hc(async_op, ASYNCOP_register, &reg), EINVAL);
    reg.entries = ENTRIES;
    reg.nr_pages = PAGES - 1;
    CHECK_ERR(hc(async_op, ASYNCOP_register, &reg), EINVAL);
    reg.nr_pages = PAGES;
    reg.reserved = 1;
    CHECK_ERR(hc(async_op, ASYNCOP_register, &reg), EINVAL);
    reg.reserved = 0;
    reg.pages[PAGES - 1] = mfn_of(window_l1()); // a page table
    CHECK_ERR(hc(async_op, ASYNCOP_register, &reg), EINVAL);
    reg.pages[PAGES - 1] = ~0ul;
    CHECK_ERR(hc(async_op, ASYNCOP_register, &reg), EINVAL);
    fill_registration();
    CHECK_OK(hc(async_op, ASYNCOP_register, &reg));
    // As long as it is registered no part of it can become a page table.
    CHECK_OK(page_protect(ring, false));
    CHECK_REFUSED(mmuext(MMUEXT_PIN_L1_TABLE, mfn_of(ring), 0));
    CHECK_OK(page_protect(ring, true));
    end();
}

TEST(async_results_in_order)
{
    begin();
    for (unsigned i = 0; i < ENTRIES; i++)
        submit(__HYPERVISOR_xen_version, i, i % 3 ? XENVER_pagesize : 99, 0, 0);
    CHECK_EQ(kick(), ENTRIES);
    CHECK_EQ(head()->call_head, ENTRIES);
    CHECK_EQ(*result_tail(), ENTRIES);
    for (unsigned i = 0; i < ENTRIES; i++) {
        CHECK_EQ(result_at(i)->data, i);
        CHECK_EQ(result_at(i)->result, i % 3 ? (long)PAGE_SIZE : -XEN_ENOSYS);
    }
    CHECK_EQ(kick(), 0);
    end();
}

// No trap of their own: they are taken when the vCPU blocks, and the results' event wakes it.
TEST(async_without_a_trap)
{
    long port;
    unsigned seen;

    begin();
    end();
    port = port_bind_ipi(0);
    REQUIRE(port > 0);
    reg.port = (uint32_t)port;
    REQUIRE_OK(hc(async_op, ASYNCOP_register, &reg));
    head()->result_event = 3;
    seen = event_count[port];
    for (unsigned i = 0; i < 5; i++)
        submit(__HYPERVISOR_xen_version, i, XENVER_version, 0, 0);
    CHECK(event_wait((unsigned)port, seen, NS_PER_S));
    CHECK_EQ(*result_tail(), 5);
    CHECK_EQ(event_count[port], seen + 1); // one for all
    end();
    CHECK_OK(port_close((unsigned)port));
}

TEST(async_refused_calls)
{
    static const unsigned never[] = {__HYPERVISOR_multicall,
                                     __HYPERVISOR_iret,
                                     __HYPERVISOR_sched_op,
                                     __HYPERVISOR_stack_switch,
                                     __HYPERVISOR_set_trap_table,
                                     __HYPERVISOR_set_gdt,
                                     __HYPERVISOR_set_segment_base,
                                     __HYPERVISOR_callback_op,
                                     __HYPERVISOR_fpu_taskswitch,
                                     __HYPERVISOR_async_op,
                                     __HYPERVISOR_set_callbacks,
                                     __HYPERVISOR_sched_op_compat,
                                     63,
                                     64,
                                     128,
                                     0xffffffff};

    begin();
    for (unsigned i = 0; i < ARRAY_SIZE(never); i++)
        submit(never[i], i, 0, 0, 0);
    CHECK_EQ(kick(), ARRAY_SIZE(never));
    for (unsigned i = 0; i < ARRAY_SIZE(never); i++)
        CHECK_ERR(result_at(i)->result, EOPNOTSUPP);
    end();
}

TEST(async_waits_for_room)
{
    begin();
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < ENTRIES; i++)
            submit(__HYPERVISOR_xen_version, round * ENTRIES + i, XENVER_pagesize, 0, 0);
        CHECK_EQ(kick(), round < 2 ? ENTRIES : 0); // the third has no room for its results
    }
    head()->result_head = 10;
    CHECK_EQ(kick(), 10);
    head()->result_head = RESULTS;
    CHECK_EQ(kick(), ENTRIES - 10);
    CHECK_EQ(*result_tail(), 3 * ENTRIES);
    CHECK_EQ(result_at(3 * ENTRIES - 1)->data, 3 * ENTRIES - 1);
    end();
}

TEST(async_broken_rings)
{
    begin();
    head()->call_tail = ENTRIES + 1;
    CHECK_EQ(kick(), 0);
    CHECK(head()->error);
    head()->call_tail = 1; // too late
    CHECK_EQ(kick(), 0);
    end();
    begin();
    head()->result_head = 1;
    submit(__HYPERVISOR_xen_version, 0, XENVER_version, 0, 0);
    CHECK_EQ(kick(), 0);
    CHECK(head()->error);
    end();
    begin(); // what the hypervisor shows of its own is not what it goes by
    head()->call_head = 77;
    head()->result_tail = 99;
    submit(__HYPERVISOR_xen_version, 5, XENVER_pagesize, 0, 0);
    CHECK_EQ(kick(), 1);
    CHECK_EQ(head()->call_head, 1);
    CHECK_EQ(*result_tail(), 1);
    CHECK_EQ(result_at(0)->data, 5);
    end();
}

// Long enough to be preempted again and again; what comes behind it waits.
TEST(async_long_calls)
{
    enum { REQUESTS = 4096 };
    struct mmu_update *requests = pages_alloc(REQUESTS * sizeof(*requests) / PAGE_SIZE);
    uint64_t mfn = mfn_of(page_alloc());
    uint32_t *done = page_alloc();
    uint64_t deadline = time_now() + 5 * NS_PER_S;

    begin();
    for (unsigned i = 0; i < REQUESTS; i++) {
        requests[i].ptr = pte_maddr(window_va(i % 256), 1) | MMU_NORMAL_PT_UPDATE;
        requests[i].val = i < REQUESTS - 256 && i & 256 ? 0 : pte_make(mfn, PTE_RO);
    }
    submit_args(__HYPERVISOR_mmu_update, 1,
                (uint64_t[5]){(uint64_t)requests, REQUESTS, (uint64_t)done, DOMID_SELF});
    submit(__HYPERVISOR_xen_version, 2, XENVER_pagesize, 0, 0);
    while (*result_tail() < 2 && time_now() < deadline)
        kick();
    CHECK_EQ(*result_tail(), 2);
    CHECK_OK(result_at(0)->result);
    CHECK_EQ(*done, REQUESTS);
    CHECK_EQ(result_at(1)->data, 2);
    for (unsigned i = 0; i < 256; i++)
        CHECK_OK(window_unmap(i));
    end();
}

// The same calls, drawn by lot, made one after another and through the ring, from the same state:
// the same results, and the same state after them.
#define SLOTS  16
#define LENGTH 48

struct drawn {
    unsigned op;
    uint64_t args[5];
};

static struct evtchn_alloc_unbound allocs[LENGTH];
static struct evtchn_close closes[LENGTH];
static struct mmu_update updates[LENGTH];

static void draw(struct drawn *d, unsigned i, uint64_t *state, const uint64_t *mfns)
{
    uint64_t slot = random_next(state) % SLOTS, which = random_next(state) % 8;
    uint64_t flags[] = {0, PTE_RO, PTE_RW, PTE_RW | PTE_NX};
    uint64_t pte = random_next(state) % 4;

    pte = pte ? pte_make(mfns[random_next(state) % 4], flags[pte]) : 0;
    memset(d, 0, sizeof(*d));
    switch (which) {
    case 0 ... 2:
        *d = (struct drawn){__HYPERVISOR_update_va_mapping,
                            {window_va((unsigned)slot), pte, UVMF_INVLPG}};
        break;
    case 3 ... 4:
        updates[i] = (struct mmu_update){
            pte_maddr(window_va((unsigned)slot), 1) | 2 * (random_next(state) % 2), pte};
        *d = (struct drawn){__HYPERVISOR_mmu_update, {(uint64_t)&updates[i], 1, 0, DOMID_SELF}};
        break;
    case 5:
        allocs[i] = (struct evtchn_alloc_unbound){.dom = DOMID_SELF, .remote_dom = DOMID_SELF};
        *d = (struct drawn){__HYPERVISOR_event_channel_op,
                            {EVTCHNOP_alloc_unbound, (uint64_t)&allocs[i]}};
        break;
    case 6:
        closes[i].port = (uint32_t)(random_next(state) % 40 + 20);
        *d = (struct drawn){__HYPERVISOR_event_channel_op, {EVTCHNOP_close, (uint64_t)&closes[i]}};
        break;
    default:
        *d = (struct drawn){__HYPERVISOR_xen_version,
                            {random_next(state) % 12, (uint64_t)bad_pointers[0]}};
        break;
    }
}

static void clean(void)
{
    for (unsigned i = 0; i < SLOTS; i++)
        CHECK_OK(window_unmap(i));
    for (unsigned i = 0; i < LENGTH; i++)
        if (allocs[i].port)
            port_close(allocs[i].port);
}

static void observe(uint64_t *state)
{
    for (unsigned i = 0; i < SLOTS; i++)
        state[i] = *pte_of(window_va(i), 1) & ~(PTE_A | PTE_D);
    for (unsigned i = 0; i < LENGTH; i++)
        state[SLOTS + i] = allocs[i].port;
}

static void one_sequence(uint64_t seed, const uint64_t *mfns, bool through_ring, long *results,
                         uint64_t *after)
{
    uint64_t state = seed;
    struct drawn d;

    memset(allocs, 0, sizeof(allocs));
    for (unsigned i = 0; i < LENGTH; i++) {
        draw(&d, i, &state, mfns);
        if (through_ring)
            submit_args(d.op, i, d.args);
        else
            results[i] = hypercall(d.op, d.args[0], d.args[1], d.args[2], d.args[3], 0);
    }
    if (through_ring) {
        uint32_t first = *result_tail();

        for (unsigned tries = 0; *result_tail() - first < LENGTH && tries < 1000; tries++)
            kick();
        CHECK_EQ(*result_tail() - first, LENGTH);
        for (unsigned i = 0; i < LENGTH; i++)
            results[i] = result_at(first + i)->result;
        head()->result_head = *result_tail();
    }
    observe(after);
    clean();
}

TEST(async_is_as_synchronous)
{
    static long results[2][LENGTH];
    static uint64_t after[2][SLOTS + LENGTH];
    uint64_t mfns[4], seed = option_number("seed", 1) * 7919 + 1;

    begin();
    for (unsigned i = 0; i < 3; i++)
        mfns[i] = mfn_of(page_alloc());
    mfns[3] = kernel_root(); // which cannot be mapped writable
    clean();
    for (unsigned n = 0; n < 40; n++, seed += 2) {
        one_sequence(seed, mfns, false, results[0], after[0]);
        one_sequence(seed, mfns, true, results[1], after[1]);
        if (!CHECK(!memcmp(results[0], results[1], sizeof(results[0]))) ||
            !CHECK(!memcmp(after[0], after[1], sizeof(after[0])))) {
            print("     ... of seed %lu\n", seed);
            break;
        }
    }
    end();
}
