// Xen's ELF notes: of a kernel made by hand, of damaged and contradictory ones, and of Debian's.
//
// sources: hypervisor/lib/elf.c hypervisor/lib/xen_notes.c hypervisor/lib/bzimage.c
// sources: hypervisor/lib/crc.c hypervisor/lib/xxhash.c hypervisor/lib/inflate.c
// sources: hypervisor/lib/gunzip.c hypervisor/lib/lzma.c hypervisor/lib/lzma2.c
// sources: hypervisor/lib/bcj_x86.c hypervisor/lib/xz.c hypervisor/lib/zstd.c
// sources: hypervisor/lib/zstd_fse.c hypervisor/lib/zstd_huffman.c hypervisor/lib/zstd_sequences.c
// sources: hypervisor/lib/decompress.c
#include <CUnit/Basic.h>
#include <stddef.h>

#include "lib/bzimage.h"
#include "lib/decompress.h"
#include "lib/errno.h"
#include "lib/xen_notes.h"

#include "elf_maker.h"
#include "samples.h"
#include "tests/suite.h"

static struct elf_maker m;
static struct xen_kernel_info info;

#define BASE 0xffffffff80000000

// The notes of a Linux kernel, of addresses that suit the image.
static void make_linux(void)
{
    static const uint64_t present[2] = {1, 1};

    maker_init(&m);
    maker_text(&m, XEN_ELFNOTE_GUEST_OS, "linux");
    maker_text(&m, XEN_ELFNOTE_GUEST_VERSION, "2.6");
    maker_text(&m, XEN_ELFNOTE_XEN_VERSION, "xen-3.0");
    maker_number(&m, XEN_ELFNOTE_VIRT_BASE, BASE);
    maker_number(&m, XEN_ELFNOTE_INIT_P2M, 0x8000000000);
    maker_number(&m, XEN_ELFNOTE_ENTRY, BASE + 0x100020);
    maker_number(&m, XEN_ELFNOTE_HYPERCALL_PAGE, BASE + 0x101000);
    maker_note_of(&m, "GNU", 3, "0123456789abcdefghi", 19);
    maker_note_of(&m, "Xen", XEN_ELFNOTE_FEATURES, "!writable_page_tables|pae_pgdir_above_4gb",
                  41); // not terminated
    maker_note_of(&m, "Xen", XEN_ELFNOTE_SUPPORTED_FEATURES, "\x01\x88\0\0", 4);
    maker_text(&m, XEN_ELFNOTE_PAE_MODE, "yes");
    maker_text(&m, XEN_ELFNOTE_LOADER, "generic");
    maker_note_of(&m, "Xen", XEN_ELFNOTE_L1_MFN_VALID, present, 16);
    maker_note_of(&m, "Xen", XEN_ELFNOTE_SUSPEND_CANCEL, "\x01\0\0\0", 4);
    maker_note_of(&m, "Xen", XEN_ELFNOTE_MOD_START_PFN, "\x01\0\0\0", 4);
    maker_number(&m, XEN_ELFNOTE_HV_START_LOW, 0xffff800000000000);
    maker_number(&m, XEN_ELFNOTE_PADDR_OFFSET, 0);
    maker_number(&m, XEN_ELFNOTE_PHYS32_ENTRY, 0x100030);
}

static int parse(void)
{
    struct blob file = blob_copy(&m, MAKER_FILE_SIZE);
    struct elf_image elf;
    int ret = elf_parse(&elf, file.data, file.len);

    if (!ret)
        ret = xen_notes_parse(&info, &elf);
    blob_free(&file);
    return ret;
}

