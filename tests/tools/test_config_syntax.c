// The syntax of xl.cfg, beside Debian's libxlutil: both accept the same texts and read the same
// from them.
//
// sources: dom0-tools/config/syntax.c dom0-tools/config/memory.c dom0-tools/config/messages.c
// libraries: -lxlutil -lxenlight -lxentoollog
#include <CUnit/Basic.h>
#include <libxlutil.h>
#include <stdlib.h>
#include <string.h>

#include "config/syntax.h"
#include "tests/suite.h"

static char said[65536];
static struct config_memory *memory;

static bool ours(const char *text, size_t length, struct config_settings *settings)
{
    static struct config_messages messages;

    memory = config_memory_new();
    messages = (struct config_messages){.out = fmemopen(said, sizeof(said), "w"), .warnings = true};
    *settings = (struct config_settings){.memory = memory, .messages = &messages};
    said[0] = 0;
    config_parse(settings, "f", text, length);
    fclose(messages.out);
    return !messages.errors;
}

static XLU_Config *theirs(const char *text, size_t length, FILE *out)
{
    XLU_Config *config = xlu_cfg_init(out, "f");

    if (xlu_cfg_readdata(config, text, (int)length)) {
        xlu_cfg_destroy(config);
        return NULL;
    }
    return config;
}

static bool same_list(const struct config_value *list, const XLU_ConfigValue *value)
{
    XLU_ConfigList *items;

    if (xlu_cfg_value_type(value) != XLU_LIST ||
        xlu_cfg_value_get_list(NULL, (XLU_ConfigValue *)value, &items, 1))
        return false;
    for (size_t i = 0; i < list->count; i++) {
        XLU_ConfigValue *item = xlu_cfg_get_listitem2(items, (int)i);
        char *text;
        if (!item)
            return false;
        if (list->items[i]->kind == CONFIG_LIST) {
            if (!same_list(list->items[i], item))
                return false;
        } else if (xlu_cfg_value_get_string(NULL, item, &text, 1) ||
                   strcmp(text, list->items[i]->text)) {
            return false;
        }
    }
    return !xlu_cfg_get_listitem2(items, (int)list->count);
}

static bool same_value(const struct config_setting *setting, XLU_Config *config)
{
    const char *text;
    XLU_ConfigList *items;
    int count;

    if (setting->value->kind != CONFIG_LIST)
        return !xlu_cfg_get_string(config, setting->key, &text, 1) &&
               !strcmp(text, setting->value->text);
    if (xlu_cfg_get_list(config, setting->key, &items, &count, 1) ||
        (size_t)count != setting->value->count)
        return false;
    for (int i = 0; i < count; i++) {
        const struct config_value *item = setting->value->items[i];
        XLU_ConfigValue *other = xlu_cfg_get_listitem2(items, i);
        char *string;
        if (item->kind == CONFIG_LIST
                ? !same_list(item, other)
                : xlu_cfg_value_get_string(config, other, &string, 1) || strcmp(string, item->text))
            return false;
    }
    return true;
}

// Whether both read `text` alike. Where they may differ (syntax.h) the texts made here do not go.
static bool agree(const char *text, size_t length)
{
    struct config_settings settings;
    FILE *null = fopen("/dev/null", "w");
    bool accepted = ours(text, length, &settings);
    XLU_Config *config = theirs(text, length, null);
    bool same = accepted == (config != NULL);

    for (size_t i = 0; same && accepted && i < settings.count; i++)
        same = same_value(&settings.list[i], config);
    if (!same)
        printf("\nwe %s, xl %s:\n%.*s\nwe say: %s\n", accepted ? "accept" : "refuse",
               config ? "accepts" : "refuses", (int)length, text, said);
    if (config)
        xlu_cfg_destroy(config);
    fclose(null);
    config_memory_free(memory);
    return same;
}

// Lines, semicolons, comments.
static const char *const separators[] = {
    "", "\n", ";", " ; ;\n", "#\n", "a=1", "a=1\n", " a\t=\t1 \n", "a=1;b=2", "a=1;;b='x'#y\nc=3",
};

