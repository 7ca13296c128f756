// The PV MMU's other ways to entries and tables: trapped writes, grant mappings, descriptor tables.
//
// sources: hypervisor/core/memory_relinquish.c hypervisor/core/permissions.c
// sources: tests/unit/mmu_machine.c tests/unit/mmu_calls.c tests/unit/mmu_check.c
// sources: hypervisor/core/rangeset.c hypervisor/mm/buddy.c hypervisor/mm/frame.c
// sources: hypervisor/mm/frame_type.c hypervisor/mm/heap.c hypervisor/pv/desc.c
// sources: hypervisor/pv/mmu_domain.c hypervisor/pv/mmu_grant.c hypervisor/pv/mmu_l1.c
// sources: hypervisor/pv/mmu_ptwr.c hypervisor/pv/mmu_types.c hypervisor/pv/mmu_update.c
// sources: hypervisor/pv/mmu_va.c hypervisor/pv/mmuext.c hypervisor/core/alu.c
// sources: hypervisor/core/insn.c hypervisor/pv/ptwr_insn.c
#include "pv-abi/grant_table.h"
#include "pv/desc.h"
#include "pv/ptwr_insn.h"
#include "tests/suite.h"
#include "tests/unit/mmu_world.h"

static bool fault(const uint8_t *code, unsigned length, uint64_t va, uint64_t rcx, uint32_t error)
{
    uint8_t bytes[16] = {0};
    struct cpu_user_regs regs = {
        .rip = (uint64_t)bytes, .rcx = rcx, .rdx = va, .error_code = error};

    memcpy(bytes, code, length);
    if (!pv_mmu_fault(&regs, va))
        return false;
    CU_ASSERT_EQUAL(regs.rip, (uint64_t)bytes + length);
    return true;
}

static void test_trapped_writes(void)
{
    static const uint8_t clear_rw[] = {0xf0, 0x80, 0x22, 0xfd}, mov[] = {0x48, 0x89, 0x0a};
    uint64_t *l1, va;

    begin();
    l1 = table(frame[0][1]);
    va = (1 << 12) + 9 * 8; // page 1 is the L1 table itself
    CU_ASSERT(l1[9] & PTE_RW);
    CU_ASSERT(fault(clear_rw, sizeof(clear_rw), va, 0, 7));
    CU_ASSERT_FALSE(l1[9] & PTE_RW);
    CU_ASSERT_EQUAL(type(frame[0][9]), FT_NONE);
    check();
    CU_ASSERT(fault(mov, sizeof(mov), va, 0, 7));
    CU_ASSERT_EQUAL(l1[9], 0);
    check();
    // What may not be stored, and faults that are the guest's own.
    CU_ASSERT_FALSE(fault(mov, sizeof(mov), va, frame[0][1] << 12 | 7, 7));
    CU_ASSERT_FALSE(fault(mov, sizeof(mov), va, frame[1][9] << 12 | 7, 7));
    CU_ASSERT_FALSE(fault(mov, sizeof(mov), va + 4, 0, 7));   // across two entries
    CU_ASSERT_FALSE(fault(mov, sizeof(mov), va, 0, 5));       // a read
    CU_ASSERT_FALSE(fault(mov, sizeof(mov), va, 0, 6));       // nothing there
    CU_ASSERT_FALSE(fault(mov, sizeof(mov), 2 << 12, 0, 7));  // an L2 table
    CU_ASSERT_FALSE(fault(mov, sizeof(mov), 10 << 12, 0, 7)); // a writable page
    to_pv(dom[0]->vcpus[0])->kernel_mode = false;
    CU_ASSERT_FALSE(fault(mov, sizeof(mov), va, 0, 7));
    to_pv(dom[0]->vcpus[0])->kernel_mode = true;
    end();
}

