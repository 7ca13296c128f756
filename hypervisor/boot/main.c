// Bring-up, in order. Each stage says what it does before it starts.
#include "boot/boot_info.h"
#include "boot/smp_boot.h"
#include "core/console.h"
#include "core/domain.h"
#include "core/fpu.h"
#include "core/memory.h"
#include "core/pv_time.h"
#include "core/sched.h"
#include "core/timer.h"
#include "core/version.h"
#include "cpu/asm.h"
#include "cpu/desc.h"
#include "cpu/features.h"
#include "cpu/percpu.h"
#include "cpu/smp.h"
#include "cpu/traps.h"
#include "hvm/hvm.h"
#include "lib/bug.h"
#include "lib/cmdline.h"
#include "lib/log.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "mm/buddy.h"
#include "mm/init.h"
#include "mm/paging.h"
#include "mm/tlb.h"
#include "platform/acpi.h"
#include "platform/platform.h"
#include "platform/vga.h"
#include "pv-abi/vga.h"
#include "pv/cpu.h"
#include "pv/dom0.h"
#include "pv/mmu.h"

#define E820_RAM 1

#define PTE_WRITE 0x002
#define PTE_NX    (1ull << 63)

static bool opt_x2apic = true;
CMDLINE_BOOL("x2apic", opt_x2apic, "use x2APIC mode where the processor has it (default on)");

extern char image_start[], text_end[], rodata_end[], image_end[], boot_block[];
extern uint64_t boot_pml4[512], boot_l1_image[3 * 512];

__attribute__((noreturn)) void boot_main(uint32_t magic, uint32_t info);

static struct memmap ram, available;

static void early_cpu_init(void)
{
    struct cpu_info *info = (struct cpu_info *)(boot_block + STACK_BLOCK_SIZE) - 1;

    cpu_infos[0] = info;
    info->cpu = 0;
    features_init();
    features_cpu_init();
    desc_cpu_init(0, (uint64_t)boot_block + STACK_BLOCK_SIZE);
    traps_init();
    traps_cpu_init();
}

static void unknown_option(const char *name, const char *nearest)
{
    if (nearest)
        log_warn("unknown option '%s'; did you mean '%s'?\n", name, nearest);
    else
        log_warn("unknown option '%s'\n", name);
}

static void inapplicable_option(const char *name)
{
    log_info("option '%s' of Xen's does not apply to Vellum and is passed over\n", name);
}

static void bad_value(const struct cmdline_option *option, const char *value)
{
    log_warn("option '%s' cannot take '%s' (%s)\n", option->name, value, option->help);
}

static void reserve(uint64_t start, uint64_t end)
{
    if (!memmap_remove(&available, ROUND_DOWN(start, (uint64_t)PAGE_SIZE),
                       ROUND_UP(end, (uint64_t)PAGE_SIZE)))
        panic("the memory map is too fragmented\n");
}

static void memory_init(void)
{
    log_info("Memory map by %s:\n", boot_info.loader);
    for (unsigned i = 0; i < boot_info.nr_e820; i++) {
        const struct boot_e820 *e = &boot_info.e820[i];

        log_info("  %016lx - %016lx type %u\n", e->start, e->start + e->bytes, e->type);
        memory_add_machine_range(e->start, e->bytes, e->type);
        if (e->type == E820_RAM && !memmap_add(&ram, e->start, e->start + e->bytes))
            panic("the memory map is too fragmented\n");
    }
    available = ram;
    reserve((uint64_t)image_start - IMAGE_START, (uint64_t)image_end - IMAGE_START);
    reserve(boot_info.info_start, boot_info.info_end);
    for (unsigned i = 0; i < boot_info.nr_modules; i++)
        reserve(boot_info.modules[i].start, boot_info.modules[i].end);
    mm_init(&ram, &available);
}

// The image as it stays: text executable, constants readable, data writable, nothing else mapped.
static void protect_image(void)
{
    for (uint64_t va = IMAGE_START + 0x200000, i = 0; i < 3 * 512; i++, va += PAGE_SIZE) {
        if (va >= (uint64_t)image_end)
            boot_l1_image[i] = 0;
        else if (va >= (uint64_t)rodata_end)
            boot_l1_image[i] |= PTE_NX;
        else if (va >= (uint64_t)text_end)
            boot_l1_image[i] = (boot_l1_image[i] | PTE_NX) & ~(uint64_t)PTE_WRITE;
        else
            boot_l1_image[i] &= ~(uint64_t)PTE_WRITE;
    }
    boot_pml4[0] = 0; // the identity mapping
    // What was patched was patched through the direct map: nobody writes there any more.
    if (protect_pages((uint64_t)maddr_to_virt((uint64_t)image_start - IMAGE_START),
                      (size_t)(rodata_end - image_start), PTE_HV_RO))
        panic("no memory for page tables\n");
}

