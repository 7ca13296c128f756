// PVH and HVM guests: where things lie, what the guest is told of them (start info, ACPI), and the
// state that it starts in; of layouts by themselves, and of a guest that is built into a made-up
// machine.
//
// sources: dom0-tools/builder/*.c dom0-tools/control/grant_seed.c dom0-tools/control/hvm.c
// sources: tests/tools/pvh_machine.c
// libraries: -lz -llzma -lzstd
#include <CUnit/Basic.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "builder/acpi.h"
#include "builder/builder.h"
#include "builder/pvh_layout.h"
#include "builder/pvh_vcpu.h"
#include "pv-abi/elfnote.h"
#include "pv-abi/grant_table.h"
#include "pv-abi/hvm/hvm_info_table.h"
#include "pv-abi/hvm/params.h"
#include "pv-abi/hvm/save.h"
#include "pv-abi/hvm/start_info.h"
#include "tests/suite.h"
#include "tests/tools/pvh_machine.h"
#include "tests/unit/elf_maker.h"

#define PAGE  4096ul
#define MIB   (1ul << 20)
#define ENTRY 0x100010

// Layouts
// ---------------------------------------------------------------------------------------------

static void check_layout(uint64_t kernel, uint64_t kernel_bytes, uint64_t initrd, uint64_t pages)
{
    struct kernel k = {.min_paddr = kernel, .max_paddr = kernel + kernel_bytes};
    struct pvh_range map[PVH_MAP_MAX];
    struct pvh_layout l;
    uint64_t ram = 0, end = 0;

    CU_ASSERT_EQUAL_FATAL(pvh_layout_plan(&l, &k, initrd, pages, false), 0);
    CU_ASSERT(l.kernel * PAGE <= kernel && l.info * PAGE >= k.max_paddr && l.initrd > l.info);
    CU_ASSERT(l.initrd_pages * PAGE >= initrd && l.end == l.initrd + l.initrd_pages);
    CU_ASSERT(l.end <= l.low_pages && l.least <= pages);
    for (unsigned i = 0, n = pvh_memory_map(&l, map); i < n; i++) {
        CU_ASSERT(map[i].start >= end); // in order, and apart
        end = map[i].start + map[i].size;
        if (map[i].type == XEN_HVM_MEMMAP_TYPE_RAM)
            ram += map[i].size;
    }
    CU_ASSERT_EQUAL(ram, pages * PAGE);
}

// Of a PC: no memory where video memory is, and start info and BIOS behind the loader.
static void test_pc_layouts(void)
{
    struct kernel k = {.min_paddr = MIB, .max_paddr = MIB + 0x33f40};
    struct pvh_range map[PVH_MAP_MAX];
    struct pvh_layout l;

    CU_ASSERT_EQUAL(pvh_layout_plan(&l, &k, 256 * 1024, 12288, true), 0);
    CU_ASSERT_EQUAL(pvh_layout_frames(&l), 12288 - 32 + 16);
    CU_ASSERT_EQUAL_FATAL(pvh_memory_map(&l, map), 1);
    CU_ASSERT(map[0].start == MIB && map[0].size == 47 * MIB);
    CU_ASSERT_EQUAL(pvh_layout_plan(&l, &k, 256 * 1024, PVH_HOLE_FRAME + 5, true), 0);
    CU_ASSERT_EQUAL_FATAL(pvh_memory_map(&l, map), 2);
    CU_ASSERT(map[1].start == 4096 * MIB && map[1].size == 5 * PAGE);
    CU_ASSERT_EQUAL(pvh_layout_plan(&l, &k, 256 * 1024, 256 + 0x34 + 64, true), -ENOMEM);
    CU_ASSERT_EQUAL(pvh_layout_plan(&l, &k, 256 * 1024, 256 + 0x34 + 65, true), 0);
}

