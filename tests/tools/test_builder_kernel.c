// Kernels as the domain builder reads them: packed in every way, made by hand, Debian's (VMLINUZ),
// and each of them damaged.
//
// sources: dom0-tools/builder/unpack.c dom0-tools/builder/kernel.c dom0-tools/builder/kernel_elf.c
// libraries: -lz -llzma -lzstd
#include <CUnit/Basic.h>
#include <errno.h>
#include <lzma.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <zlib.h>
#include <zstd.h>

#include "builder/kernel.h"
#include "builder/unpack.h"
#include "pv-abi/elfnote.h"
#include "pv-abi/features.h"
#include "tests/suite.h"
#include "tests/unit/elf_maker.h"

#define BASE 0xffffffff80000000

static struct elf_maker m;
static struct kernel k;

static void make_linux(void)
{
    maker_init(&m);
    maker_text(&m, XEN_ELFNOTE_GUEST_OS, "linux");
    maker_text(&m, XEN_ELFNOTE_GUEST_VERSION, "2.6");
    maker_number(&m, XEN_ELFNOTE_VIRT_BASE, BASE);
    maker_number(&m, XEN_ELFNOTE_INIT_P2M, 0x8000000000);
    maker_number(&m, XEN_ELFNOTE_ENTRY, BASE + 0x100020);
    maker_number(&m, XEN_ELFNOTE_HYPERCALL_PAGE, BASE + 0x101000);
    maker_note_of(&m, "GNU", 3, "0123456789abcdefghi", 19);
    maker_note_of(&m, "Xen", XEN_ELFNOTE_FEATURES, "!writable_page_tables|pae_pgdir_above_4gb",
                  41); // not terminated
    maker_note_of(&m, "Xen", XEN_ELFNOTE_MOD_START_PFN, "\x01\0\0\0", 4);
    maker_number(&m, XEN_ELFNOTE_PADDR_OFFSET, 0);
}

// Parses an exact copy, so that a read beyond the end is seen.
static int parse_bytes(const void *bytes, size_t len)
{
    void *copy = malloc(len ? len : 1);
    int rc;

    memcpy(copy, bytes, len);
    rc = kernel_parse(&k, copy, len);
    if (!rc && k.max_paddr - k.min_paddr < 1 << 20) {
        void *memory = malloc(k.max_paddr - k.min_paddr);

        kernel_load(&k, memory);
        free(memory);
    }
    free(copy);
    return rc;
}

static int parse(void)
{
    return parse_bytes(&m, MAKER_FILE_SIZE);
}

static void test_good_kernel(void)
{
    uint8_t memory[0x3000];

    make_linux();
    CU_ASSERT_EQUAL(parse(), 0);
    CU_ASSERT_EQUAL(k.min_paddr, 0x100000);
    CU_ASSERT_EQUAL(k.max_paddr, 0x102800);
    CU_ASSERT_EQUAL(k.entry, BASE + 0x100020);
    CU_ASSERT_EQUAL(k.virt_base, BASE);
    CU_ASSERT_EQUAL(k.init_p2m, 0x8000000000);
    CU_ASSERT_EQUAL(k.hypercall_page, BASE + 0x101000);
    CU_ASSERT_TRUE(k.mod_start_pfn);
    CU_ASSERT_EQUAL(k.features_required, 1u << XENFEAT_writable_page_tables);
    CU_ASSERT_STRING_EQUAL(k.guest_os, "linux");
    CU_ASSERT_STRING_EQUAL(k.guest_version, "2.6");
    CU_ASSERT_EQUAL(kernel_parse(&k, &m, MAKER_FILE_SIZE), 0);
    memset(memory, 0xee, sizeof(memory));
    kernel_load(&k, memory);
    CU_ASSERT_EQUAL(memory[63], 0x90);
    CU_ASSERT_EQUAL(memory[64], 0); // between the segments
    CU_ASSERT_EQUAL(memory[0xfff], 0);
    CU_ASSERT_EQUAL(memory[0x101f], 0xda);
    CU_ASSERT_EQUAL(memory[0x1020], 0); // behind the file's part
    CU_ASSERT_EQUAL(memory[0x27ff], 0);
    CU_ASSERT_EQUAL(memory[0x2800], 0xee);
}

