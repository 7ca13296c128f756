// The ELF loader and the search for the kernel in a bzImage, on images made by hand, whole and
// damaged.
//
// sources: hypervisor/lib/elf.c hypervisor/lib/bzimage.c
#include <CUnit/Basic.h>
#include <stddef.h>

#include "lib/bzimage.h"
#include "lib/elf.h"
#include "lib/errno.h"

#include "elf_maker.h"
#include "samples.h"
#include "tests/suite.h"

static struct elf_maker m;

// Parses a copy of the file's first len bytes in an allocation of just that size.
static int parse(struct elf_image *elf, size_t len)
{
    struct blob copy = blob_copy(&m, len);
    int ret = elf_parse(elf, copy.data, len);

    blob_free(&copy);
    elf->base = NULL;
    return ret;
}

static int parse_all(void)
{
    struct elf_image elf;

    return parse(&elf, MAKER_FILE_SIZE);
}

static void test_parse(void)
{
    struct elf_image elf;

    maker_init(&m);
    CU_ASSERT_EQUAL(parse(&elf, MAKER_FILE_SIZE), 0);
    CU_ASSERT_EQUAL(elf.entry, 0xffffffff80100010);
    CU_ASSERT_EQUAL(elf.min_paddr, 0x100000);
    CU_ASSERT_EQUAL(elf.max_paddr, 0x102800);
    m.header.e_type = ET_DYN;
    CU_ASSERT_EQUAL(parse_all(), 0);
}

static void test_segments(void)
{
    struct elf_image elf;
    struct elf_segment s;
    uint32_t i = 0;

    maker_init(&m);
    CU_ASSERT_EQUAL_FATAL(elf_parse(&elf, &m, MAKER_FILE_SIZE), 0);
    CU_ASSERT_FATAL(elf_next_segment(&elf, &i, &s));
    CU_ASSERT(s.paddr == 0x100000 && s.memsz == 64 && s.filesz == 64 && s.data == m.text_bytes);
    CU_ASSERT_FATAL(elf_next_segment(&elf, &i, &s));
    CU_ASSERT(s.paddr == 0x101000 && s.memsz == 0x1800 && s.filesz == 32 && s.data == m.data_bytes);
    CU_ASSERT_FALSE(elf_next_segment(&elf, &i, &s));

    m.text.p_memsz = m.text.p_filesz = 0; // without memory it is no segment
    i = 0;
    CU_ASSERT_EQUAL(elf_parse(&elf, &m, MAKER_FILE_SIZE), 0);
    CU_ASSERT(elf_next_segment(&elf, &i, &s) && s.paddr == 0x101000);
    CU_ASSERT_FALSE(elf_next_segment(&elf, &i, &s));
}

static void test_load(void)
{
    struct elf_image elf;
    size_t size = 0x2800 + 0x1000;
    uint8_t *memory = malloc(size);

    maker_init(&m);
    memset(memory, 0x55, size);
    CU_ASSERT_EQUAL_FATAL(elf_parse(&elf, &m, MAKER_FILE_SIZE), 0);
    CU_ASSERT_EQUAL(elf_load(&elf, memory, size, 0xff000), 0);
    CU_ASSERT_EQUAL(memory[0xfff], 0x55);
    CU_ASSERT(!memcmp(memory + 0x1000, m.text_bytes, 64));
    CU_ASSERT_EQUAL(memory[0x1040], 0x55);
    CU_ASSERT(!memcmp(memory + 0x2000, m.data_bytes, 32));
    for (size_t i = 0x2020; i < size; i++)
        CU_ASSERT_EQUAL(memory[i], 0);

    memset(memory, 0x55, size);
    CU_ASSERT_EQUAL(elf_load(&elf, memory, 0x27ff, 0x100000), -ENOSPC);
    CU_ASSERT_EQUAL(elf_load(&elf, memory, size, 0x100001), -ENOSPC);
    CU_ASSERT_EQUAL(elf_load(&elf, memory, size, ~0ull), -ENOSPC);
    CU_ASSERT_EQUAL(memory[0], 0x55);
    free(memory);
}

#define REFUSED(error, change)                  \
    do {                                        \
        maker_init(&m);                         \
        change;                                 \
        CU_ASSERT_EQUAL(parse_all(), -(error)); \
    } while (0)

static void test_other_files(void)
{
    REFUSED(ENOEXEC, m.header.e_ident[0] = 0);
    REFUSED(ENOEXEC, m.header.e_ident[EI_CLASS] = ELFCLASS32);
    REFUSED(ENOEXEC, m.header.e_ident[EI_DATA] = ELFDATA2MSB);
    REFUSED(ENOEXEC, m.header.e_ident[EI_VERSION] = 2);
    REFUSED(ENOEXEC, m.header.e_version = 0);
    REFUSED(ENOEXEC, m.header.e_machine = EM_AARCH64);
    REFUSED(ENOEXEC, m.header.e_type = ET_REL);
}

static void test_damaged_headers(void)
{
    REFUSED(EINVAL, m.header.e_phentsize = 32);
    REFUSED(EINVAL, m.header.e_phnum = 0);
    REFUSED(EINVAL, m.header.e_phnum = 0xffff);
    REFUSED(EINVAL, m.header.e_phoff = ~0ull);
    REFUSED(EINVAL, m.header.e_phoff = MAKER_FILE_SIZE - 100);
    REFUSED(EINVAL, m.text.p_type = m.data.p_type = PT_NULL);
    REFUSED(EINVAL, m.text.p_offset = MAKER_FILE_SIZE - 63);
    REFUSED(EINVAL, m.text.p_offset = ~0ull);
    REFUSED(EINVAL, m.text.p_filesz = 65);
    REFUSED(EINVAL, m.text.p_filesz = m.text.p_memsz = MAKER_FILE_SIZE + 1);
    REFUSED(EINVAL, m.data.p_paddr = ~0ull - 0x1000);
    REFUSED(EINVAL, m.data.p_memsz = ~0ull);
}

