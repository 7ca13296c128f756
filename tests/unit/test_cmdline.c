// The parser of the boot options.
//
// sources: hypervisor/lib/cmdline.c hypervisor/lib/cmdline_xen.c
#include <CUnit/Basic.h>
#include <stdio.h>
#include <string.h>

#include "lib/cmdline.h"
#include "lib/errno.h"
#include "tests/suite.h"

static bool flag, noreboot;
static unsigned number;
static uint64_t size;
static char text[8], console[32];
static char custom[32];
static unsigned customs;

static int parse_custom(const char *value)
{
    customs++;
    if (!strcmp(value, "bad"))
        return -EINVAL;
    snprintf(custom, sizeof(custom), "%s", value);
    return 0;
}

CMDLINE_BOOL("a_flag", flag, "");
CMDLINE_BOOL("noreboot", noreboot, "");
CMDLINE_UINT("number", number, "");
CMDLINE_SIZE("size", size, "");
CMDLINE_STRING("text", text, "");
CMDLINE_STRING("console", console, "");
CMDLINE_CUSTOM("custom", parse_custom, "");

static char report[256];

static void note_unknown(const char *name, const char *nearest)
{
    size_t n = strlen(report);

    snprintf(report + n, sizeof(report) - n, "?%s>%s;", name, nearest ? nearest : "");
}

static void note_inapplicable(const char *name)
{
    size_t n = strlen(report);

    snprintf(report + n, sizeof(report) - n, "-%s;", name);
}

static void note_bad_value(const struct cmdline_option *option, const char *value)
{
    size_t n = strlen(report);

    snprintf(report + n, sizeof(report) - n, "!%s=%s;", option->name, value);
}

// Parses the line and returns what was found wrong with it.
static const char *parse(const char *line)
{
    static const struct cmdline_report callbacks = {note_unknown, note_inapplicable,
                                                    note_bad_value};

    flag = noreboot = false;
    number = 7;
    size = 7;
    strcpy(text, "was");
    strcpy(console, "was");
    strcpy(custom, "was");
    customs = 0;
    report[0] = '\0';
    cmdline_parse(line, &callbacks);
    return report;
}

#define FINE(line)           CU_ASSERT_STRING_EQUAL(parse(line), "")
#define REPORTED(line, what) CU_ASSERT_STRING_EQUAL(parse(line), what)

static void test_blanks(void)
{
    FINE("");
    FINE("  \t\n ");
    FINE(" \n number=3\ta_flag \r\n");
    CU_ASSERT(number == 3 && flag);
    cmdline_parse("nonsense number=x acpi=off number=4", NULL);
    CU_ASSERT_EQUAL(number, 4);
}

static void test_bool(void)
{
    static const char *const words[] = {"no",   "yes",     "off",    "on", "false",
                                        "true", "disable", "enable", "0",  "1"};
    char line[32];

    FINE("a_flag");
    CU_ASSERT(flag);
    FINE("a_flag no-a_flag");
    CU_ASSERT_FALSE(flag);
    FINE("a-flag");
    CU_ASSERT(flag);
    for (unsigned i = 0; i < 10; i++) {
        snprintf(line, sizeof(line), "%sa_flag a_flag=%s", i & 1 ? "no-" : "", words[i]);
        FINE(line);
        CU_ASSERT_EQUAL(flag, i & 1);
    }
    FINE("noreboot");
    CU_ASSERT(noreboot);
    FINE("noreboot no-noreboot");
    CU_ASSERT_FALSE(noreboot);
    REPORTED("a_flag=maybe", "!a_flag=maybe;");
    REPORTED("a_flag=", "!a_flag=;");
    REPORTED("a_flag no-a_flag=yes", "!a_flag=no-a_flag;");
    CU_ASSERT(flag);
}

static void test_number(void)
{
    FINE("number=42");
    CU_ASSERT_EQUAL(number, 42);
    FINE("number=0");
    CU_ASSERT_EQUAL(number, 0);
    FINE("number=0xfFfFffff");
    CU_ASSERT_EQUAL(number, ~0u);
    FINE("number=0777");
    CU_ASSERT_EQUAL(number, 0777);
    FINE("number=1 number=2");
    CU_ASSERT_EQUAL(number, 2);
    REPORTED("number=4294967296", "!number=4294967296;");
    REPORTED("number=99999999999999999999", "!number=99999999999999999999;");
    REPORTED("number=", "!number=;");
    REPORTED("number", "!number=;");
    REPORTED("no-number", "!number=no-number;");
    REPORTED("number=0x", "!number=0x;");
    REPORTED("number=08", "!number=08;");
    REPORTED("number=12a", "!number=12a;");
    REPORTED("number=-1", "!number=-1;");
    REPORTED("number= 5", "!number=;?5>;");
    CU_ASSERT_EQUAL(number, 7);
}

