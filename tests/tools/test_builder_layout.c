// Where the domain builder puts things, and the page tables it writes: of many kernels and sizes of
// guests, what the ABI promises holds. And what it says of images that cannot be.
//
// sources: dom0-tools/builder/layout.c dom0-tools/builder/image.c dom0-tools/builder/unpack.c
// sources: dom0-tools/builder/kernel.c dom0-tools/builder/kernel_elf.c
// sources: dom0-tools/builder/pvh_layout.c
// libraries: -lz -llzma -lzstd
#include <CUnit/Basic.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "builder/builder.h"
#include "builder/layout.h"
#include "pv-abi/elfnote.h"
#include "tests/suite.h"
#include "tests/unit/elf_maker.h"

#define BASE  0xffffffff80000000
#define SPARE 128 // pages

static struct kernel linux_like(uint64_t bytes)
{
    return (struct kernel){
        .min_paddr = 16 << 20,
        .max_paddr = (16 << 20) + bytes,
        .virt_base = BASE,
        .notes = 1 << XEN_ELFNOTE_INIT_P2M,
        .init_p2m = 0x8000000000,
        .mod_start_pfn = true,
    };
}

// What walking the tables gives, as a guest's frame, or -1.
struct walk {
    const struct layout *l;
    const uint64_t *mfns;
    uint64_t (*tables)[512], (*p2m_tables)[512];
};

// Machine frames are made up so that their guest frame can be told.
static uint64_t mfn_of(uint64_t frame)
{
    return frame * 7 + 1000;
}

static uint64_t frame_of(uint64_t entry)
{
    return ((entry >> 12) - 1000) / 7;
}

static uint64_t *table_of(const struct walk *w, uint64_t frame)
{
    const struct layout *l = w->l;

    if (frame >= l->tables && frame < l->tables + l->nr_tables)
        return w->tables[frame - l->tables];
    CU_ASSERT_FATAL(frame >= l->p2m_tables && frame < l->p2m_tables + l->nr_p2m_tables);
    return w->p2m_tables[frame - l->p2m_tables];
}

static uint64_t entry_at(const struct walk *w, uint64_t va)
{
    uint64_t *table = w->tables[0], entry = 0;

    for (int shift = 39; shift >= 12; shift -= 9) {
        entry = table[va >> shift & 511];
        if (!(entry & 1) || shift == 12)
            break;
        CU_ASSERT_EQUAL(entry & 7, 7);
        table = table_of(w, frame_of(entry));
    }
    return entry;
}

static bool is_table(const struct layout *l, uint64_t frame)
{
    return (frame >= l->tables && frame < l->tables + l->nr_tables) ||
           (l->p2m_elsewhere && frame >= l->p2m_tables && frame < l->p2m_tables + l->nr_p2m_tables);
}

static void check_mapped(const struct walk *w, uint64_t va, uint64_t frame)
{
    uint64_t entry = entry_at(w, va);

    if ((entry & 5) != 5 || frame_of(entry) != frame || !(entry & 2) != is_table(w->l, frame))
        CU_FAIL("a page is mapped wrongly");
}

static void check_tables(const struct layout *l)
{
    uint64_t *mfns = malloc(l->nr_pages * 8), total = 0;
    struct walk w = {l, mfns, malloc(l->nr_tables << 12),
                     l->nr_p2m_tables ? malloc(l->nr_p2m_tables << 12) : NULL};

    for (uint64_t i = 0; i < l->nr_pages; i++)
        mfns[i] = mfn_of(i);
    layout_write_tables(l, mfns, w.tables, w.p2m_tables);
    for (uint64_t i = 0; i < l->end; i++)
        check_mapped(&w, l->virt_base + (i << 12), i);
    CU_ASSERT_EQUAL(entry_at(&w, l->virt_base + (l->end << 12)), 0);
    for (uint64_t i = 0; l->p2m_elsewhere && i < l->p2m_pages; i++)
        check_mapped(&w, l->p2m_virt + (i << 12), l->p2m + i);
    for (uint64_t i = 0; i < l->nr_tables * 512; i++)
        total += w.tables[i / 512][i % 512] != 0;
    for (uint64_t i = 0; i < l->nr_p2m_tables * 512; i++)
        total += w.p2m_tables[i / 512][i % 512] != 0;
    // Nothing else is mapped: each table but the root has one entry that names it.
    CU_ASSERT_TRUE(total <= l->end + (l->p2m_elsewhere ? l->p2m_pages : 0) + l->nr_tables - 1 +
                                l->nr_p2m_tables);
    free(w.p2m_tables);
    free(w.tables);
    free(mfns);
}