static void check_linux(void)
{
    CU_ASSERT_EQUAL_FATAL(parse(), 0);
    CU_ASSERT_PTR_NULL(info.problem);
    CU_ASSERT_EQUAL(info.entry, BASE + 0x100020);
    CU_ASSERT_EQUAL(info.virt_base, BASE);
    CU_ASSERT_EQUAL(info.virt_start, BASE + 0x100000);
    CU_ASSERT_EQUAL(info.virt_end, BASE + 0x102800);
    CU_ASSERT_EQUAL(info.hypercall_page, BASE + 0x101000);
    CU_ASSERT_EQUAL(info.init_p2m, 0x8000000000);
    CU_ASSERT(info.mod_start_pfn);
    CU_ASSERT_STRING_EQUAL(info.guest_os, "linux");
    CU_ASSERT_STRING_EQUAL(info.guest_version, "2.6");
    CU_ASSERT(xen_kernel_has(&info, XEN_ELFNOTE_PADDR_OFFSET));
    CU_ASSERT_FALSE(xen_kernel_has(&info, XEN_ELFNOTE_BSD_SYMTAB));
}

static void test_linux(void)
{
    make_linux();
    check_linux();
}

// Notes aligned to 8, as the GNU property note is.
static void test_alignment_of_8(void)
{
    uint64_t value = BASE + 0x100040;

    maker_init(&m);
    maker_number(&m, XEN_ELFNOTE_VIRT_BASE, BASE);
    CU_ASSERT_EQUAL(m.notes_len % 8, 0);
    maker_note_of(&m, "GNU", 5, "abcd", 4); // 16 + 4, and 4 of padding
    m.notes_len += 4;
    maker_note_of(&m, "Xen", XEN_ELFNOTE_ENTRY, &value, 8);
    m.note.p_align = 8;
    CU_ASSERT_EQUAL(parse(), 0);
    CU_ASSERT_EQUAL(info.entry, value);
}

static void test_no_notes(void)
{
    maker_init(&m);
    CU_ASSERT_EQUAL(parse(), -ENOENT);
    CU_ASSERT_PTR_NOT_NULL(info.problem);
    maker_note_of(&m, "GNU", XEN_ELFNOTE_ENTRY, "12345678", 8);
    maker_note_of(&m, "Xenon", XEN_ELFNOTE_ENTRY, "12345678", 8);
    CU_ASSERT_EQUAL(parse(), -ENOENT);
}

static int parse_features(const char *text)
{
    maker_init(&m);
    m.header.e_entry = 0x100000;
    maker_text(&m, XEN_ELFNOTE_FEATURES, text);
    return parse();
}

static void test_features(void)
{
    CU_ASSERT_EQUAL(parse_features("dom0|!hvm_callback_vector||never_heard_of"), 0);
    CU_ASSERT_EQUAL(parse_features(""), 0);
    CU_ASSERT_EQUAL(parse_features("dom0|!never_heard_of|dom0"), -EOPNOTSUPP);
    CU_ASSERT_STRING_EQUAL(info.unknown_feature, "never_heard_of");
    CU_ASSERT_EQUAL(parse_features("!a_name_of_more_than_the_thirty_one_bytes"), -EOPNOTSUPP);
    CU_ASSERT_STRING_EQUAL(info.unknown_feature, "a_name_of_more_than_the_thirty_");
    CU_ASSERT_EQUAL(parse_features("!dom"), -EOPNOTSUPP);
    CU_ASSERT_EQUAL(parse_features("!"), -EOPNOTSUPP);
    CU_ASSERT_EQUAL(parse_features("!writable_page_tables|!direct_mapped"), 0);
}

#define REFUSED(change)                       \
    do {                                      \
        make_linux();                         \
        change;                               \
        CU_ASSERT_EQUAL(parse(), -EINVAL);    \
        CU_ASSERT_PTR_NOT_NULL(info.problem); \
    } while (0)

static void test_contradictions(void)
{
    REFUSED(maker_number(&m, XEN_ELFNOTE_ENTRY, BASE));
    REFUSED(maker_number(&m, XEN_ELFNOTE_ENTRY, BASE + 0x102800));
    REFUSED(maker_number(&m, XEN_ELFNOTE_VIRT_BASE, 0xfffffffffff00000));
    REFUSED(maker_number(&m, XEN_ELFNOTE_PADDR_OFFSET, 0x200000));
    REFUSED(maker_number(&m, XEN_ELFNOTE_HYPERCALL_PAGE, 0));
    REFUSED(maker_number(&m, XEN_ELFNOTE_HYPERCALL_PAGE, BASE + 0x101001));
    REFUSED(maker_number(&m, XEN_ELFNOTE_HYPERCALL_PAGE, BASE + 0x102000)); // ends behind it
    REFUSED(maker_number(&m, XEN_ELFNOTE_INIT_P2M, BASE + 0x101000));
    REFUSED(maker_note_of(&m, "Xen", XEN_ELFNOTE_ENTRY, "123", 3));
    REFUSED(maker_note_of(&m, "Xen", XEN_ELFNOTE_MOD_START_PFN, "", 0));
}