static void test_notes_in_sections(void)
{
    make_linux();
    maker_notes_to_section(&m);
    CU_ASSERT_EQUAL(parse(), 0);
    CU_ASSERT_EQUAL(k.virt_base, BASE);
}

// The segments in the order of their addresses or not: what lies between is zero either way.
static void test_segments_in_any_order(void)
{
    uint8_t memory[0x3000];
    Elf64_Phdr text;

    make_linux();
    text = m.text;
    m.text = m.data;
    m.data = text;
    CU_ASSERT_EQUAL(kernel_parse(&k, &m, MAKER_FILE_SIZE), 0);
    memset(memory, 0xee, sizeof(memory));
    kernel_load(&k, memory);
    CU_ASSERT_EQUAL(memory[63], 0x90);
    CU_ASSERT_EQUAL(memory[0x101f], 0xda);
}

#define REFUSED(error, words)                             \
    do {                                                  \
        CU_ASSERT_EQUAL(parse(), error);                  \
        CU_ASSERT_PTR_NOT_NULL(strstr(k.problem, words)); \
    } while (0)

static void test_no_kernel(void)
{
    CU_ASSERT_EQUAL(parse_bytes("", 0), -ENOEXEC);
    CU_ASSERT_EQUAL(parse_bytes("#!/bin/sh\n", 10), -ENOEXEC);
    make_linux();
    m.header.e_ident[EI_CLASS] = ELFCLASS32;
    REFUSED(-ENOEXEC, "32-bit");
    make_linux();
    m.header.e_machine = EM_AARCH64;
    REFUSED(-ENOEXEC, "no x86-64");
    make_linux();
    m.header.e_type = ET_REL;
    REFUSED(-ENOEXEC, "no x86-64");
    maker_init(&m);
    REFUSED(-ENOENT, "CONFIG_XEN_PV");
    maker_init(&m);
    maker_number(&m, XEN_ELFNOTE_PHYS32_ENTRY, 0x100000);
    REFUSED(-ENOENT, "PVH");
}

static void test_damaged_segments(void)
{
    make_linux();
    m.header.e_phnum = 0;
    REFUSED(-EINVAL, "program headers");
    make_linux();
    m.header.e_phoff = MAKER_FILE_SIZE - 8;
    REFUSED(-EINVAL, "program headers");
    make_linux();
    m.text.p_offset = MAKER_FILE_SIZE - 1;
    REFUSED(-EINVAL, "cut short");
    make_linux();
    m.data.p_filesz = m.data.p_memsz + 1;
    REFUSED(-EINVAL, "");
    make_linux();
    m.data.p_paddr = ~0ull - 16;
    REFUSED(-EINVAL, "impossible");
    make_linux();
    m.data.p_paddr = m.text.p_paddr + 8;
    REFUSED(-EINVAL, "overlap");
    make_linux();
    m.text.p_type = m.data.p_type = PT_NULL;
    REFUSED(-EINVAL, "nothing");
    make_linux();
    m.note.p_offset = MAKER_FILE_SIZE;
    REFUSED(-EINVAL, "notes end behind");
}

static void refused_with(uint32_t type, uint64_t value, const char *words)
{
    make_linux();
    maker_number(&m, type, value);
    REFUSED(-EINVAL, words);
}