static void test_layouts(void)
{
    struct kernel k = {.min_paddr = MIB, .max_paddr = 2 * MIB};
    struct pvh_layout l;

    check_layout(MIB, 100, 0, 1024);
    check_layout(16 * MIB, 40 * MIB + 1, 3 * MIB + 5, 65536);
    check_layout(16 * MIB, 40 * MIB, 3 * MIB, PVH_HOLE_FRAME);
    check_layout(16 * MIB, 40 * MIB, 3 * MIB, PVH_HOLE_FRAME + 1);
    check_layout(16 * MIB, 40 * MIB, 3000 * MIB, 1ul << 32);
    // A page too little, and just enough.
    CU_ASSERT_EQUAL(pvh_layout_plan(&l, &k, PAGE + 1, 512 + 1 + 2 - 1, false), -ENOMEM);
    CU_ASSERT_EQUAL(l.least, 512 + 1 + 2);
    CU_ASSERT_EQUAL(pvh_layout_plan(&l, &k, PAGE + 1, 512 + 1 + 2, false), 0);
    CU_ASSERT_EQUAL(pvh_layout_plan(&l, &k, 3840 * MIB, 1ul << 32, false), -EFBIG);
    CU_ASSERT_EQUAL(pvh_layout_plan(&l, &k, UINT64_MAX, 1ul << 32, false), -EFBIG);
}

// ACPI
// ---------------------------------------------------------------------------------------------

#define TABLES 0xfc000000ul

static uint8_t sum(const uint8_t *p, size_t n)
{
    uint8_t total = 0;

    while (n-- > 0)
        total = (uint8_t)(total + *p++);
    return total;
}

static uint64_t number(const uint8_t *p, unsigned bytes)
{
    uint64_t value = 0;

    memcpy(&value, p, bytes);
    return value;
}

// The table at a guest's address, whose length and checksum are right.
static const uint8_t *table(const uint8_t *page, uint64_t address, const char *signature)
{
    const uint8_t *t = page + (address - TABLES);

    CU_ASSERT_FATAL(address >= TABLES && address < TABLES + PAGE);
    CU_ASSERT_FATAL(address - TABLES + number(t + 4, 4) <= PAGE);
    CU_ASSERT_EQUAL(memcmp(t, signature, 4), 0);
    CU_ASSERT_EQUAL(sum(t, number(t + 4, 4)), 0);
    return t;
}

static void check_madt(const uint8_t *t, unsigned vcpus, unsigned max_vcpus)
{
    CU_ASSERT_EQUAL(number(t + 4, 4), 44 + 8 * max_vcpus);
    CU_ASSERT_EQUAL(number(t + 36, 4), 0xfee00000);
    for (unsigned i = 0; i < max_vcpus; i++) {
        const uint8_t *entry = t + 44 + 8 * i;

        CU_ASSERT(entry[0] == 0 && entry[1] == 8 && entry[2] == i && entry[3] == 2 * i);
        CU_ASSERT_EQUAL(number(entry + 4, 4), i < vcpus);
    }
}

static void check_acpi(unsigned vcpus, unsigned max_vcpus)
{
    uint8_t page[PAGE];
    size_t used = acpi_write(page, TABLES, vcpus, max_vcpus);
    const uint8_t *xsdt, *fadt;

    CU_ASSERT_FATAL(used <= PAGE);
    CU_ASSERT_EQUAL(memcmp(page, "RSD PTR ", 8), 0);
    CU_ASSERT(sum(page, 20) == 0 && sum(page, 36) == 0 && page[15] == 2);
    xsdt = table(page, number(page + 24, 8), "XSDT");
    CU_ASSERT_EQUAL(number(xsdt + 4, 4), 36 + 2 * 8);
    fadt = table(page, number(xsdt + 36, 8), "FACP");
    CU_ASSERT(number(fadt + 112, 4) >> 20 & 1); // hardware-reduced
    CU_ASSERT_EQUAL(number(fadt + 40, 4), number(fadt + 140, 8));
    table(page, number(fadt + 140, 8), "DSDT");
    check_madt(table(page, number(xsdt + 44, 8), "APIC"), vcpus, max_vcpus);
}

static void test_acpi(void)
{
    check_acpi(1, 1);
    check_acpi(2, 5);
    check_acpi(128, 128);
}

// A guest
// ---------------------------------------------------------------------------------------------

static char said[1000], kernel_path[64], ramdisk_path[64];

static void write_file(char *path, const void *data, size_t len)
{
    int fd = mkstemp(strcpy(path, "/tmp/vellum-test-XXXXXX"));

    CU_ASSERT_FATAL(fd >= 0);
    CU_ASSERT_EQUAL(write(fd, data, len), (ssize_t)len);
    close(fd);
}

