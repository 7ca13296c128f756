// The boot options, of all types.
//
// sources: hypervisor/lib/cmdline.c hypervisor/lib/cmdline_xen.c
#include <stdlib.h>
#include <string.h>

#include "lib/cmdline.h"
#include "lib/errno.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool flag;
static unsigned number;
static uint64_t bytes;
static char text[8];

static int parse_sizes(const char *value)
{
    const char *end;

    cmdline_parse_size(value, &end);
    return end == value || strlen(end) > 10 ? -EINVAL : 0;
}

CMDLINE_BOOL("f", flag, "");
CMDLINE_BOOL("console_to_ring", flag, "");
CMDLINE_UINT("n", number, "");
CMDLINE_SIZE("s", bytes, "");
CMDLINE_STRING("t", text, "");
CMDLINE_CUSTOM("c", parse_sizes, "");

static void unknown(const char *name, const char *nearest)
{
    if (nearest && !strcmp(name, nearest))
        abort(); // known after all
}

static void inapplicable(const char *name)
{
    if (!*name)
        abort();
}

static void bad_value(const struct cmdline_option *option, const char *value)
{
    if (strlen(value) > 300 || !option->name)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct cmdline_report report = {unknown, inapplicable, bad_value};
    char *line = malloc(size + 1);

    memcpy(line, data, size);
    line[size] = '\0';
    cmdline_parse(line, &report);
    cmdline_parse(line, NULL);
    if (!memchr(text, 0, sizeof(text)))
        abort();
    free(line);
    return 0;
}