// The quick ways of the commonest instructions do what the general way does.
static void test_quick_writes(void)
{
    static const struct {
        uint8_t bytes[12];
        unsigned length;
    } code[] = {
        {{0x48, 0x87, 0x0a}, 3},                   // xchg %rcx,(%rdx)
        {{0x4c, 0x87, 0x42, 0x10}, 4},             // xchg %r8,16(%rdx)
        {{0x49, 0x87, 0x4c, 0x24, 0x08}, 5},       // xchg %rcx,8(%r12)
        {{0x48, 0x87, 0x0c, 0xd5, 0, 0, 0, 0}, 8}, // xchg %rcx,0(,%rdx,8)
        {{0x48, 0x89, 0x0d, 1, 2, 3, 4}, 7},       // mov %rcx,disp(%rip)
        {{0x4c, 0x89, 0x84, 0xd1, 0, 1, 0, 0}, 8}, // mov %r8,256(%rcx,%rdx,8)
        {{0xf0, 0x80, 0x22, 0xfd}, 4},             // lock andb $0xfd,(%rdx)
        {{0xf0, 0x80, 0x62, 0x01, 0x7f}, 5},       // lock andb $0x7f,1(%rdx)
        {{0xf0, 0x41, 0x80, 0x24, 0x24, 0xfd}, 6}, // lock andb $0xfd,(%r12)
        {{0xf0, 0x80, 0xa2, 0, 1, 0, 0, 0xdf}, 8}, // lock andb $0xdf,256(%rdx)
    };
    uint64_t *l1;

    begin();
    l1 = table(frame[0][1]);
    for (unsigned n = 0; n < 3000; n++) {
        unsigned c = below(ARRAY_SIZE(code)), byte = c < 6 ? 0 : below(8);
        uint64_t va = (1 << 12) + 9 * 8 + byte, before, operand, result, mask;
        struct cpu_user_regs want, regs = {.error_code = 7, .rflags = 0x8d7};
        struct ptwr_insn i;

        regs.rip = (uint64_t)code[c].bytes;
        regs.rcx = (frame[0][9] << 12 | (random64() & (PTE_RW | PTE_A | PTE_US))) | one_in(2);
        regs.r8 = random64() & ~PTE_P;
        want = regs;
        before = l1[9];
        CU_ASSERT_FATAL(ptwr_decode_bytes(&i, code[c].bytes, sizeof(code[c].bytes), &want));
        CU_ASSERT_EQUAL(i.length, code[c].length);
        mask = i.size == 8 ? ~0ull : 0xffull << byte * 8;
        operand = (before & mask) >> byte * 8;
        CU_ASSERT(ptwr_compute(&i, operand, &result));
        result = (before & ~mask) | (result << byte * 8 & mask);
        if (result & PTE_P)
            result = l1e_adjust(result);
        ptwr_commit(&i, &want);
        if (pv_mmu_fault(&regs, va)) {
            CU_ASSERT(l1[9] == result && !memcmp(&regs, &want, sizeof(regs)));
        } else { // not allowed: then nothing has happened
            CU_ASSERT(l1[9] == before && regs.rip == (uint64_t)code[c].bytes);
        }
    }
    end();
}

static void test_grants(void)
{
    mfn_t g = 0;
    uint64_t *l1;

    begin();
    g = frame[1][9];
    l1 = table(frame[0][1]);
    lent[0][g] = true;
    CU_ASSERT(frame_get(mfn_to_frame(g), dom[1])); // as the grant does
    CU_ASSERT_EQUAL(pv_grant_map(20 << 12, g, GNTMAP_host_map | GNTMAP_readonly), GNTST_okay);
    extra_refs[g] = 1;
    check();
    // More than was granted can not be had.
    CU_ASSERT_EQUAL(store(frame[0][1], 20, g << 12 | PTE_P | PTE_RW), -EINVAL);
    CU_ASSERT_EQUAL(store(frame[0][1], 21, g << 12 | PTE_P), -EINVAL);
    CU_ASSERT_EQUAL(pv_grant_unmap(20 << 12, g, GNTMAP_host_map, 0), GNTST_general_error);
    CU_ASSERT_EQUAL(pv_grant_unmap(21 << 12, g, GNTMAP_host_map | GNTMAP_readonly, 0),
                    GNTST_general_error);
    CU_ASSERT_EQUAL(pv_grant_unmap(20 << 12, g, GNTMAP_host_map | GNTMAP_readonly, 0), GNTST_okay);
    CU_ASSERT_EQUAL(l1[20], 0);
    // By the entry's address; with the bits that are the guest's.
    CU_ASSERT_EQUAL(pv_grant_map(virt_to_maddr(&l1[20]), g,
                                 GNTMAP_host_map | GNTMAP_contains_pte | GNTMAP_application_map |
                                     5u << _GNTMAP_guest_avail0),
                    GNTST_okay);
    CU_ASSERT_EQUAL(l1[20], g << 12 | PTE_P | PTE_RW | PTE_US | PTE_G | PTE_A | PTE_D | 5 << 9);
    check();
    // Replaced by what is mapped at 22.
    CU_ASSERT_EQUAL(store(frame[0][1], 22, frame[0][9] << 12 | PTE_P), 0);
    CU_ASSERT_EQUAL(pv_grant_unmap(20 << 12, g, GNTMAP_host_map, 22 << 12), GNTST_okay);
    CU_ASSERT(PTE_TO_MFN(l1[20]) == frame[0][9] && l1[22] == 0);
    check();
    // A guest that overwrites the entry by itself keeps nothing.
    CU_ASSERT_EQUAL(pv_grant_map(20 << 12, g, GNTMAP_host_map), GNTST_okay);
    CU_ASSERT_EQUAL(store(frame[0][1], 20, 0), 0);
    check();
    CU_ASSERT_EQUAL(pv_grant_map(1ull << 40, g, GNTMAP_host_map), GNTST_general_error);
    CU_ASSERT_EQUAL(
        pv_grant_map(virt_to_maddr(&l1[20]) + 4, g, GNTMAP_host_map | GNTMAP_contains_pte),
        GNTST_general_error);
    extra_refs[g] = 0;
    frame_put(mfn_to_frame(g));
    end();
}

