// The map of an HVM guest's memory, and the way to that memory through the guest's own page tables.
//
// sources: hypervisor/hvm/p2m.c hypervisor/hvm/memory.c hypervisor/hvm/vmx/ept.c
// sources: tests/unit/hvm_kit.c
// sources: tests/unit/fake/platform.c tests/unit/fake/frames.c
#include <CUnit/Basic.h>
#include <string.h>

#include "cpu/features.h"
#include "cpu/traps.h"
#include "hvm/vmx/ept.h"
#include "lib/errno.h"
#include "mm/alloc.h"
#include "mm/guest.h"
#include "mm/pte.h"
#include "tests/unit/hvm_kit.h"

#define CR0_PG 0x80000001ull
#define CR0_WP 0x10000ull
#define LMA    0x500ull

static struct hvm_domain *d;

static void start(void)
{
    fake_reset();
    d = kit_domain(1);
    memset(kit_fields, 0, sizeof(kit_fields));
}

static mfn_t at(gfn_t gfn)
{
    struct frame *f;

    if (hvm_gfn_to_frame(&d->d, gfn, &f))
        return INVALID_MFN;
    frame_put(f);
    return frame_to_mfn(f);
}

static void test_small(void)
{
    struct frame *f, *out;

    start();
    f = kit_populate(d, 5);
    CU_ASSERT_EQUAL(at(5), frame_to_mfn(f));
    CU_ASSERT_EQUAL(m2p_get(frame_to_mfn(f)), 5);
    CU_ASSERT_EQUAL(at(4), INVALID_MFN);
    CU_ASSERT_EQUAL(at(5 + (1ull << 35)), INVALID_MFN);
    CU_ASSERT_EQUAL(hvm_physmap_ops.last(&d->d), 5);
    CU_ASSERT_EQUAL(hvm_physmap_ops.remove(&d->d, 5, &out), 0);
    CU_ASSERT_PTR_EQUAL(out, f);
    CU_ASSERT_EQUAL(at(5), INVALID_MFN);
    CU_ASSERT_EQUAL(hvm_physmap_ops.remove(&d->d, 5, &out), -ENOENT);
    CU_ASSERT_EQUAL(hvm_physmap_ops.add(&d->d, 1ull << P2M_GFN_BITS, f, 0), -EINVAL);
    CU_ASSERT_EQUAL(hvm_physmap_ops.add(&d->d, ~0ull, f, 0), -EINVAL);
    CU_ASSERT_EQUAL(hvm_physmap_ops.add(&d->d, 1, f, 1), -EINVAL); // not aligned
    CU_ASSERT_EQUAL(hvm_physmap_ops.add(&d->d, 0, f, P2M_MAX_ORDER + 1), -EINVAL);
    kit_domain_free(d);
}

// A frame of another domain is nobody's to have, though the map should still name it.
static void test_owner(void)
{
    struct frame *f;

    start();
    f = kit_populate(d, 1);
    f->owner = 0;
    CU_ASSERT_EQUAL(at(1), INVALID_MFN);
    kit_domain_free(d);
}

static struct frame *block_of_frames(void)
{
    void *va = pages_alloc(P2M_MAX_ORDER);
    struct frame *f = mfn_to_frame(virt_to_mfn(va));

    for (unsigned i = 0; i < PTES_PER_TABLE; i++) {
        f[i].owner = frame_owner_id(&d->d);
        f[i].state = FS_REF | FS_ALLOCATED;
    }
    return f;
}

static void test_large(void)
{
    unsigned tables;
    struct frame *f, *out;

    start();
    f = block_of_frames();
    tables = fake_pages_in_use();
    CU_ASSERT_EQUAL(hvm_physmap_ops.add(&d->d, 1024, f, P2M_MAX_ORDER), 0);
    CU_ASSERT_EQUAL(fake_pages_in_use(), tables + 2); // no table of the lowest level
    CU_ASSERT_EQUAL(at(1024), frame_to_mfn(f));
    CU_ASSERT_EQUAL(at(1535), frame_to_mfn(f) + 511);
    CU_ASSERT_EQUAL(at(1536), INVALID_MFN);
    // Taking one frame out splits it, and leaves the others where they are.
    CU_ASSERT_EQUAL(hvm_physmap_ops.remove(&d->d, 1030, &out), 0);
    CU_ASSERT_PTR_EQUAL(out, f + 6);
    CU_ASSERT_EQUAL(at(1030), INVALID_MFN);
    CU_ASSERT_EQUAL(at(1029), frame_to_mfn(f) + 5);
    CU_ASSERT_EQUAL(at(1535), frame_to_mfn(f) + 511);
    // Over a table a large one goes in small pieces.
    CU_ASSERT_EQUAL(hvm_physmap_ops.add(&d->d, 1024, f, P2M_MAX_ORDER), 0);
    CU_ASSERT_EQUAL(at(1030), frame_to_mfn(f) + 6);
    kit_domain_free(d);
}