static void test_size(void)
{
    static const struct {
        const char *line;
        uint64_t bytes;
    } sizes[] = {
        {"size=3", 3 << 10},
        {"size=3b", 3},
        {"size=3B", 3},
        {"size=3k", 3 << 10},
        {"size=512M", 512 << 20},
        {"size=2G", 2ull << 30},
        {"size=16383T", 16383ull << 40},
        {"size=16777215t", 16777215ull << 40},
        {"size=0x10m", 16 << 20},
        {"size=0", 0},
    };

    for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        FINE(sizes[i].line);
        CU_ASSERT_EQUAL(size, sizes[i].bytes);
    }
    REPORTED("size=16777216T", "!size=16777216T;");
    REPORTED("size=18014398509481984", "!size=18014398509481984;");
    REPORTED("size=1GB", "!size=1GB;");
    REPORTED("size=M", "!size=M;");
    REPORTED("size", "!size=;");
    CU_ASSERT_EQUAL(size, 7);
}

static void test_readers(void)
{
    const char *end, *line = "512M,max:1G";

    CU_ASSERT_EQUAL(cmdline_parse_size(line, &end), 512 << 20);
    CU_ASSERT_PTR_EQUAL(end, line + 4);
    CU_ASSERT_EQUAL(cmdline_parse_number("0x10z", &end), 16);
    CU_ASSERT_EQUAL(*end, 'z');
    line = "max";
    CU_ASSERT_EQUAL(cmdline_parse_size(line, &end), 0);
    CU_ASSERT_PTR_EQUAL(end, line);
}

static void test_text(void)
{
    FINE("text=abc");
    CU_ASSERT_STRING_EQUAL(text, "abc");
    FINE("text=");
    CU_ASSERT_STRING_EQUAL(text, "");
    FINE("text=a=b");
    CU_ASSERT_STRING_EQUAL(text, "a=b");
    FINE("text=1234567");
    CU_ASSERT_STRING_EQUAL(text, "1234567");
    REPORTED("text=12345678", "!text=12345678;");
    CU_ASSERT_STRING_EQUAL(text, "was");
    REPORTED("text", "!text=;");
    REPORTED("no-text", "!text=no-text;");
}

static void test_quotes(void)
{
    FINE("text=\"a b\" a_flag");
    CU_ASSERT_STRING_EQUAL(text, "a b");
    CU_ASSERT(flag);
    FINE("\"text=a b\"");
    CU_ASSERT_STRING_EQUAL(text, "a b");
    FINE("text='a \"b'");
    CU_ASSERT_STRING_EQUAL(text, "a \"b");
    FINE("te\"xt=a\"'b'");
    CU_ASSERT_STRING_EQUAL(text, "ab");
    FINE("text=\"never");
    CU_ASSERT_STRING_EQUAL(text, "never");
}

static void test_custom(void)
{
    FINE("custom=x,y");
    CU_ASSERT_STRING_EQUAL(custom, "x,y");
    FINE("custom");
    CU_ASSERT_STRING_EQUAL(custom, "");
    FINE("no-custom");
    CU_ASSERT_STRING_EQUAL(custom, "no");
    FINE("custom=a custom=b");
    CU_ASSERT(customs == 2 && !strcmp(custom, "b"));
    REPORTED("custom=bad", "!custom=bad;");
    REPORTED("no-custom=x", "!custom=no-custom;");
}

static void test_unknown(void)
{
    REPORTED("consle=com1", "?consle>console;");
    REPORTED("cnosole=com1", "?cnosole>console;");
    REPORTED("consoles", "?consoles>console;");
    REPORTED("nmuber=3 size=4", "?nmuber>number;");
    CU_ASSERT_EQUAL(size, 4096);
    REPORTED("noreboto", "?noreboto>noreboot;");
    REPORTED("no-a_flog", "?no-a_flog>a_flag;");
    REPORTED("Console", "?Console>console;");
    REPORTED("rhubarb", "?rhubarb>;");
    REPORTED("x", "?x>;");
    REPORTED("=", "?>;");
    REPORTED("--", "?-->;");
}

static void test_xen_options(void)
{
    REPORTED("placeholder no-real-mode edd=off", "-placeholder;-real-mode;-edd;");
    REPORTED("ucode=scan smt=0 no-xpti", "-ucode;-smt;-xpti;");
    REPORTED("ivrs_ioapic[4]=00:14.0", "-ivrs_ioapic[4];");
    REPORTED("xsm", "-xsm;");
    FINE("console=vga"); // Xen has it too, but so have we
    CU_ASSERT_STRING_EQUAL(console, "vga");
}

static void test_long_words(void)
{
    char line[1000];

    memset(line, 'n', sizeof(line));
    line[sizeof(line) - 1] = '\0';
    parse(line);
    CU_ASSERT_EQUAL(report[0], '?');
    memcpy(line, "text=", 5);
    parse(line);
    CU_ASSERT_NSTRING_EQUAL(report, "!text=", 6);
    memcpy(line + 990, " a_flag", 8);
    parse(line);
    CU_ASSERT(flag);
}

int main(void)
{
    static CU_TestInfo tests[] = {
        {"blanks", test_blanks},
        {"switches", test_bool},
        {"numbers", test_number},
        {"sizes", test_size},
        {"readers for custom parsers", test_readers},
        {"texts", test_text},
        {"quotes", test_quotes},
        {"custom options", test_custom},
        {"unknown names", test_unknown},
        {"options of Xen's", test_xen_options},
        {"long words", test_long_words},
        CU_TEST_INFO_NULL,
    };

    return run_suite("cmdline", tests);
}