// Regions in ascending order, without overlap, inside the guest.
static void check_order(const struct layout *l)
{
    uint64_t at = l->kernel_end;

    if (l->initrd_mapped) {
        CU_ASSERT_EQUAL(l->initrd, at);
        at += l->initrd_pages;
    }
    if (!l->p2m_elsewhere) {
        CU_ASSERT_EQUAL(l->p2m, at);
        CU_ASSERT_EQUAL(l->p2m_virt, layout_virt(l, at));
        at += l->p2m_pages;
    }
    CU_ASSERT_EQUAL(l->start_info, at);
    CU_ASSERT_EQUAL(l->xenstore, at + 1);
    CU_ASSERT_EQUAL(l->console, at + 2);
    CU_ASSERT_EQUAL(l->tables, at + 3);
    CU_ASSERT_EQUAL(l->stack, l->tables + l->nr_tables);
    CU_ASSERT_TRUE(l->end >= l->stack + 1 + SPARE);
    at = l->rest;
    CU_ASSERT_EQUAL(at, l->end);
    if (!l->initrd_mapped) {
        CU_ASSERT_EQUAL(l->initrd, at);
        at += l->initrd_pages;
    }
    if (l->p2m_elsewhere) {
        CU_ASSERT_EQUAL(l->p2m, at);
        CU_ASSERT_EQUAL(l->p2m_tables, at + l->p2m_pages);
        at += l->p2m_pages + l->nr_p2m_tables;
    }
    CU_ASSERT_TRUE(at <= l->nr_pages);
    CU_ASSERT_TRUE(l->p2m_pages * 512 >= l->nr_pages);
}

static void test_many_layouts(void)
{
    unsigned built = 0, refused = 0;

    srandom(4);
    for (unsigned round = 0; round < 400; round++) {
        struct kernel k = linux_like((uint64_t)random() % (40 << 20) + 1);
        uint64_t initrd = random() % 2 ? (uint64_t)random() % (20 << 20) : 0;
        uint64_t pages = 256 + (uint64_t)random() % (round % 8 ? 30000 : 2000000);
        struct layout l;
        int rc;

        if (random() % 3 == 0)
            k.notes = 0;
        if (random() % 3 == 0)
            k.mod_start_pfn = false;
        if (random() % 4 == 0) { // low, sharing page tables with the P2M
            k.virt_base = 0x40000000;
            k.init_p2m = 0x7fc0000000;
        }
        rc = layout_plan(&l, &k, initrd, pages);
        if (rc) {
            CU_ASSERT_EQUAL(rc, -ENOMEM);
            CU_ASSERT_TRUE(l.least > pages);
            refused++;
            continue;
        }
        built++;
        check_order(&l);
        check_tables(&l);
    }
    CU_ASSERT_TRUE(built > 150 && refused > 20);
}

// The smallest guest that is said to do, does; one that is smaller by a few page tables may.
static void test_least(void)
{
    struct kernel k = linux_like(1 << 20);
    struct layout l;
    uint64_t least;

    CU_ASSERT_EQUAL(layout_plan(&l, &k, 5000, 4400), -ENOMEM);
    least = l.least;
    CU_ASSERT_EQUAL(layout_plan(&l, &k, 5000, least), 0);
    check_order(&l);
    check_tables(&l);
    CU_ASSERT_EQUAL(l.nr_pages, least);
    CU_ASSERT_EQUAL(layout_plan(&l, &k, 5000, least - 8), -ENOMEM);
}

static int plan_at(uint64_t base, uint64_t p2m)
{
    struct kernel k = linux_like(1 << 20);
    struct layout l;

    k.virt_base = base;
    k.init_p2m = p2m;
    return layout_plan(&l, &k, 0, 65536);
}

static void test_addresses_not_the_guests(void)
{
    CU_ASSERT_EQUAL(plan_at(BASE, 0x8000000000), 0);
    CU_ASSERT_EQUAL(plan_at(0xffff880000000000, 0x8000000000), 0);
    CU_ASSERT_EQUAL(plan_at(BASE, BASE + 0x100000), -EINVAL);            // in the kernel
    CU_ASSERT_EQUAL(plan_at(BASE, BASE - 0x1000), -EINVAL);              // reaches into it
    CU_ASSERT_EQUAL(plan_at(BASE, 0xffff800000000000), -EINVAL);         // the hypervisor's
    CU_ASSERT_EQUAL(plan_at(0xffff87ffffff0000, 0x1000), -EINVAL);       // begins in it
    CU_ASSERT_EQUAL(plan_at(0x7ffffffff000, 0x8000000000), -EINVAL);     // not canonical
    CU_ASSERT_EQUAL(plan_at(BASE, 0x800000000000), -EINVAL);             // not canonical
    CU_ASSERT_EQUAL(plan_at(0xfffffffffff00000, 0x8000000000), -EINVAL); // wraps
}