// Without memory for a table nothing has changed.
static void test_no_memory(void)
{
    struct frame *f, *out;

    start();
    f = block_of_frames();
    fake_alloc_budget = 1;
    CU_ASSERT_EQUAL(hvm_physmap_ops.add(&d->d, 1024, f, P2M_MAX_ORDER), -ENOMEM);
    CU_ASSERT_EQUAL(at(1024), INVALID_MFN);
    fake_alloc_budget = -1;
    CU_ASSERT_EQUAL(hvm_physmap_ops.add(&d->d, 1024, f, P2M_MAX_ORDER), 0);
    fake_alloc_budget = 0;
    CU_ASSERT_EQUAL(hvm_physmap_ops.remove(&d->d, 1025, &out), -ENOMEM);
    fake_alloc_budget = -1;
    CU_ASSERT_EQUAL(at(1025), frame_to_mfn(f) + 1);
    kit_domain_free(d);
}

// Whoever runs with an older map flushes: the generation tells.
static void test_generation(void)
{
    struct frame *out;
    uint32_t before;

    start();
    kit_populate(d, 7);
    before = d->p2m.generation;
    hvm_physmap_ops.remove(&d->d, 7, &out);
    CU_ASSERT_NOT_EQUAL(d->p2m.generation, before);
    kit_domain_free(d);
}

// Guest memory ------------------------------------------------------------------------------------

static uint64_t *guest_page(gfn_t gfn)
{
    return fake_frame_va(kit_populate(d, gfn));
}

static int put(uint64_t va, uint64_t value)
{
    return hvm_guest_access.copy_to(va, &value, sizeof(value));
}

static uint64_t get(uint64_t va)
{
    uint64_t value = 0xdead;

    return hvm_guest_access.copy_from(&value, va, sizeof(value)) ? 0xfa17 : value;
}

static void test_no_paging(void)
{
    uint64_t *page;

    start();
    page = guest_page(3);
    CU_ASSERT_EQUAL(put(0x3010, 77), 0);
    CU_ASSERT_EQUAL(page[2], 77);
    CU_ASSERT_EQUAL(put(0x3ffc, 1), -EFAULT); // half of it lies in no memory
    CU_ASSERT_EQUAL(get(0x4000), 0xfa17);
    kit_domain_free(d);
}

static void long_mode(void)
{
    kit_fields[HVM_CR0] = CR0_PG | CR0_WP;
    kit_fields[HVM_CR3] = 0x10000;
    kit_fields[HVM_CR4] = 0x20;
    kit_fields[HVM_EFER] = LMA;
}

static void test_long_mode(void)
{
    const uint64_t va = 0xffff888000001000;
    uint64_t *l4, *l3, *l2, *l1, *one, *two;

    start();
    long_mode();
    l4 = guest_page(0x10), l3 = guest_page(0x11), l2 = guest_page(0x12), l1 = guest_page(0x13);
    one = guest_page(0x20), two = guest_page(0x30);
    l4[PT_INDEX(va, L4_SHIFT)] = 0x11000 | PTE_P | PTE_RW;
    l3[PT_INDEX(va, L3_SHIFT)] = 0x12000 | PTE_P | PTE_RW;
    l2[PT_INDEX(va, L2_SHIFT)] = 0x13000 | PTE_P | PTE_RW;
    l1[1] = 0x20000 | PTE_P;
    l1[2] = 0x30000 | PTE_P | PTE_RW;
    one[0] = 11, two[0] = 22;
    CU_ASSERT_EQUAL(get(va), 11);
    CU_ASSERT(l1[1] & PTE_A);
    CU_ASSERT_EQUAL(put(va, 12), -EFAULT); // read-only, and CR0.WP is set
    CU_ASSERT_EQUAL(put(va + 0x1000, 23), 0);
    CU_ASSERT_EQUAL(two[0], 23);
    CU_ASSERT((l1[2] & (PTE_A | PTE_D)) == (PTE_A | PTE_D));
    CU_ASSERT_EQUAL(get(va + 0x2000), 0xfa17);        // not present
    CU_ASSERT_EQUAL(get(0x0000900000000000), 0xfa17); // no canonical address
    kit_fields[HVM_CR0] &= ~CR0_WP;
    CU_ASSERT_EQUAL(put(va, 12), 0);
    CU_ASSERT_EQUAL(one[0], 12);
    // A value that crosses pages.
    CU_ASSERT_EQUAL(put(va + 0xffc, 0x1111111122222222), 0);
    CU_ASSERT_EQUAL((uint32_t)(one[511] >> 32), 0x22222222);
    CU_ASSERT_EQUAL((uint32_t)two[0], 0x11111111);
    // Tables in no memory, and ones that point at themselves, end somewhere.
    l3[PT_INDEX(va, L3_SHIFT)] = 0x99000 | PTE_P | PTE_RW;
    CU_ASSERT_EQUAL(get(va), 0xfa17);
    l4[PT_INDEX(va, L4_SHIFT)] = 0x10000 | PTE_P | PTE_RW;
    get(va);
    kit_domain_free(d);
}

