// Accesses of HVM guests to devices: who gets which, and that each is made once.
//
// sources: hypervisor/hvm/access.c hypervisor/hvm/lapic.c hypervisor/hvm/lapic_bus.c
// sources: hypervisor/hvm/p2m.c tests/unit/hvm_kit.c tests/unit/fake/platform.c
// sources: tests/unit/fake/frames.c
#include "lib/errno.h"
#include "tests/suite.h"
#include "tests/unit/hvm_kit.h"

#define MMIO     0xfed00000ull
#define DECLINED 0x41 // a port of a device that will not have it

// An ioreq server, which has the ports from 0x300.
enum ioreq_result ioreq_access(struct hvm_vcpu *who, const struct hvm_access *a)
{
    return a->port && a->address >= 0x300 ? IOREQ_ASKED : IOREQ_UNCLAIMED;
}

static struct hvm_domain *d;
static struct hvm_vcpu *v;
static struct hvm_access seen;
static unsigned calls;

static void begin(void)
{
    d = kit_domain(1);
    v = to_hvm(d->d.vcpus[0]);
    calls = 0;
}

static bool device(struct hvm_vcpu *who, struct hvm_access *a)
{
    CU_ASSERT_PTR_EQUAL(who, v);
    seen = *a;
    calls++;
    if (a->port && a->address == DECLINED)
        return false;
    if (!a->write)
        a->data = 0x1234;
    return true;
}

static uint64_t read_at(bool port, uint64_t address, uint8_t bytes)
{
    struct hvm_access a = {.address = address, .bytes = bytes, .port = port};

    CU_ASSERT_EQUAL(hvm_access(v, &a), HVM_ACCESS_DONE);
    hvm_access_retire(v);
    return a.data;
}

static void test_ranges(void)
{
    begin();
    CU_ASSERT_EQUAL(hvm_device_add(&d->d, true, 0x40, 0x43, device), 0);
    CU_ASSERT_EQUAL(hvm_device_add(&d->d, true, 0x43, 0x50, device), -EEXIST);
    CU_ASSERT_EQUAL(hvm_device_add(&d->d, true, 0x50, 0x4f, device), -EINVAL);
    CU_ASSERT_EQUAL(hvm_device_add(&d->d, true, 0xffff, 0x10000, device), -EINVAL);
    CU_ASSERT_EQUAL(hvm_device_add(&d->d, false, MMIO, MMIO + 0x3ff, device), 0);
    CU_ASSERT_EQUAL(hvm_device_add(&d->d, false, ~0ull, ~0ull, device), 0);
    CU_ASSERT_EQUAL(read_at(true, 0x40, 1), 0x1234);
    CU_ASSERT_EQUAL(read_at(true, 0x43, 1), 0x1234);
    CU_ASSERT_EQUAL(read_at(true, 0x42, 2), 0x1234);
    CU_ASSERT_EQUAL(read_at(true, 0x43, 2), ~0ull); // sticks out
    CU_ASSERT_EQUAL(read_at(true, 0x3f, 2), ~0ull);
    CU_ASSERT_EQUAL(read_at(false, 0x40, 1), ~0ull); // memory is no port
    CU_ASSERT_EQUAL(read_at(false, MMIO + 0x3f8, 8), 0x1234);
    CU_ASSERT_EQUAL(read_at(false, MMIO + 0x3fc, 8), ~0ull);
    CU_ASSERT_EQUAL(read_at(false, ~0ull, 1), 0x1234);
    CU_ASSERT_EQUAL(read_at(false, ~0ull, 2), ~0ull); // past the end of all addresses
    CU_ASSERT_EQUAL(calls, 5);
    CU_ASSERT_EQUAL(read_at(true, DECLINED, 1), ~0ull);
    CU_ASSERT_EQUAL(calls, 6);
    for (unsigned i = d->devices.nr; i < HVM_MAX_DEVICES; i++)
        CU_ASSERT_EQUAL(hvm_device_add(&d->d, true, 0x100 + i, 0x100 + i, device), 0);
    CU_ASSERT_EQUAL(hvm_device_add(&d->d, true, 0x300, 0x300, device), -ENOSPC);
    kit_domain_free(d);
}

