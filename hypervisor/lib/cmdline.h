// The hypervisor's boot options. Each is registered where its variable lives, by one line:
//
//     static unsigned opt_maxcpus = MAX_CPUS;
//     CMDLINE_UINT("maxcpus", opt_maxcpus, "use at most this many CPUs");
//
// which puts a description into a section that the linker makes an array of.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum cmdline_type {
    CMDLINE_TYPE_BOOL,   // name, no-name, name=on|off|yes|no|true|false|enable|disable|1|0
    CMDLINE_TYPE_UINT,   // decimal, hexadecimal after 0x, octal after 0
    CMDLINE_TYPE_SIZE,   // the same, then B, K, M, G or T; without one of them it is KB, as in Xen
    CMDLINE_TYPE_STRING, // all that fits in the array, end included
    CMDLINE_TYPE_CUSTOM, // what the function takes
};

struct cmdline_option {
    const char *name;
    const char *help;
    union {
        bool *flag;
        unsigned *number;
        uint64_t *size;
        char *text;
        // Gets the value, "" if there is none, "no" for no-name. Returns 0, or -errno for one that
        // it does not like. Is called again each time that the line is parsed.
        int (*parse)(const char *value);
    } to;
    uint32_t text_size;
    enum cmdline_type type;
};

// What cmdline_parse() found wrong. Any may be NULL.
struct cmdline_report {
    // nearest is the known name that looks most like it, or NULL.
    void (*unknown)(const char *name, const char *nearest);
    // An option of Xen's that has no meaning here.
    void (*inapplicable)(const char *name);
    // The variable keeps what it was.
    void (*bad_value)(const struct cmdline_option *option, const char *value);
};

// Applies every option in the line: words between blanks, of which single or double quotes may
// enclose any part. Where a name is given twice the last wins; '-' and '_' in names are the same.
// report may be NULL.
void cmdline_parse(const char *line, const struct cmdline_report *report);

// For CMDLINE_CUSTOM parsers: a number or a size, in bytes, at the beginning of the text. *end is
// left behind it, or at text if there is none or it exceeds 64 bits.
uint64_t cmdline_parse_number(const char *text, const char **end);
uint64_t cmdline_parse_size(const char *text, const char **end);

#define CMDLINE_BOOL(name, var, help)  CMDLINE_OPTION(BOOL, name, help, .to.flag = &(var))
#define CMDLINE_UINT(name, var, help)  CMDLINE_OPTION(UINT, name, help, .to.number = &(var))
#define CMDLINE_SIZE(name, var, help)  CMDLINE_OPTION(SIZE, name, help, .to.size = &(var))
#define CMDLINE_CUSTOM(name, fn, help) CMDLINE_OPTION(CUSTOM, name, help, .to.parse = (fn))
#define CMDLINE_STRING(name, array, help) \
    CMDLINE_OPTION(STRING, name, help, .to.text = (array), .text_size = sizeof(array))

// The explicit alignment keeps the compiler from raising it, which would tear holes in the array.
#define CMDLINE_OPTION(kind, opt_name, opt_help, ...)                     \
    static const struct cmdline_option CMDLINE_UNIQUE(__COUNTER__)        \
        __attribute__((used, section("cmdline_options"), aligned(8))) = { \
            .name = (opt_name), .help = (opt_help), .type = CMDLINE_TYPE_##kind, __VA_ARGS__}
#define CMDLINE_UNIQUE(n)  CMDLINE_UNIQUE_(n)
#define CMDLINE_UNIQUE_(n) cmdline_option_##n

// All options, from the linker.
extern const struct cmdline_option __start_cmdline_options[], __stop_cmdline_options[];

// The names of Xen 4.17's options, each ended by a NUL, the list by an empty one.
extern const char cmdline_xen_options[];
