// Multiboot 1 (QEMU's -kernel, GRUB's `multiboot`): Multiboot Specification 0.6.96, section 3.3.
#include "boot/boot_info.h"
#include "mm/layout.h"

#define MULTIBOOT1_MAGIC 0x2badb002

#define INFO_MEMORY  (1u << 0)
#define INFO_CMDLINE (1u << 2)
#define INFO_MODULES (1u << 3)
#define INFO_MMAP    (1u << 6)
#define INFO_LOADER  (1u << 9)

struct mb1_info {
    uint32_t flags;
    uint32_t mem_lower, mem_upper; // kB
    uint32_t boot_device;
    uint32_t cmdline;
    uint32_t mods_count, mods_addr;
    uint32_t syms[4];
    uint32_t mmap_length, mmap_addr;
    uint32_t drives_length, drives_addr;
    uint32_t config_table;
    uint32_t boot_loader_name;
};

struct mb1_module {
    uint32_t start, end, cmdline, reserved;
};

struct mb1_mmap {
    uint32_t size; // of what follows
    uint64_t addr, len;
    uint32_t type;
} __attribute__((packed));

static void parse_mmap(const struct mb1_info *info)
{
    uint32_t at = 0;

    while (at + sizeof(struct mb1_mmap) <= info->mmap_length) {
        const struct mb1_mmap *e = maddr_to_virt(info->mmap_addr + at);

        boot_add_e820(e->addr, e->len, e->type);
        at += e->size + (uint32_t)sizeof(e->size);
    }
}

bool multiboot1_parse(uint32_t magic, uint32_t addr)
{
    const struct mb1_info *info = maddr_to_virt(addr);

    if (magic != MULTIBOOT1_MAGIC)
        return false;
    boot_info.loader = "Multiboot 1";
    boot_info.info_start = addr;
    boot_info.info_end = addr + sizeof(*info);
    if (info->flags & INFO_CMDLINE)
        boot_set_cmdline(maddr_to_virt(info->cmdline), true);
    if (info->flags & INFO_MODULES) {
        const struct mb1_module *m = maddr_to_virt(info->mods_addr);

        for (uint32_t i = 0; i < info->mods_count; i++)
            boot_add_module(m[i].start, m[i].end, maddr_to_virt(m[i].cmdline));
    }
    if (info->flags & INFO_MMAP) {
        parse_mmap(info);
    } else if (info->flags & INFO_MEMORY) {
        boot_add_e820(0, (uint64_t)info->mem_lower << 10, 1);
        boot_add_e820(1 << 20, (uint64_t)info->mem_upper << 10, 1);
    }
    return true;
}