static void test_overlaps(void)
{
    REFUSED(EINVAL, m.data.p_paddr = m.text.p_paddr);
    REFUSED(EINVAL, m.data.p_paddr = m.text.p_paddr + 63);
    REFUSED(EINVAL, m.data.p_paddr = m.text.p_paddr - 0x17ff);
    REFUSED(0, m.data.p_paddr = m.text.p_paddr + 64);
    REFUSED(0, m.data.p_paddr = m.text.p_paddr - 0x1800);
}

static void test_cut_and_flipped(void)
{
    struct elf_image elf;

    maker_init(&m);
    for (size_t len = 0; len < offsetof(struct elf_maker, notes); len++) {
        int ret = parse(&elf, len);

        CU_ASSERT(ret == -EINVAL || ret == -ENOEXEC);
    }
    for (size_t bit = 0; bit < offsetof(struct elf_maker, text_bytes) * 8; bit++) {
        struct blob memory = {malloc(0x4000), 0x4000}, file;

        maker_init(&m);
        ((uint8_t *)&m)[bit / 8] ^= 1 << bit % 8;
        file = blob_copy(&m, MAKER_FILE_SIZE);
        if (!elf_parse(&elf, file.data, file.len))
            elf_load(&elf, memory.data, memory.len, 0x100000);
        blob_free(&file);
        blob_free(&memory);
    }
    CU_PASS("the sanitizers saw nothing");
}

// A bzImage with 2 setup sectors and a payload of 100 bytes at 0x40 of the protected-mode code.
static struct blob make_bzimage(void)
{
    struct blob b = {calloc(1, 0x700), 0x700};
    static const uint32_t payload[2] = {0x40, 100};

    b.data[0x1f1] = 2;
    memcpy(b.data + 0x1fe, "\x55\xaa", 2);
    memcpy(b.data + 0x202, "HdrS\x0f\x02", 6);
    b.data[0x211] = 1;
    memcpy(b.data + 0x248, payload, sizeof(payload));
    return b;
}

static void test_bzimage(void)
{
    struct blob b = make_bzimage();
    const void *payload;
    size_t len;

    CU_ASSERT_EQUAL(bzimage_payload(b.data, b.len, &payload, &len), 0);
    CU_ASSERT(payload == b.data + 0x640 && len == 100);
    b.data[0x24c] = 0xc0; // exactly to the end
    CU_ASSERT_EQUAL(bzimage_payload(b.data, b.len, &payload, &len), 0);
    b.data[0x24c] = 0xc1;
    CU_ASSERT_EQUAL(bzimage_payload(b.data, b.len, &payload, &len), -EINVAL);
    memset(b.data + 0x24c, 0xff, 4);
    CU_ASSERT_EQUAL(bzimage_payload(b.data, b.len, &payload, &len), -EINVAL);
    memset(b.data + 0x24c, 0, 4);
    CU_ASSERT_EQUAL(bzimage_payload(b.data, b.len, &payload, &len), -EINVAL);
    b.data[0x24c] = 1;
    memset(b.data + 0x248, 0xff, 4);
    CU_ASSERT_EQUAL(bzimage_payload(b.data, b.len, &payload, &len), -EINVAL);
    memset(b.data + 0x248, 0, 4);
    b.data[0x1f1] = 0; // means 4 sectors, behind the end
    CU_ASSERT_EQUAL(bzimage_payload(b.data, b.len, &payload, &len), -EINVAL);
    blob_free(&b);
}

static void test_no_bzimage(void)
{
    static const size_t places[] = {0x1fe, 0x202, 0x211};
    const void *payload;
    size_t len;
    struct blob b;

    for (size_t i = 0; i < 3; i++) {
        b = make_bzimage();
        b.data[places[i]] ^= 1;
        CU_ASSERT_EQUAL(bzimage_payload(b.data, b.len, &payload, &len), -ENOEXEC);
        blob_free(&b);
    }
    b = make_bzimage();
    b.data[0x206] = 7; // protocol 2.07
    CU_ASSERT_EQUAL(bzimage_payload(b.data, b.len, &payload, &len), -ENOEXEC);
    b.data[0x206] = 8;
    for (size_t n = 0; n < b.len; n++) {
        struct blob cut = blob_copy(b.data, n);
        int ret = bzimage_payload(cut.data, n, &payload, &len);

        CU_ASSERT(n < 0x250 ? ret == -ENOEXEC : n < 0x640 + 100 ? ret == -EINVAL : ret == 0);
        blob_free(&cut);
    }
    blob_free(&b);
}

int main(void)
{
    static CU_TestInfo tests[] = {
        {"a sound file", test_parse},
        {"its segments", test_segments},
        {"loading it", test_load},
        {"files of other kinds", test_other_files},
        {"damaged headers", test_damaged_headers},
        {"overlapping segments", test_overlaps},
        {"cut files and flipped bits", test_cut_and_flipped},
        {"bzImage", test_bzimage},
        {"no bzImage", test_no_bzimage},
        CU_TEST_INFO_NULL,
    };

    return run_suite("elf", tests);
}