static void test_damaged(void)
{
    size_t start = offsetof(struct elf_maker, notes);

    REFUSED(m.note.p_filesz--);
    REFUSED(m.note.p_filesz = sizeof(m.notes) + 1);
    REFUSED(m.note.p_offset = ~0ull);
    REFUSED(memset(m.notes, 0xff, 4));
    REFUSED(memset(m.notes + 4, 0xff, 4));
    make_linux();
    for (size_t bit = 0; bit < m.notes_len * 8; bit++) {
        uint8_t *at = (uint8_t *)&m + start + bit / 8;

        *at ^= 1 << bit % 8;
        parse();
        *at ^= 1 << bit % 8;
    }
    for (uint32_t len = 0; len < m.notes_len; len++) {
        m.note.p_filesz = len;
        parse();
    }
    CU_PASS("the sanitizers saw nothing");
}

static void test_texts(void)
{
    make_linux();
    maker_note_of(&m, "Xen", XEN_ELFNOTE_GUEST_OS, "0123456789abcdef0123456789abcdefg", 33);
    maker_note_of(&m, "Xen", XEN_ELFNOTE_GUEST_VERSION, "", 0);
    CU_ASSERT_EQUAL(parse(), 0);
    CU_ASSERT_STRING_EQUAL(info.guest_os, "0123456789abcdef0123456789abcde");
    CU_ASSERT_STRING_EQUAL(info.guest_version, "");
}

static struct blob unpack(struct blob image)
{
    struct blob kernel = {NULL, 0};
    const void *payload;
    size_t len;
    void *work = malloc(DECOMPRESS_WORK_SIZE);

    CU_ASSERT_EQUAL_FATAL(bzimage_payload(image.data, image.len, &payload, &len), 0);
    CU_ASSERT_EQUAL_FATAL(decompress_size(payload, len, &kernel.len), 0);
    kernel.data = malloc(kernel.len);
    CU_ASSERT_EQUAL_FATAL(
        decompress(payload, len, kernel.data, kernel.len, &kernel.len, work, DECOMPRESS_WORK_SIZE),
        0);
    free(work);
    return kernel;
}

static void test_debian(void)
{
    struct blob image = sample_file(getenv("VMLINUZ")), kernel = unpack(image), memory;
    struct elf_image elf;

    CU_ASSERT_EQUAL_FATAL(elf_parse(&elf, kernel.data, kernel.len), 0);
    CU_ASSERT_EQUAL_FATAL(xen_notes_parse(&info, &elf), 0);
    CU_ASSERT_STRING_EQUAL(info.guest_os, "linux");
    CU_ASSERT_EQUAL(info.virt_base, BASE);
    CU_ASSERT_EQUAL(info.virt_start, BASE + elf.min_paddr);
    CU_ASSERT(info.mod_start_pfn && xen_kernel_has(&info, XEN_ELFNOTE_INIT_P2M));
    memory.len = elf.max_paddr - elf.min_paddr;
    memory.data = malloc(memory.len);
    CU_ASSERT_EQUAL(elf_load(&elf, memory.data, memory.len, elf.min_paddr), 0);
    blob_free(&memory);
    blob_free(&kernel);
    blob_free(&image);
}

int main(void)
{
    static CU_TestInfo tests[] = {
        {"Linux's notes", test_linux},
        {"notes aligned to 8", test_alignment_of_8},
        {"no notes of Xen's", test_no_notes},
        {"feature names", test_features},
        {"contradictions", test_contradictions},
        {"damaged notes", test_damaged},
        {"texts", test_texts},
        {"Debian's kernel", test_debian},
        CU_TEST_INFO_NULL,
    };

    without_kernel(tests);
    return run_suite("xen_notes", tests);
}