static void test_contradictions(void)
{
    refused_with(XEN_ELFNOTE_ENTRY, BASE, "entry");
    refused_with(XEN_ELFNOTE_HYPERCALL_PAGE, BASE, "hypercall page");
    refused_with(XEN_ELFNOTE_HYPERCALL_PAGE, BASE + 0x101010, "hypercall page");
    refused_with(XEN_ELFNOTE_HYPERCALL_PAGE, BASE + 0x102000, "hypercall page");
    refused_with(XEN_ELFNOTE_VIRT_BASE, BASE + 1, "multiple of a page");
    refused_with(XEN_ELFNOTE_VIRT_BASE, ~0ull - 0xfff, "virtual base");
    refused_with(XEN_ELFNOTE_PADDR_OFFSET, 0x200000, "virtual base");
    make_linux();
    maker_note_of(&m, "Xen", XEN_ELFNOTE_ENTRY, "abc", 3);
    REFUSED(-EINVAL, "no number");
}

static void test_features(void)
{
    make_linux();
    maker_text(&m, XEN_ELFNOTE_FEATURES, "auto_translated_physmap|!dom0||strange");
    CU_ASSERT_EQUAL(parse(), 0);
    make_linux();
    maker_text(&m, XEN_ELFNOTE_FEATURES, "pae_pgdir_above_4gb|!auto_translated_physmap");
    REFUSED(-EOPNOTSUPP, "auto_translated_physmap");
    make_linux();
    maker_text(&m, XEN_ELFNOTE_FEATURES, "!supervisor_mode_kernel");
    REFUSED(-EOPNOTSUPP, "supervisor_mode_kernel");
    make_linux();
    maker_text(
        &m, XEN_ELFNOTE_FEATURES,
        "!a_feature_whose_name_is_so_long_that_no_message_has_room_for_it_and_more_and_more");
    REFUSED(-EOPNOTSUPP, "a_feature_whose");
}

// Every prefix, and many files with a few wrong bytes: errors, and nothing worse.
static void test_damage(void)
{
    struct elf_maker good;
    unsigned accepted = 0;

    make_linux();
    good = m;
    for (size_t len = 0; len < offsetof(struct elf_maker, notes) + m.notes_len; len++)
        CU_ASSERT_NOT_EQUAL(parse_bytes(&m, len), 0);
    srandom(1);
    for (unsigned round = 0; round < 20000; round++) {
        size_t range = offsetof(struct elf_maker, notes) + good.notes_len;

        m = good;
        for (unsigned n = 0; n <= round % 3; n++)
            ((uint8_t *)&m)[(size_t)random() % range] ^= (uint8_t)(1 << random() % 8);
        accepted += !parse();
    }
    CU_ASSERT_TRUE(accepted > 100); // padding, texts
    CU_ASSERT_TRUE(accepted < 19000);
}

// Packing
// ------------------------------------------------------------------------------------------

#define PLAIN_LEN 300000

static uint8_t plain[PLAIN_LEN], image[PLAIN_LEN + 70000];

static size_t pack_gzip(uint8_t *to, size_t room)
{
    z_stream z = {.next_in = plain, .avail_in = PLAIN_LEN, .next_out = to, .avail_out = (uInt)room};

    deflateInit2(&z, 6, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY);
    deflate(&z, Z_FINISH);
    deflateEnd(&z);
    return z.total_out;
}

static size_t pack_xz(uint8_t *to, size_t room)
{
    size_t len = 0;

    lzma_easy_buffer_encode(1, LZMA_CHECK_CRC32, NULL, plain, PLAIN_LEN, to, &len, room);
    return len;
}

static size_t pack_lzma(uint8_t *to, size_t room)
{
    lzma_stream s = LZMA_STREAM_INIT;
    lzma_options_lzma options;

    lzma_lzma_preset(&options, 1);
    options.dict_size = 1 << 16; // the magic number is two bytes of it
    CU_ASSERT_EQUAL(lzma_alone_encoder(&s, &options), LZMA_OK);
    s.next_in = plain;
    s.avail_in = PLAIN_LEN;
    s.next_out = to;
    s.avail_out = room;
    CU_ASSERT_EQUAL(lzma_code(&s, LZMA_FINISH), LZMA_STREAM_END);
    lzma_end(&s);
    return s.total_out;
}