static void write_kernel(uint32_t note, uint64_t entry)
{
    static struct elf_maker maker;

    maker_init(&maker);
    maker_number(&maker, note, entry);
    if (*kernel_path)
        unlink(kernel_path);
    write_file(kernel_path, &maker, MAKER_FILE_SIZE);
}

// What the tests after it work with.
static void make_files(void)
{
    write_kernel(XEN_ELFNOTE_PHYS32_ENTRY, ENTRY);
    write_file(ramdisk_path, "initrd", 6);
}

static struct guest_image *open_guest(uint64_t memory_kib)
{
    struct guest_image_source source = {.kernel = kernel_path,
                                        .ramdisk = ramdisk_path,
                                        .cmdline = "root=/dev/xvda quiet",
                                        .memory_kib = memory_kib,
                                        .kind = GUEST_PVH,
                                        .vcpus = 1,
                                        .max_vcpus = 2};
    FILE *messages = fmemopen(said, sizeof(said), "w");
    struct guest_image *image = NULL;
    int rc = guest_image_open(&source, messages, &image);

    fclose(messages);
    CU_ASSERT_EQUAL(!rc, image != NULL);
    return image;
}

static int build(struct guest_image *image, struct guest_build *result)
{
    struct guest_target target = {.domain = PVH_GUEST, .console_port = 2, .xenstore_port = 1};
    FILE *messages = fmemopen(said, sizeof(said), "w");
    int rc;

    said[0] = '\0';
    rc = guest_image_build(image, &target, messages, result);

    fclose(messages);
    return rc;
}

#define SAYS(words) CU_ASSERT_PTR_NOT_NULL(strstr(said, words))

static void check_start_info(uint64_t address, unsigned entries)
{
    const uint8_t *page = pvh_machine_page(address / PAGE);
    struct hvm_start_info info;
    struct hvm_modlist_entry module;

    memcpy(&info, page + address % PAGE, sizeof(info));
    CU_ASSERT(info.magic == XEN_HVM_START_MAGIC_VALUE && info.version == 1 && info.flags == 0);
    CU_ASSERT_EQUAL(info.rsdp_paddr, PVH_ACPI_FRAME * PAGE);
    CU_ASSERT_EQUAL(info.memmap_entries, entries);
    CU_ASSERT_EQUAL_FATAL(info.nr_modules, 1);
    CU_ASSERT_STRING_EQUAL((const char *)page + info.cmdline_paddr % PAGE, "root=/dev/xvda quiet");
    memcpy(&module, page + info.modlist_paddr % PAGE, sizeof(module));
    CU_ASSERT_EQUAL(module.size, 6);
    CU_ASSERT_EQUAL(memcmp((const uint8_t *)pvh_machine_page(module.paddr / PAGE), "initrd", 6), 0);
}

// The records that were set: in order, whole, and of each vCPU what must be.
static struct hvm_hw_cpu check_context(void)
{
    struct hvm_hw_cpu cpu = {0};
    struct hvm_hw_mtrr mtrr;
    struct hvm_save_descriptor d = {HVM_SAVE_CODE(END), 0, 0};
    unsigned mtrrs = 0, cpus = 0;
    uint32_t at = 0;

    while (at + sizeof(d) <= pvh_machine.context_len) {
        memcpy(&d, pvh_machine.context + at, sizeof(d));
        CU_ASSERT(at || d.typecode == HVM_SAVE_CODE(HEADER));
        at += (uint32_t)sizeof(d);
        CU_ASSERT_FATAL(d.length <= pvh_machine.context_len - at);
        if (d.typecode == HVM_SAVE_CODE(MTRR)) {
            memcpy(&mtrr, pvh_machine.context + at, sizeof(mtrr));
            CU_ASSERT(d.instance == mtrrs++ && mtrr.msr_mtrr_def_type == (6 | 1 << 11));
            CU_ASSERT_EQUAL(mtrr.msr_mtrr_cap, 0x5a5a5a5a5a5a5a5a);
        }
        if (d.typecode == HVM_SAVE_CODE(CPU) && !cpus++)
            memcpy(&cpu, pvh_machine.context + at, sizeof(cpu));
        at += d.length;
    }
    CU_ASSERT(at == pvh_machine.context_len && d.typecode == HVM_SAVE_CODE(END) && mtrrs == 2 &&
              cpus == 1);
    return cpu;
}