static void test_lapic(void)
{
    struct hvm_access a = {.address = LAPIC_DEFAULT_BASE + 0x80, .data = 0x20, .bytes = 4};

    begin();
    lapic_init(v);
    a.write = true;
    hvm_access(v, &a);
    CU_ASSERT_EQUAL(read_at(false, LAPIC_DEFAULT_BASE + 0x80, 4), 0x20);
    a.bytes = 1; // not a whole register
    a.data = 0x40;
    hvm_access(v, &a);
    CU_ASSERT_EQUAL(read_at(false, LAPIC_DEFAULT_BASE + 0x80, 4), 0x20);
    kit_domain_free(d);
}

// As when an instruction is executed again: what it did up to there is not done twice.
static void test_memory_of_accesses(void)
{
    struct hvm_access a = {.address = MMIO, .bytes = 4}, b = {.address = MMIO + 8, .bytes = 4};
    struct hvm_access again = a;

    begin();
    hvm_device_add(&d->d, false, MMIO, MMIO + 0x3ff, device);
    hvm_access(v, &a);
    v->accesses.next = 0;
    CU_ASSERT_EQUAL(hvm_access(v, &again), HVM_ACCESS_DONE);
    CU_ASSERT_EQUAL(again.data, 0x1234);
    CU_ASSERT_EQUAL(calls, 1);
    hvm_access(v, &b); // comes after it
    CU_ASSERT_EQUAL(calls, 2);
    CU_ASSERT_EQUAL(seen.address, MMIO + 8);
    v->accesses.next = 0;
    hvm_access(v, &b); // another instruction than the one that is remembered
    CU_ASSERT_EQUAL(calls, 3);
    hvm_access_retire(v);
    hvm_access(v, &b);
    CU_ASSERT_EQUAL(calls, 4);
    kit_domain_free(d);
}

static void test_waiting(void)
{
    struct hvm_access a = {.address = MMIO, .bytes = 4};
    struct hvm_access b = {.address = 0x300, .bytes = 4, .port = true}, c = b;

    begin();
    hvm_device_add(&d->d, false, MMIO, MMIO + 0x3ff, device);
    hvm_access(v, &a);
    CU_ASSERT_EQUAL(hvm_access(v, &b), HVM_ACCESS_WAIT);
    CU_ASSERT(v->accesses.waiting);
    hvm_access_answer(v, 0x55);
    CU_ASSERT_FALSE(v->accesses.waiting);
    a.data = 0;
    CU_ASSERT_EQUAL(hvm_access(v, &a), HVM_ACCESS_DONE);
    CU_ASSERT_EQUAL(a.data, 0x1234);
    CU_ASSERT_EQUAL(calls, 1);
    CU_ASSERT_EQUAL(hvm_access(v, &b), HVM_ACCESS_DONE);
    CU_ASSERT_EQUAL(b.data, 0x55);
    c.address++; // the instruction goes on to another
    CU_ASSERT_EQUAL(hvm_access(v, &c), HVM_ACCESS_WAIT);
    hvm_access_answer(v, 0x66);
    c.bytes = 2; // it has become another one meanwhile, and its first access is this
    CU_ASSERT_EQUAL(hvm_access(v, &c), HVM_ACCESS_WAIT);
    kit_domain_free(d);
}

static void test_too_many(void)
{
    begin();
    hvm_device_add(&d->d, false, MMIO, MMIO + 0x3ff, device);
    for (unsigned i = 0; i < HVM_MAX_ACCESSES; i++) {
        struct hvm_access a = {.address = MMIO + i, .bytes = 1};

        hvm_access(v, &a);
    }
    CU_ASSERT_FALSE(d->d.shutting_down);
    seen.address = MMIO + 0x100;
    hvm_access(v, &seen);
    CU_ASSERT_TRUE(d->d.shutting_down);
    kit_domain_free(d);
}

int main(void)
{
    static CU_TestInfo tests[] = {
        {"ranges", test_ranges},
        {"the local APIC", test_lapic},
        {"an instruction executed again", test_memory_of_accesses},
        {"an answer that has to be waited for", test_waiting},
        {"too many", test_too_many},
        CU_TEST_INFO_NULL,
    };

    return run_suite("accesses to devices", tests);
}