static size_t pack_zstd(uint8_t *to, size_t room)
{
    return ZSTD_compress(to, room, plain, PLAIN_LEN, 1);
}

static const struct {
    const char *name;
    size_t (*pack)(uint8_t *to, size_t room);
} packers[] = {{"gzip", pack_gzip}, {"xz", pack_xz}, {"lzma", pack_lzma}, {"zstd", pack_zstd}};
#define PACKERS (sizeof(packers) / sizeof(packers[0]))

static void put32(uint8_t *at, uint32_t value)
{
    memcpy(at, &value, 4);
}

// A bzImage: setup code of two sectors, the payload 16 bytes behind it, its size in the last word.
static size_t make_bzimage(unsigned packer)
{
    uint8_t *payload = image + 3 * 512 + 16;
    size_t len;

    memset(image, 0, sizeof(image));
    memcpy(image + 0x202, "HdrS\x0f\x02", 6);
    image[0x1f1] = 2;
    len = packers[packer].pack(payload, sizeof(image) - 3 * 512 - 64);
    if (packers[packer].pack != pack_gzip) { // which has it
        put32(payload + len, PLAIN_LEN);
        len += 4;
    }
    put32(image + 0x248, 16);
    put32(image + 0x24c, (uint32_t)len);
    return 3 * 512 + 16 + len;
}

// Unpacks an exact copy.
static int unpack_bytes(const void *bytes, size_t len, struct unpacked *out, const char **problem)
{
    void *copy = malloc(len ? len : 1);
    int rc;

    memcpy(copy, bytes, len);
    *problem = "none";
    rc = unpack_kernel(copy, len, out, problem);
    if (!rc && out->memory) {
        CU_ASSERT_EQUAL(out->len, PLAIN_LEN);
        CU_ASSERT_EQUAL(memcmp(out->data, plain, PLAIN_LEN), 0);
    }
    unpacked_free(out);
    free(copy);
    return rc;
}

static void make_plain(void)
{
    srandom(2);
    for (size_t i = 0; i < PLAIN_LEN; i++)
        plain[i] = (uint8_t)(i % 100 < 80 ? i / 100 : (size_t)random());
}

static void test_packings(void)
{
    struct unpacked u;
    const char *problem;

    make_plain();
    for (unsigned p = 0; p < PACKERS; p++) {
        size_t len = make_bzimage(p), bare;

        CU_ASSERT_EQUAL(unpack_bytes(image, len, &u, &problem), 0);
        CU_ASSERT_STRING_EQUAL(u.packing, packers[p].name);
        CU_ASSERT_EQUAL(unpack_bytes(image, len - 1, &u, &problem), -EINVAL);
        CU_ASSERT_PTR_NOT_NULL(strstr(problem, "cut short"));
        bare = packers[p].pack(image, sizeof(image));
        CU_ASSERT_EQUAL(unpack_bytes(image, bare, &u, &problem), 0);
        CU_ASSERT_EQUAL(unpack_bytes(image, bare / 2, &u, &problem), -EINVAL);
    }
}

// What it says that it unpacks to is too little, too much by far, or nothing.
static void test_lies_about_size(void)
{
    struct unpacked u;
    const char *problem;

    make_plain();
    for (unsigned p = 0; p < PACKERS; p++) {
        size_t len = make_bzimage(p);

        put32(image + len - 4, PLAIN_LEN - 1);
        CU_ASSERT_NOT_EQUAL(unpack_bytes(image, len, &u, &problem), 0);
        put32(image + len - 4, 0);
        CU_ASSERT_EQUAL(unpack_bytes(image, len, &u, &problem), -E2BIG);
        put32(image + len - 4, 0xffffffff);
        CU_ASSERT_EQUAL(unpack_bytes(image, len, &u, &problem), -E2BIG);
    }
}

