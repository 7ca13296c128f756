// Multiboot 2 (GRUB on BIOS and UEFI): Multiboot2 Specification 2.0, section 3.6.
#include "boot/boot_info.h"
#include "lib/bits.h"
#include "mm/layout.h"

#define MULTIBOOT2_MAGIC 0x36d76289

enum mb2_tag_type {
    TAG_END = 0,
    TAG_CMDLINE = 1,
    TAG_LOADER = 2,
    TAG_MODULE = 3,
    TAG_MMAP = 6,
    TAG_FRAMEBUFFER = 8,
    TAG_EFI64 = 12,
    TAG_ACPI_OLD = 14,
    TAG_ACPI_NEW = 15,
};

struct mb2_tag {
    uint32_t type, size;
};

struct mb2_module {
    struct mb2_tag tag;
    uint32_t start, end;
    char cmdline[];
};

struct mb2_mmap {
    struct mb2_tag tag;
    uint32_t entry_size, entry_version;
};

struct mb2_mmap_entry {
    uint64_t addr, len;
    uint32_t type, reserved;
};

struct mb2_framebuffer {
    struct mb2_tag tag;
    uint64_t addr;
    uint32_t pitch, width, height;
    uint8_t bpp, type;
    uint16_t reserved;
    uint8_t red_pos, red_size, green_pos, green_size, blue_pos, blue_size;
};

static void parse_mmap(const struct mb2_mmap *m)
{
    const char *p = (const char *)(m + 1), *end = (const char *)m + m->tag.size;

    if (m->entry_size < sizeof(struct mb2_mmap_entry))
        return;
    for (; p + sizeof(struct mb2_mmap_entry) <= end; p += m->entry_size) {
        const struct mb2_mmap_entry *e = (const void *)p;

        boot_add_e820(e->addr, e->len, e->type);
    }
}

static void parse_framebuffer(const struct mb2_framebuffer *f)
{
    boot_info.framebuffer = (struct boot_framebuffer){
        .present = true,
        .text = f->type == 2,
        .address = f->addr,
        .pitch = f->pitch,
        .width = f->width,
        .height = f->height,
        .bpp = f->bpp,
        .red_pos = f->red_pos,
        .red_size = f->red_size,
        .green_pos = f->green_pos,
        .green_size = f->green_size,
        .blue_pos = f->blue_pos,
        .blue_size = f->blue_size,
    };
}

static void parse_tag(const struct mb2_tag *t)
{
    const struct mb2_module *m = (const void *)t;

    switch (t->type) {
    case TAG_CMDLINE:
        boot_set_cmdline((const char *)(t + 1), false);
        break;
    case TAG_LOADER:
        boot_info.loader = (const char *)(t + 1);
        break;
    case TAG_MODULE:
        boot_add_module(m->start, m->end, m->cmdline);
        break;
    case TAG_MMAP:
        parse_mmap((const void *)t);
        break;
    case TAG_FRAMEBUFFER:
        parse_framebuffer((const void *)t);
        break;
    case TAG_EFI64:
        boot_info.efi = true;
        boot_info.rsdp_maddr = efi_find_rsdp(*(const uint64_t *)(t + 1));
        break;
    case TAG_ACPI_OLD:
    case TAG_ACPI_NEW: // the newer has the 64-bit table address: it wins
        if (!boot_info.rsdp || t->type == TAG_ACPI_NEW) {
            boot_info.rsdp = t + 1;
            boot_info.rsdp_bytes = t->size - sizeof(*t);
        }
        break;
    }
}

bool multiboot2_parse(uint32_t magic, uint32_t addr)
{
    const struct {
        uint32_t total, reserved;
    } *info = maddr_to_virt(addr);
    uint32_t at = 8;

    if (magic != MULTIBOOT2_MAGIC)
        return false;
    boot_info.loader = "Multiboot 2";
    boot_info.info_start = addr;
    boot_info.info_end = (uint64_t)addr + info->total;
    while (at + sizeof(struct mb2_tag) <= info->total) {
        const struct mb2_tag *t = maddr_to_virt((uint64_t)addr + at);

        if (t->type == TAG_END || t->size < sizeof(*t))
            break;
        parse_tag(t);
        at += ROUND_UP(t->size, 8u);
    }
    return true;
}