static void test_large_pages(void)
{
    uint64_t *l4, *l3, *l2, *page;

    start();
    long_mode();
    l4 = guest_page(0x10), l3 = guest_page(0x11), l2 = guest_page(0x12);
    page = guest_page(0x40203);
    l4[0] = 0x11000 | PTE_P | PTE_RW;
    l3[0] = 0x12000 | PTE_P | PTE_RW;
    l2[1] = 0x40200000 | PTE_P | PTE_RW | PTE_PSE;
    l3[1] = 0x40000000 | PTE_P | PTE_RW | PTE_PSE;
    page[0] = 5;
    CU_ASSERT_EQUAL(get(0x203000), 5);              // 2 MB
    CU_ASSERT_EQUAL(get(0x40000000 + 0x203000), 5); // 1 GB
    kit_domain_free(d);
}

static void test_older_paging(void)
{
    uint32_t *directory, *table;
    uint64_t *pointers, *l2, *page;

    start();
    kit_fields[HVM_CR0] = CR0_PG;
    kit_fields[HVM_CR3] = 0x10000;
    kit_fields[HVM_CR4] = 0x10; // PSE
    directory = (uint32_t *)guest_page(0x10), table = (uint32_t *)guest_page(0x11);
    page = guest_page(0x500);
    directory[2] = 0x11000 | PTE_P | PTE_RW;
    table[3] = 0x500000 | PTE_P | PTE_RW;
    directory[4] = 0x400000 | PTE_P | PTE_RW | PTE_PSE;
    page[0] = 9;
    CU_ASSERT_EQUAL(get(0x803000), 9);
    CU_ASSERT_EQUAL(get(0x1100000), 9);
    CU_ASSERT_EQUAL(get(0x804000), 0xfa17);
    // PAE: four pointers, then tables as in long mode.
    kit_fields[HVM_CR4] = 0x20;
    kit_fields[HVM_CR3] = 0x12020;
    pointers = guest_page(0x12), l2 = guest_page(0x13);
    pointers[4 + 3] = 0x13000 | PTE_P;
    l2[0] = 0x400000 | PTE_P | PTE_RW | PTE_PSE;
    CU_ASSERT_EQUAL(get(0xc0100000), 9);
    CU_ASSERT_EQUAL(put(0xc0100000, 10), 0);
    CU_ASSERT_EQUAL(page[0], 10);
    CU_ASSERT_EQUAL(pointers[4 + 3], 0x13000 | PTE_P); // "accessed" is a reserved bit there
    kit_domain_free(d);
}