// Strings, numbers, keys.
static const char *const scalars[] = {
    "a='x\"y'\n", "a=\"x'y\"\n", "a='\\'\\\"\\\\\\n\\t\\a\\b\\f\\r\\v'\n",
    "a=''\n",     "a='#;=[]'\n", "a=0x1f\n",
    "a=017\n",    "a=12a\n",     "a=08\n",
    "a=x\n",      "a=-5\n",      "a=1.5\n",
    "a=True\n",   "a=\n",        "a\n",
    "a=\n1\n",    "a\n=1\n",     "=1\n",
    "1=a\n",      "A=1\n",       "aB=1\n",
    "_a=1\n",     "a-b=1\n",     "a_9=1\n",
    "a=1 b=2\n",  "a='x''y'\n",  "a='x\n",
    "a='x\n'\n",  "a='x\\q'\n",  "a='\\",
    "a='\\'\n",
};

// Lists, and what goes on after a line's end.
static const char *const lists[] = {
    "a=[]\n",
    "a=[1]\n",
    "a=[1,]\n",
    "a=[,]\n",
    "a=[1,,2]\n",
    "a=[1 2]\n",
    "a=['x',\"y\",3]\n",
    "a=[\n1\n,\n2\n,\n]\n",
    "a=[ # c\n 1, # d\n 2 ]\n",
    "a=[[1,[2]],3]\n",
    "a=[[]]\n",
    "a=[1\n",
    "a=[1;2]\n",
    "a=1]\n",
    "a=[1]]\n",
    "a=(1)\n",
    "a=\\\n1\n",
    "a=1\r\n",
};

// Adding, repeating, and what is no configuration.
static const char *const others[] = {
    "a+='x'\n",
    "a='x'\na+='y'\n",
    "a=['x']\na+=['y',['z']]\n",
    "a=['x']\na+='y'\n",
    "a='x'\na+=['y']\n",
    "a=1\na=2\n",
    "a=1\na=[2]\n",
    "a+ ='x'\n",
    "a + = 'x'\n",
    "a+=\n",
    "a='\xc3\xa9'\n",
    "\xc3\xa9=1\n",
    "a=1,2\n",
    "a='x'+'y'\n",
    "a=[1]+[2]\n",
    "a={1}\n",
    "a=\"x\"\n b=2",
    "\t\n \t \n a = 'x' ; \n",
};

static void agree_on_all(const char *const *texts, size_t count)
{
    for (size_t i = 0; i < count; i++)
        CU_ASSERT(agree(texts[i], strlen(texts[i])));
}

#define AGREE_ON(texts) agree_on_all(texts, sizeof(texts) / sizeof((texts)[0]))

static void test_texts(void)
{
    AGREE_ON(separators);
    AGREE_ON(scalars);
    AGREE_ON(lists);
    AGREE_ON(others);
}

static unsigned seed = 1;

static unsigned random_below(unsigned limit)
{
    seed = seed * 1103515245 + 12345;
    return (seed >> 16) % limit;
}

static void put_value(FILE *out, unsigned depth)
{
    static const char *const plain[] = {"'x'", "\"y z\"", "'\\n'", "''", "'#'"};

    if (depth < 3 && random_below(3) == 0) {
        fputs("[", out);
        for (unsigned n = random_below(4); n; n--) {
            put_value(out, depth + 1);
            fputs(random_below(8) ? ", " : ",\n# c\n", out);
        }
        fputs("]", out);
    } else {
        fputs(plain[random_below(5)], out);
    }
}

// Settings, and among every few of them a piece that may or may not fit. No numbers: += differs
// there.
static void put_text(FILE *out)
{
    static const char *const pieces[] = {"=", "+=",    "[", "]", ",",    "\n", ";",
                                         " ", "# c\n", "'", "a", "b=''", "[]"};
    static const char *const keys[] = {"a", "b", "key_1"};

    for (unsigned n = 1 + random_below(4); n; n--) {
        fprintf(out, "%s%s", keys[random_below(3)], random_below(3) ? " = " : "+=");
        put_value(out, 0);
        if (random_below(8) == 0)
            fputs(pieces[random_below(13)], out);
        fputs(random_below(4) ? "\n" : ";", out);
        if (random_below(8) == 0)
            fputs(pieces[random_below(13)], out);
    }
    fputs("\n", out);
}