static void test_huge_requests(void)
{
    struct kernel k = linux_like(1 << 20);
    struct layout l;

    CU_ASSERT_EQUAL(layout_plan(&l, &k, UINT64_MAX - 4096, 65536), -ENOMEM);
    CU_ASSERT_EQUAL(layout_plan(&l, &k, 0, UINT64_MAX / 4096), -ENOMEM);
    k.max_paddr = UINT64_MAX - 8192;
    CU_ASSERT_EQUAL(layout_plan(&l, &k, 0, 65536), -ENOMEM);
}

// Images
// ---------------------------------------------------------------------------------------------

static char said[1000];

static int open_image(struct guest_image_source source)
{
    FILE *messages = fmemopen(said, sizeof(said), "w");
    struct guest_image *image;
    int rc;

    if (!source.memory_kib)
        source.memory_kib = 65536;
    rc = guest_image_open(&source, messages, &image);
    fclose(messages);
    CU_ASSERT_EQUAL(!rc, image != NULL);
    guest_image_free(image);
    return rc;
}

#define SAYS(words) CU_ASSERT_PTR_NOT_NULL(strstr(said, words))

static char good_path[64], text_path[64];

static void write_file(char *path, const void *data, size_t len)
{
    FILE *f;

    strcpy(path, "/tmp/vellum-test-XXXXXX");
    f = fdopen(mkstemp(path), "wb");
    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    CU_ASSERT_EQUAL(fwrite(data, 1, len, f), len);
    fclose(f);
}

static void make_files(void)
{
    static struct elf_maker m;

    maker_init(&m);
    maker_number(&m, XEN_ELFNOTE_VIRT_BASE, BASE);
    maker_text(&m, XEN_ELFNOTE_GUEST_OS, "test");
    write_file(good_path, &m, MAKER_FILE_SIZE);
    write_file(text_path, "hello\n", 6);
}

static void test_images(void)
{
    char cmdline[1025];

    make_files();
    CU_ASSERT_EQUAL(open_image((struct guest_image_source){.kernel = good_path}), 0);
    CU_ASSERT_STRING_EQUAL(said, "");
    CU_ASSERT_EQUAL(open_image((struct guest_image_source){.kernel = "/nowhere/vmlinuz"}), -ENOENT);
    SAYS("/nowhere/vmlinuz: cannot be opened: No such file");
    CU_ASSERT_EQUAL(open_image((struct guest_image_source){.kernel = "/tmp"}), -EINVAL);
    SAYS("not a regular file");
    CU_ASSERT_EQUAL(open_image((struct guest_image_source){.kernel = text_path}), -ENOEXEC);
    SAYS(text_path);
    SAYS("neither a bzImage nor an ELF file");
    CU_ASSERT_EQUAL(open_image((struct guest_image_source){.kernel = "/dev/null"}), -EINVAL);
    CU_ASSERT_EQUAL(
        open_image((struct guest_image_source){.kernel = good_path, .ramdisk = "/nowhere/initrd"}),
        -ENOENT);
    SAYS("/nowhere/initrd");
    CU_ASSERT_EQUAL(
        open_image((struct guest_image_source){.kernel = good_path, .ramdisk = text_path}), 0);
    CU_ASSERT_EQUAL(
        open_image((struct guest_image_source){.kernel = good_path, .memory_kib = 1024}), -ENOSPC);
    SAYS("memory = 1 MB is too little");
    SAYS("set memory to more than");
    memset(cmdline, 'x', 1024);
    cmdline[1024] = '\0';
    CU_ASSERT_EQUAL(
        open_image((struct guest_image_source){.kernel = good_path, .cmdline = cmdline}), -E2BIG);
    SAYS("1024 characters, and a guest takes at most 1023");
    cmdline[1023] = '\0';
    CU_ASSERT_EQUAL(
        open_image((struct guest_image_source){.kernel = good_path, .cmdline = cmdline}), 0);
    unlink(good_path);
    unlink(text_path);
}

int main(void)
{
    static CU_TestInfo tests[] = {
        {"many layouts", test_many_layouts},
        {"the smallest guest", test_least},
        {"addresses that are not the guest's", test_addresses_not_the_guests},
        {"huge requests", test_huge_requests},
        {"images", test_images},
        CU_TEST_INFO_NULL,
    };

    return run_suite("builder: layout", tests);
}