static void check_grants(void)
{
    const struct grant_entry_v1 *table;

    CU_ASSERT(!pvh_machine_has(pvh_machine.grants_at)); // not shown any more
    table = pvh_machine_grants();
    CU_ASSERT_EQUAL(table[GNTTAB_RESERVED_CONSOLE].frame,
                    pvh_machine.params[HVM_PARAM_CONSOLE_PFN]);
    CU_ASSERT_EQUAL(table[GNTTAB_RESERVED_XENSTORE].frame, pvh_machine.params[HVM_PARAM_STORE_PFN]);
    CU_ASSERT_EQUAL(table[GNTTAB_RESERVED_XENSTORE].flags, GTF_permit_access);
}

static void test_built(void)
{
    struct guest_image *image;
    struct guest_build result = {0};
    struct hvm_hw_cpu cpu;
    const uint32_t *identity;

    pvh_machine_reset(16384);
    image = open_guest(5 * 1024 + 4); // not in pieces of 2 MB
    CU_ASSERT_PTR_NOT_NULL_FATAL(image);
    CU_ASSERT_EQUAL_FATAL(build(image, &result), 0);
    CU_ASSERT_STRING_EQUAL(said, "");
    CU_ASSERT_EQUAL(pvh_machine.claimed, 0);
    CU_ASSERT_EQUAL(pvh_machine.frames, 1281 + PVH_ACPI_PAGES + PVH_SPECIAL_PAGES);
    CU_ASSERT(result.console_mfn == pvh_machine.params[HVM_PARAM_CONSOLE_PFN] &&
              pvh_machine_has(result.console_mfn));
    CU_ASSERT(result.xenstore_mfn == pvh_machine.params[HVM_PARAM_STORE_PFN] &&
              pvh_machine_has(result.xenstore_mfn));
    CU_ASSERT(pvh_machine.params[HVM_PARAM_STORE_EVTCHN] == 1 &&
              pvh_machine.params[HVM_PARAM_CONSOLE_EVTCHN] == 2);
    identity = pvh_machine_page(pvh_machine.params[HVM_PARAM_IDENT_PT] / PAGE);
    CU_ASSERT(identity[0] == 0xe7 && identity[1023] == 0xffc000e7);
    cpu = check_context();
    CU_ASSERT(cpu.rip == ENTRY && cpu.cr0 == 0x11 && cpu.rflags == 2 && cpu.cs_arbytes == 0xc9b);
    CU_ASSERT(cpu.ss_arbytes == 0xc93 && cpu.tr_arbytes == 0x8b && cpu.cs_limit == UINT32_MAX);
    check_start_info(cpu.rbx, pvh_machine.map_entries);
    CU_ASSERT_EQUAL(memcmp(pvh_machine_page(PVH_ACPI_FRAME), "RSD PTR ", 8), 0);
    CU_ASSERT_EQUAL(*(const uint8_t *)pvh_machine_page(MIB / PAGE),
                    0x90); // the kernel's text, and its data
    CU_ASSERT_EQUAL(*(const uint8_t *)pvh_machine_page(MIB / PAGE + 1), 0xda);
    check_grants();
    guest_image_free(image);
}

// As hvmloader is: an ELF file for 32 bits, without notes.
static void write_firmware(uint32_t entry, uint32_t paddr)
{
    struct {
        Elf32_Ehdr header;
        Elf32_Phdr text;
        uint8_t bytes[64];
    } file = {
        .header = {.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS32, ELFDATA2LSB, EV_CURRENT},
                   .e_type = ET_EXEC,
                   .e_machine = EM_386,
                   .e_entry = entry,
                   .e_phoff = sizeof(Elf32_Ehdr),
                   .e_phentsize = sizeof(Elf32_Phdr),
                   .e_phnum = 1},
        .text = {.p_type = PT_LOAD, .p_paddr = paddr, .p_filesz = 64, .p_memsz = 0x1800},
        .bytes = {0xfa, 0xf4},
    };

    file.text.p_offset = (uint32_t)((uint8_t *)file.bytes - (uint8_t *)&file);
    unlink(kernel_path);
    write_file(kernel_path, &file, sizeof(file));
}