static void test_random_texts(void)
{
    int accepted = 0;

    for (int round = 0; round < 10000; round++) {
        char *text;
        size_t length;
        struct config_settings settings;
        FILE *out = open_memstream(&text, &length);
        put_text(out);
        fclose(out);
        accepted += ours(text, length, &settings);
        config_memory_free(memory);
        bool same = agree(text, length);
        free(text);
        if (!same) {
            CU_FAIL("we and xl differ");
            break;
        }
    }
    CU_ASSERT(accepted > 2000 && accepted < 8000);
}

// libxlutil's own, when += mixes lists and strings.
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libxlutil";
}

static void refused(const char *text, const char *expected)
{
    struct config_settings settings;

    CU_ASSERT_FALSE(ours(text, strlen(text), &settings));
    if (strcmp(said, expected))
        printf("\n%s\nsaid: %s\n", text, said);
    CU_ASSERT_STRING_EQUAL(said, expected);
    config_memory_free(memory);
}

static void test_messages(void)
{
    refused("\n\nMemory=5\nb=2\n", "f:3: a key is written in small letters, not 'Memory'\n");
    refused(
        "a=1\nb=x\nc=\n",
        "f:2: 'x' stands where a value must be: a number, a list in [ ], or a string in quotes\n"
        "f:3: the end of the line stands where a value must be: a number, a list in [ ], or a "
        "string "
        "in quotes\n");
    refused("a='x", "f:1: a string has no closing ' on its line\n");
    refused("a='\\x41'",
            "f:1: a string has '\\x', which means nothing: \\a \\b \\f \\n \\r \\t \\v \\\\ \\' "
            "\\\" do; write \\\\ for a backslash\n");
    refused("a=[1,\n2\n", "f:3: the list that begins in line 1 has no ']'\n");
    refused("a=[1 b\n,2]\nc\n",
            "f:1: in a list, ',' or ']' must come before 'b'\n"
            "f:3: after the key 'c' there must be '=' or '+=', not the end of the line\n");
    refused("a=[1,\n2\nb=3\nc", "f:3: in a list, ',' or ']' must come before 'b'\n");
    refused("a=1 b=2",
            "f:1: the value of 'a' is followed by 'b'; a new line or ';' must come first\n");
    refused("a=1 \\\n",
            "f:1: the value of 'a' is followed by '\\' (lines are not continued; inside [ ] they "
            "may break anywhere); a new line or ';' must come first\n");
    refused("a=1\r\n",
            "f:1: the value of 'a' is followed by a carriage return (the file has DOS line ends: "
            "remove them with sed 's/\\r$//'); a new line or ';' must come first\n");
    refused("a=1.5", "f:1: '1' is no number; a string needs quotes\n");
    refused("a=1\na+=1", "f:2: a: += joins strings or lists; a number is set with =\n");
    refused("a='x'\na+=[]", "f:2: a: += cannot join a list and a string\n");
    refused("a-b=1", "f:1: a key consists of small letters, digits and '_', not of '-b'\n");
    refused("[1]", "f:1: '[1' stands where a key must be\n");
    refused("a=[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]",
            "f:1: lists are nested more than 16 deep\n");
}

static void test_limits(void)
{
    struct config_settings settings;
    char text[8 * (CONFIG_MAX_SETTINGS + 2)] = "";

    CU_ASSERT_FALSE(ours("a=1\0\nb=2", 9, &settings));
    CU_ASSERT_PTR_NOT_NULL(strstr(said, "a byte of value 0"));
    config_memory_free(memory);
    for (int i = 0; i < CONFIG_MAX_SETTINGS; i++)
        strcat(text, "a='x'\n");
    CU_ASSERT_TRUE(ours(text, strlen(text), &settings));
    config_memory_free(memory);
    strcat(text, "a='x'\n");
    CU_ASSERT_FALSE(ours(text, strlen(text), &settings));
    config_memory_free(memory);
    memset(text, '\n', sizeof(text));
    for (size_t i = 0; i < sizeof(text); i += 2)
        text[i] = '?';
    CU_ASSERT_FALSE(ours(text, sizeof(text), &settings));
    CU_ASSERT_PTR_NOT_NULL(strstr(said, "too many errors: giving up\n"));
    config_memory_free(memory);
}

int main(void)
{
    static CU_TestInfo tests[] = {
        {"texts, beside xl", test_texts},
        {"random texts, beside xl", test_random_texts},
        {"messages", test_messages},
        {"limits", test_limits},
        CU_TEST_INFO_NULL,
    };

    return run_suite("config syntax", tests);
}