// Descriptors -------------------------------------------------------------------------------------

static void test_descriptors(void)
{
    static const uint64_t fine[] = {0, 0x00cffb000000ffff, 0x00affb000000ffff, 0x00cff3000000ffff,
                                    0x0000000000001234};
    static const uint64_t bad[] = {0x00008b0000000067, 0x0000890000000067, 0x0000820000000fff,
                                   0x00008e0000080000, 0x0000ec0000080000};
    struct pv_vcpu *v;
    uint64_t frames[2], *t;

    begin();
    v = to_pv(dom[0]->vcpus[0]);
    frames[0] = blank(10);
    frames[1] = frame[0][11];
    t = table(frames[0]);
    for (unsigned i = 0; i < ARRAY_SIZE(fine); i++)
        t[i] = fine[i];
    t[7] = 0x00cf9b000000ffff; // ring 0: raised to 3
    CU_ASSERT_EQUAL(do_set_gdt((uint64_t)frames, 512), 0);
    CU_ASSERT_EQUAL(t[7], 0x00cffb000000ffff);
    CU_ASSERT_EQUAL(type(frames[0]), FT_DESC);
    check();
    CU_ASSERT_EQUAL(do_set_gdt((uint64_t)frames, 513), -EINVAL); // the second is writable
    CU_ASSERT_EQUAL(v->gdt_entries, 512);
    CU_ASSERT_EQUAL(do_update_va_mapping(10 << 12, frames[0] << 12 | PTE_P | PTE_RW, 0), -EINVAL);
    CU_ASSERT_EQUAL(do_set_gdt((uint64_t)frames, 7169), -EINVAL);
    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
        CU_ASSERT_EQUAL(do_update_descriptor(frames[0] << 12 | 64, bad[i]), -EINVAL);
        CU_ASSERT_EQUAL(t[8], 0);
    }
    CU_ASSERT_EQUAL(do_update_descriptor(frames[0] << 12 | 64, 0x00cf9b000000ffff), 0);
    CU_ASSERT_EQUAL(t[8], 0x00cffb000000ffff);
    CU_ASSERT_EQUAL(do_update_descriptor(frames[0] << 12 | 4, 0), -EINVAL);
    CU_ASSERT_EQUAL(do_update_descriptor(frame[0][1] << 12, 0), -EINVAL); // a page table
    CU_ASSERT_EQUAL(do_set_gdt((uint64_t)frames, 0), 0);
    CU_ASSERT_EQUAL(type(frames[0]), FT_NONE);
    t[20] = bad[0];
    CU_ASSERT_EQUAL(do_set_gdt((uint64_t)frames, 512), -EINVAL);
    t[20] = 0;

    // An LDT is mapped as far as it is there, the rest when it is used.
    CU_ASSERT_EQUAL(pv_set_ldt(v, 10 << 12, 1024), 0);
    CU_ASSERT_EQUAL(v->ldt_mapped, 1); // page 11 is writable
    check();
    CU_ASSERT_FALSE(pv_desc_fault(PERDOMAIN_LDT(0) + 4096));
    blank(11);
    CU_ASSERT(pv_desc_fault(PERDOMAIN_LDT(0) + 4096 + 8));
    CU_ASSERT_EQUAL(v->ldt_mapped, 3);
    CU_ASSERT_FALSE(pv_desc_fault(PERDOMAIN_LDT(0) + 8192));
    check();
    CU_ASSERT_EQUAL(pv_set_ldt(v, 10 << 12, 8193), -EINVAL);
    CU_ASSERT_EQUAL(pv_set_ldt(v, (10 << 12) + 8, 1), -EINVAL);
    CU_ASSERT_EQUAL(pv_set_ldt(v, 0, 0), 0);
    CU_ASSERT(type(frame[0][10]) == FT_NONE && type(frame[0][11]) == FT_NONE);
    end();
}

int main(void)
{
    static CU_TestInfo tests[] = {
        {"trapped writes", test_trapped_writes},
        {"trapped writes the quick way", test_quick_writes},
        {"grant mappings", test_grants},
        {"descriptor tables", test_descriptors},
        CU_TEST_INFO_NULL,
    };

    return run_suite("PV MMU, other ways", tests);
}