// What kinds of page a walk may use for what, with the error code that the processor would give.
static void test_rights(void)
{
    enum { RO = PTE_P, RW = PTE_P | PTE_RW, URO = RO | PTE_US, URW = RW | PTE_US };
    static const struct {
        uint64_t leaf, tables, cr4;
        unsigned access;
        int error; // -1: none
    } cases[] = {
        {RW, URW, 0, 0, -1},
        {RW, URW, 0, PFEC_WRITE, -1},
        {RO, URW, 0, PFEC_WRITE, 3},
        {RW, URW & ~(uint64_t)PTE_RW, 0, PFEC_WRITE, 3}, // a table's rights count, too
        {RW, URW, 0, PFEC_USER, 5},
        {RW, URW, 0, PFEC_USER | PFEC_WRITE, 7},
        {URW, RW, 0, PFEC_USER, 5},
        {URO, URW, 0, PFEC_USER, -1},
        {URO, URW, 0, PFEC_USER | PFEC_WRITE, 7},
        {0, URW, 0, PFEC_USER | PFEC_WRITE, 6},
        {0, URW, 0, 0, 0},
        {RW | PTE_NX, URW, 0, 0, -1},
        {RW | PTE_NX, URW, 0, PFEC_INSN, 17},
        {RW, URW | PTE_NX, 0, PFEC_INSN, 17},
        {URW, URW, 0, PFEC_INSN, -1},
        {URW, URW, CR4_SMEP, PFEC_INSN, 17},
        {URW, URW, CR4_SMAP, 0, -1}, // for the hypervisor
        {URW, URW, CR4_SMAP, HVM_WALK_SMAP, 1},
        {URW, URW, CR4_SMAP, PFEC_USER, -1},
        {RW, URW, CR4_SMAP, HVM_WALK_SMAP, -1},
        {URW, URW, CR4_SMAP, PFEC_USER | HVM_WALK_SMAP, -1}, // binds the kernel only
    };
    uint64_t *l4, *l3, *l2, *l1, physical;
    uint32_t error;

    start();
    long_mode();
    kit_fields[HVM_EFER] |= 0x800; // NX
    l4 = guest_page(0x10), l3 = guest_page(0x11), l2 = guest_page(0x12), l1 = guest_page(0x13);
    l4[0] = 0x11000 | URW;
    l3[0] = 0x12000 | URW;
    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        bool ok;

        error = 99;
        l2[0] = 0x13000 | cases[i].tables;
        l1[5] = 0x77000 | cases[i].leaf;
        kit_fields[HVM_CR4] = CR4_PAE | cases[i].cr4;
        ok = hvm_translate(to_hvm(d->d.vcpus[0]), 0x5123, cases[i].access, &physical, &error);
        CU_ASSERT(ok ? cases[i].error < 0 && physical == 0x77123 : (int)error == cases[i].error);
        CU_ASSERT(!(l1[5] & PTE_D) == !(ok && (cases[i].access & PFEC_WRITE)));
    }
    kit_fields[HVM_CR4] = CR4_PAE | CR4_SMAP;
    l1[5] = 0x77000 | URW;
    cpu_info()->regs.rflags = X86_EFLAGS_AC;
    CU_ASSERT(hvm_translate(to_hvm(d->d.vcpus[0]), 0x5000, HVM_WALK_SMAP, &physical, &error));
    cpu_info()->regs.rflags = 0;
    kit_domain_free(d);
}

// Extended page tables: read, written, executed; write-back, whatever the guest's PAT says.
static void test_ept_bits(void)
{
    CU_ASSERT_EQUAL(vmx_ept_format.leaf(0x12345, false), 0x12345077);
    CU_ASSERT_EQUAL(vmx_ept_format.leaf(0x12200, true), 0x122000f7);
    CU_ASSERT_EQUAL(vmx_ept_format.table(0x54321), 0x54321007);
    CU_ASSERT(!vmx_ept_format.is_present(0));
    CU_ASSERT(vmx_ept_format.is_present(0x54321007) && !vmx_ept_format.is_large(0x54321007));
    CU_ASSERT(vmx_ept_format.is_large(0x122000f7));
}

static int use_ept(void)
{
    kit_format = &vmx_ept_format;
    return 0;
}

int main(void)
{
    static CU_TestInfo ept_tests[] = {
        {"bits", test_ept_bits},         {"small frames", test_small},
        {"large frames", test_large},    {"no memory", test_no_memory},
        {"generation", test_generation}, CU_TEST_INFO_NULL,
    };
    static CU_TestInfo tests[] = {
        {"small frames", test_small},
        {"owner", test_owner},
        {"large frames", test_large},
        {"no memory", test_no_memory},
        {"generation", test_generation},
        {"no paging", test_no_paging},
        {"long mode", test_long_mode},
        {"large pages", test_large_pages},
        {"older paging", test_older_paging},
        {"rights", test_rights},
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = {{"hvm memory", NULL, NULL, NULL, NULL, tests},
                             {"by extended page tables", use_ept, NULL, NULL, NULL, ept_tests},
                             CU_SUITE_INFO_NULL};
    unsigned failures;

    if (CU_initialize_registry() || CU_register_suites(suites))
        return 1;
    CU_basic_set_mode(CU_BRM_VERBOSE);
    CU_basic_run_tests();
    failures = CU_get_number_of_failures();
    CU_cleanup_registry();
    return failures != 0;
}