static void test_unread_packings(void)
{
    static const char *const starts[] = {"\x02\x21\x4c\x18....", "BZh9....", "\x89LZO...."};
    struct unpacked u;
    const char *problem;

    for (unsigned i = 0; i < 3; i++) {
        CU_ASSERT_EQUAL(unpack_bytes(starts[i], 8, &u, &problem), -EOPNOTSUPP);
        CU_ASSERT_PTR_NOT_NULL(strstr(problem, "not read"));
    }
    make_plain();
    make_bzimage(0);
    image[0x206] = 7;
    CU_ASSERT_EQUAL(unpack_bytes(image, 70000, &u, &problem), -EOPNOTSUPP);
}

static void test_packed_damage(void)
{
    struct unpacked u;
    const char *problem;

    make_plain();
    srandom(3);
    for (unsigned p = 0; p < PACKERS; p++) {
        size_t len = make_bzimage(p), at;

        for (unsigned round = 0; round < 40; round++) {
            at = 3 * 512 + 16 + (size_t)random() % (len - 3 * 512 - 16);
            image[at] ^= 0x10;
            // Either refused, or so that nothing is different (checked in unpack_bytes()).
            if (packers[p].pack != pack_lzma && packers[p].pack != pack_zstd) // have no checksum
                unpack_bytes(image, len, &u, &problem);
            else
                unpack_kernel(image, len, &u, &problem), unpacked_free(&u);
            image[at] ^= 0x10;
        }
    }
}

// The real thing, where VMLINUZ names it
// -------------------------------------------------------------

static void *read_file(const char *path, size_t *len)
{
    FILE *f = fopen(path, "rb");
    void *data;

    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    fseek(f, 0, SEEK_END);
    *len = (size_t)ftell(f);
    rewind(f);
    data = malloc(*len);
    CU_ASSERT_EQUAL_FATAL(fread(data, 1, *len, f), *len);
    fclose(f);
    return data;
}

static void test_debian(void)
{
    const char *problem = NULL;
    struct unpacked u;
    size_t len;
    uint8_t *file = read_file(getenv("VMLINUZ"), &len);

    CU_ASSERT_EQUAL_FATAL(unpack_kernel(file, len, &u, &problem), 0);
    CU_ASSERT_TRUE(u.memory != NULL);
    CU_ASSERT_EQUAL(kernel_parse(&k, u.data, u.len), 0);
    CU_ASSERT_STRING_EQUAL(k.guest_os, "linux");
    CU_ASSERT_EQUAL(k.virt_base, BASE);
    CU_ASSERT_TRUE(k.mod_start_pfn);
    CU_ASSERT_TRUE(kernel_has(&k, XEN_ELFNOTE_INIT_P2M));
    for (size_t part = 0; part < u.len / 7 * 6; part += u.len / 7)
        CU_ASSERT_NOT_EQUAL(kernel_parse(&k, u.data, part), 0);
    unpacked_free(&u);
    CU_ASSERT_EQUAL(unpack_kernel(file, len / 2, &u, &problem), -EINVAL);
    CU_ASSERT_PTR_NOT_NULL(strstr(problem, "cut short"));
    unpacked_free(&u);
    file[len / 2] ^= 1;
    CU_ASSERT_EQUAL(unpack_kernel(file, len, &u, &problem), -EINVAL);
    CU_ASSERT_PTR_NOT_NULL(strstr(problem, "damaged"));
    unpacked_free(&u);
    free(file);
}

int main(void)
{
    static CU_TestInfo tests[] = {
        {"good kernel", test_good_kernel},
        {"notes in sections", test_notes_in_sections},
        {"segments in any order", test_segments_in_any_order},
        {"no kernel", test_no_kernel},
        {"damaged segments", test_damaged_segments},
        {"contradictions", test_contradictions},
        {"features", test_features},
        {"damage", test_damage},
        {"packings", test_packings},
        {"lies about size", test_lies_about_size},
        {"unread packings", test_unread_packings},
        {"packed damage", test_packed_damage},
        {"Debian's kernel", test_debian},
        CU_TEST_INFO_NULL,
    };

    without_kernel(tests);
    return run_suite("builder: kernels", tests);
}
