#include "boot/boot_info.h"

#include "lib/string.h"

struct boot_info boot_info;

void boot_set_cmdline(const char *line, bool skip_first_word)
{
    while (*line == ' ')
        line++;
    if (skip_first_word)
        while (*line && *line != ' ')
            line++;
    while (*line == ' ')
        line++;
    strlcpy(boot_info.cmdline, line, sizeof(boot_info.cmdline));
}

void boot_add_e820(uint64_t start, uint64_t bytes, uint32_t type)
{
    if (boot_info.nr_e820 < BOOT_MAX_E820 && bytes)
        boot_info.e820[boot_info.nr_e820++] = (struct boot_e820){start, bytes, type};
}

void boot_add_module(uint64_t start, uint64_t end, const char *cmdline)
{
    struct boot_module *m;

    if (boot_info.nr_modules == BOOT_MAX_MODULES || end <= start)
        return;
    m = &boot_info.modules[boot_info.nr_modules++];
    m->start = start;
    m->end = end;
    strlcpy(m->cmdline, cmdline, sizeof(m->cmdline));
}