// What domain 0 learns of the screen: a linear framebuffer that the boot loader set up, or text
// mode.
static const void *video_info(void)
{
    static struct dom0_vga_console_info v;
    const struct boot_framebuffer *f = &boot_info.framebuffer;
    unsigned column, row;

    if (f->present && !f->text) {
        v.video_type = boot_info.efi ? XEN_VGATYPE_EFI_LFB : XEN_VGATYPE_VESA_LFB;
        v.u.vesa_lfb.width = (uint16_t)f->width;
        v.u.vesa_lfb.height = (uint16_t)f->height;
        v.u.vesa_lfb.bytes_per_line = (uint16_t)f->pitch;
        v.u.vesa_lfb.bits_per_pixel = f->bpp;
        v.u.vesa_lfb.lfb_base = (uint32_t)f->address;
        v.u.vesa_lfb.ext_lfb_base = (uint32_t)(f->address >> 32);
        v.u.vesa_lfb.lfb_size = (f->pitch * f->height + 0xffff) >> 16;
        v.u.vesa_lfb.red_pos = f->red_pos;
        v.u.vesa_lfb.red_size = f->red_size;
        v.u.vesa_lfb.green_pos = f->green_pos;
        v.u.vesa_lfb.green_size = f->green_size;
        v.u.vesa_lfb.blue_pos = f->blue_pos;
        v.u.vesa_lfb.blue_size = f->blue_size;
        return &v;
    }
    if (boot_info.efi)
        return NULL;
    vga_cursor(&column, &row);
    v.video_type = XEN_VGATYPE_TEXT_MODE_3;
    v.u.text_mode_3.font_height = 16;
    v.u.text_mode_3.rows = 25;
    v.u.text_mode_3.columns = 80;
    v.u.text_mode_3.cursor_x = (uint16_t)column;
    v.u.text_mode_3.cursor_y = (uint16_t)row;
    return &v;
}

// The first module is the kernel, with its command line behind its name; the second the initial RAM
// disk.
static void dom0_create(void)
{
    const struct boot_module *m = boot_info.modules;
    struct dom0_input in = {.video = video_info()};
    static char cmdline[BOOT_CMDLINE + 32];

    if (!boot_info.nr_modules)
        panic("no kernel for domain 0: the boot loader passed no module\n");
    in.kernel_start = m[0].start;
    in.kernel_end = m[0].end;
    in.cmdline = m[0].cmdline;
    // Multiboot 1 loaders put the module's file name first.
    if (!strncmp(boot_info.loader, "Multiboot 1", 11)) {
        while (*in.cmdline && *in.cmdline != ' ')
            in.cmdline++;
    }
    while (*in.cmdline == ' ')
        in.cmdline++;
    if (boot_info.nr_modules > 1) {
        in.initrd_start = m[1].start;
        in.initrd_end = m[1].end;
    }
    // A kernel that was not started by UEFI itself looks for ACPI in the BIOS areas only.
    if (boot_info.rsdp_maddr) {
        snprintf(cmdline, sizeof(cmdline), "%s acpi_rsdp=%#lx", in.cmdline, boot_info.rsdp_maddr);
        in.cmdline = cmdline;
    }
    dom0_build(&in);
}

static void free_boot_memory(void)
{
    for (unsigned i = 0; i < boot_info.nr_modules; i++)
        buddy_add_range(ROUND_UP(boot_info.modules[i].start, (uint64_t)PAGE_SIZE) >> PAGE_SHIFT,
                        boot_info.modules[i].end >> PAGE_SHIFT);
}

void boot_main(uint32_t magic, uint32_t info)
{
    static const struct cmdline_report report = {unknown_option, inapplicable_option, bad_value};
    bool known;

    early_cpu_init();
    known = multiboot1_parse(magic, info) || multiboot2_parse(magic, info);
    strlcpy(version_command_line, boot_info.cmdline, sizeof(version_command_line));
    cmdline_parse(boot_info.cmdline, NULL);
    console_init();
    log_info("Vellum, a hypervisor with Xen's 4.17 ABI\n");
    if (!known)
        panic("the boot loader speaks neither Multiboot 1 nor 2 (magic %#x)\n", magic);
    log_info("Command line: %s\n", boot_info.cmdline);
    cmdline_parse(boot_info.cmdline, &report);
    log_info("Processor: %s\n", cpu_features.brand);
    acpi_init(boot_info.rsdp, boot_info.rsdp_bytes);
    memory_init();
    pv_mmu_init();
    fpu_cpu_init();
    log_info("Interrupt controllers\n");
    platform_interrupts_init(opt_x2apic);
    platform_time_init();
    smp_init();
    timer_module_init();
    sched_module_init();
    if (sched_cpu_init(0))
        panic("no memory for CPU 0's scheduler\n");
    time_cpu_init();
    pv_time_init();
    domains_init();
    memory_op_init();
    pv_cpu_init();
    pv_nmi_init();
    pv_traps_init();
    smp_start_all();
    log_info("%u CPUs\n", nr_cpus);
    hvm_init();
    protect_image();
    dom0_create();
    free_boot_memory();
    console_enable_input();
    log_info("Starting domain 0. Ctrl-A three times switches input to the hypervisor.\n");
    domain_unpause(dom0);
    sched_start();
}