static struct guest_image *open_pc(uint64_t memory_kib)
{
    struct guest_image_source source = {.kind = GUEST_HVM,
                                        .kernel = kernel_path,
                                        .ramdisk = ramdisk_path,
                                        .memory_kib = memory_kib,
                                        .vcpus = 2,
                                        .max_vcpus = 3,
                                        .apic = true,
                                        .hpet = true};
    FILE *messages = fmemopen(said, sizeof(said), "w");
    struct guest_image *image = NULL;

    guest_image_open(&source, messages, &image);
    fclose(messages);
    return image;
}

static void check_pc_info(uint64_t start_info)
{
    const uint8_t *page = pvh_machine_page(start_info / PAGE);
    struct hvm_start_info start;
    struct hvm_modlist_entry module;
    struct hvm_info_table info;

    memcpy(&start, page, sizeof(start));
    CU_ASSERT(start.magic == XEN_HVM_START_MAGIC_VALUE && start.nr_modules == 1);
    CU_ASSERT_EQUAL(start.rsdp_paddr, 0);
    memcpy(&module, page + start.modlist_paddr % PAGE, sizeof(module));
    CU_ASSERT_STRING_EQUAL((const char *)page + module.cmdline_paddr % PAGE, "firmware");
    CU_ASSERT_EQUAL(memcmp((const uint8_t *)pvh_machine_page(module.paddr / PAGE), "initrd", 6), 0);
    memcpy(&info, (const uint8_t *)pvh_machine_page(HVM_INFO_PFN) + HVM_INFO_OFFSET, sizeof(info));
    CU_ASSERT(!memcmp(info.signature, "HVM INFO", 8) && info.length == sizeof(info));
    CU_ASSERT_EQUAL(sum((const uint8_t *)&info, sizeof(info)), 0);
    CU_ASSERT(info.apic_mode == 1 && info.nr_vcpus == 3 && info.vcpu_online[0] == 3);
    CU_ASSERT(info.low_mem_pgend == 2048 && !info.high_mem_pgend);
    CU_ASSERT_EQUAL(info.reserved_mem_pgstart, HVM_SPECIAL_FRAME);
}

static void test_pc_built(void)
{
    struct guest_build result = {0};
    struct guest_image *image;
    struct hvm_hw_cpu cpu;
    const uint64_t *params = pvh_machine.params;

    write_firmware(ENTRY, MIB);
    pvh_machine_reset(16384);
    image = open_pc(8 * 1024);
    CU_ASSERT_PTR_NOT_NULL_FATAL(image);
    CU_ASSERT_EQUAL_FATAL(build(image, &result), 0);
    CU_ASSERT_STRING_EQUAL(said, "");
    CU_ASSERT_EQUAL(pvh_machine.frames, 2048 - 32 + 16);
    CU_ASSERT(pvh_machine_has(0x9f) && !pvh_machine_has(0xa0) && !pvh_machine_has(0xbf));
    CU_ASSERT(pvh_machine_has(0xc0) && !pvh_machine_has(PVH_ACPI_FRAME));
    for (uint64_t i = 0; i < params[HVM_PARAM_NR_IOREQ_SERVER_PAGES]; i++)
        CU_ASSERT(pvh_machine_has(params[HVM_PARAM_IOREQ_SERVER_PFN] + i));
    CU_ASSERT_EQUAL(params[HVM_PARAM_NR_IOREQ_SERVER_PAGES], 8);
    CU_ASSERT(pvh_machine_has(params[HVM_PARAM_IOREQ_PFN]) &&
              pvh_machine_has(params[HVM_PARAM_BUFIOREQ_PFN]));
    CU_ASSERT(params[HVM_PARAM_STORE_PFN] == result.xenstore_mfn &&
              params[HVM_PARAM_CONSOLE_PFN] == result.console_mfn);
    CU_ASSERT_EQUAL(params[HVM_PARAM_HPET_ENABLED], 1);
    CU_ASSERT_EQUAL(((const uint32_t *)pvh_machine_page(params[HVM_PARAM_IDENT_PT] / PAGE))[1],
                    0x4000e7);
    cpu = check_context();
    CU_ASSERT(cpu.rip == ENTRY && cpu.cr0 == 0x11);
    CU_ASSERT_EQUAL(*(const uint8_t *)pvh_machine_page(MIB / PAGE), 0xfa);
    check_pc_info(cpu.rbx);
    check_grants();
    guest_image_free(image);
}

static void no_pc(uint32_t entry, uint32_t paddr, uint64_t memory_kib, const char *words)
{
    write_firmware(entry, paddr);
    CU_ASSERT_PTR_NULL(open_pc(memory_kib));
    SAYS(words);
}

static void test_bad_firmware(void)
{
    no_pc(ENTRY, MIB - 0x1000, 8192, "its segments do not lie above 1 MB");
    no_pc(0x200000, MIB, 8192, "its PVH entry is not inside it");
    no_pc(ENTRY, 0xfffff000, 8192, "its segments do not lie below 4 GB");
    no_pc(ENTRY, MIB, 1024, "memory = 1 MB is too little");
    CU_ASSERT_PTR_NULL(open_guest(8192)); // what is firmware is no kernel
    SAYS("a 32-bit kernel; only 64-bit guests can be built");
    write_kernel(XEN_ELFNOTE_PHYS32_ENTRY, ENTRY);
    CU_ASSERT_PTR_NULL(open_pc(8192));
    SAYS("no 32-bit x86 executable");
}

static void fails(unsigned most, const char *refuse, int error, const char *words)
{
    struct guest_image *image = open_guest(8 * 1024);
    struct guest_build result;

    pvh_machine_reset(most);
    pvh_machine.refuse = refuse;
    CU_ASSERT_PTR_NOT_NULL_FATAL(image);
    CU_ASSERT_EQUAL(build(image, &result), error);
    SAYS(words);
    CU_ASSERT_EQUAL(pvh_machine.claimed, 0);
    guest_image_free(image);
}

static void test_failures(void)
{
    fails(2047, NULL, -ENOMEM, "it wants 8 MB, and 7 MB are free");
    fails(2050, NULL, -ENOMEM, "no memory for the guest"); // not enough for the special pages
    fails(4096, "map", -EINVAL, "its memory cannot be filled");
    fails(4096, "param", -EPERM, "its HVM parameters are refused");
    fails(4096, "grants", -ENOSYS, "its grant table cannot be filled");
    fails(4096, "context", -EINVAL, "its vCPUs cannot be set up");
}

static void no_guest(uint32_t note, uint64_t entry, uint64_t memory_kib, const char *words)
{
    write_kernel(note, entry);
    CU_ASSERT_PTR_NULL(open_guest(memory_kib));
    SAYS(words);
}

static void test_bad_kernels(void)
{
    no_guest(XEN_ELFNOTE_ENTRY, ENTRY, 8192, "no ELF note PHYS32_ENTRY: not made for PVH");
    no_guest(XEN_ELFNOTE_PHYS32_ENTRY, 0x90000, 8192, "its PVH entry is not inside it");
    no_guest(XEN_ELFNOTE_PHYS32_ENTRY, 0x200000, 8192, "its PVH entry is not inside it");
    no_guest(XEN_ELFNOTE_PHYS32_ENTRY, ENTRY, 1024, "memory = 1 MB is too little");
    write_kernel(XEN_ELFNOTE_PHYS32_ENTRY, ENTRY);
}

// What the hypervisor says is not trusted to make sense.
static void test_bad_context(void)
{
    uint8_t good[1024], out[PVH_STREAM_MAX(1024)];
    uint32_t n = pvh_machine_context(good);

    CU_ASSERT(pvh_vcpu_records(good, n, ENTRY, 0, out) > 0);
    CU_ASSERT_EQUAL(pvh_vcpu_records(good, 0, ENTRY, 0, out), -EIO);
    for (uint32_t cut = 1; cut < n; cut++)
        CU_ASSERT_EQUAL(pvh_vcpu_records(good, cut, ENTRY, 0, out), -EIO);
}

int main(void)
{
    static CU_TestInfo tests[] = {
        {"files", make_files},
        {"layouts", test_layouts},
        {"layouts of a PC", test_pc_layouts},
        {"ACPI tables", test_acpi},
        {"built", test_built},
        {"each step fails", test_failures},
        {"bad kernels", test_bad_kernels},
        {"bad context", test_bad_context},
        {"a PC is built", test_pc_built},
        {"bad firmware", test_bad_firmware},
        CU_TEST_INFO_NULL,
    };
    int failed;

    failed = run_suite("PVH guests", tests);
    unlink(kernel_path);
    unlink(ramdisk_path);
    return failed;
}
