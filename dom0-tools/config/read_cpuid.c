// cpuid: "host,avx2=0,..." or ["7,0:ebx=0xxxxxxx...", ...].
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/cpuid.h"
#include "config/nearest.h"
#include "config/reader.h"
#include "pv-abi/arch-x86/cpufeatureset.h"

#define KEY      "cpuid"
#define NAME_MAX 24

const struct cpuid_place cpuid_places[CPUID_WORDS] = {
    {1, 0, 3}, {1, 0, 2},          {0x80000001, 0, 3}, {0x80000001, 0, 2}, {0xd, 1, 0},
    {7, 0, 1}, {7, 0, 2},          {0x80000007, 0, 3}, {0x80000008, 0, 1}, {7, 0, 3},
    {7, 1, 0}, {0x80000021, 0, 0}, {7, 1, 1},          {7, 2, 3},          {7, 1, 2},
    {7, 1, 3}, {0, 0, 0},          {0, 0, 0},          {0x80000021, 0, 2},
};
const char *const cpuid_registers[4] = {"eax", "ebx", "ecx", "edx"};

struct feature {
    unsigned char word, bit;
    const char *name;
};

// The ABI's names, then other names that xl has for some of them.
static const struct feature features[] = {
#define FEATURE(word, bit, name) {word, bit, #name},
    XEN_X86_FEATURE_LIST(FEATURE)
#undef FEATURE
        {0, 8, "cmpxchg8"},
    {0, 11, "sysenter"},
    {0, 19, "clfsh"},
    {0, 29, "tm"},
    {1, 7, "est"},
    {1, 13, "cmpxchg16"},
    {1, 25, "aes"},
    {2, 25, "fxsr_opt"},
    {2, 31, "3dnow"},
    {3, 10, "ibs"},
    {3, 19, "nodeid_msr"},
    {5, 1, "tsc_adjust"},
    {7, 8, "invtsc"},
    {9, 26, "ibrsb"},
    {10, 10, "fzrm"},
    {3, 0, "lahfsahf"},
    {3, 2, "svm"},
    {3, 4, "altmovcr8"},
    {3, 1, "cmplegacy"},
    {4, 2, "xgetbv1"},
};
#define FEATURES (sizeof(features) / sizeof(features[0]))

// Values of CPUID that are no features: xl lets them be chosen.
static const char *const values[] = {
    "maxleaf", "family",  "model",     "stepping",  "localapicid", "proccount",
    "clflush", "brandid", "nc",        "maxhvleaf", "procpkg",     "apicidsize",
    "vendor",  "arat",    "extfamily", "perfctr",   "intelpsn",    "psn",
};

const char *cpuid_feature_name(unsigned word, unsigned bit, char buffer[32])
{
    for (size_t i = 0; i < FEATURES; i++)
        if (features[i].word == word && features[i].bit == bit)
            return features[i].name;
    snprintf(buffer, 32, "bit %u of word %u", bit, word);
    return buffer;
}

bool cpuid_is_chosen(const struct cpuid_choice *choice)
{
    for (unsigned i = 0; i < CPUID_WORDS; i++)
        if (choice->hide[i] | choice->need[i])
            return true;
    return false;
}

// Letters and digits alone, in lower case: "SSE4_1", "sse4-1" and "sse4.1" are one.
static void plain(char to[NAME_MAX], const char *name, size_t len)
{
    size_t n = 0;

    for (size_t i = 0; i < len && n < NAME_MAX - 1; i++)
        if (isalnum((unsigned char)name[i]))
            to[n++] = (char)tolower((unsigned char)name[i]);
    to[n] = '\0';
}

static const struct feature *find(const char *name)
{
    char known[NAME_MAX];

    for (size_t i = 0; i < FEATURES; i++) {
        plain(known, features[i].name, strlen(features[i].name));
        if (!strcmp(known, name) && cpuid_places[features[i].word].leaf)
            return &features[i];
    }
    return NULL;
}

static const char *nearest(const char *name)
{
    static char known[FEATURES][NAME_MAX];
    const char *names[FEATURES];
    size_t count = 0;

    for (size_t i = 0; i < FEATURES; i++) {
        if (!cpuid_places[features[i].word].leaf)
            continue;
        plain(known[count], features[i].name, strlen(features[i].name));
        names[count] = known[count];
        count++;
    }
    return config_nearest(name, names, count);
}

static void unknown(struct config_reader *r, const struct config_place *place, const char *name)
{
    const char *near = nearest(name);

    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
        if (!strcmp(values[i], name)) {
            config_error(r->messages, place, KEY,
                         "%s is no feature of a processor, and only features can be chosen", name);
            return;
        }
    if (near)
        config_error(r->messages, place, KEY, "there is no feature '%s'; did you mean '%s'?", name,
                     near);
    else
        config_error(r->messages, place, KEY, "there is no feature '%s'", name);
}

// Takes in what one bit is to be. False if that is no such letter.
static bool choose(struct cpuid_choice *choice, unsigned word, unsigned bit, char what)
{
    choice->hide[word] &= ~(1u << bit);
    choice->need[word] &= ~(1u << bit);
    if (what == '0')
        choice->hide[word] |= 1u << bit;
    if (what == '1')
        choice->need[word] |= 1u << bit;
    return what && strchr("01xks", what); // the last three: as it is without
}

static void read_one(struct config_reader *r, const struct config_place *place, const char *text,
                     size_t len)
{
    const char *equals = memchr(text, '=', len);
    const struct feature *feature;
    char name[NAME_MAX];

    if (!equals || equals + 2 != text + len) {
        config_error(r->messages, place, KEY,
                     "\"%.*s\" is not of the form FEATURE=0 (to hide it), =1 (to insist on it) or "
                     "=x (to leave it)",
                     (int)len, text);
        return;
    }
    plain(name, text, (size_t)(equals - text));
    feature = find(name);
    if (!feature)
        unknown(r, place, name);
    else if (!choose(&r->config->cpuid, feature->word, feature->bit, equals[1]))
        config_error(r->messages, place, KEY, "%s can be 0, 1, x, k or s, not '%c'", name,
                     equals[1]);
}

static void read_names(struct config_reader *r, const struct config_value *value)
{
    const char *at = value->text;
    size_t len = strcspn(at, ",");

    if (len != 4 || strncmp(at, "host", 4)) {
        config_error(r->messages, &value->place, KEY,
                     "must begin with \"host\": host,FEATURE=0,...");
        return;
    }
    while (at[len]) {
        at += len + 1;
        len = strcspn(at, ",");
        read_one(r, &value->place, at, len);
    }
}

static int word_at(uint32_t leaf, uint32_t subleaf, unsigned reg)
{
    for (int i = 0; i < CPUID_WORDS; i++)
        if (cpuid_places[i].leaf && cpuid_places[i].leaf == leaf &&
            cpuid_places[i].subleaf == subleaf && cpuid_places[i].reg == reg)
            return i;
    return -1;
}

// "ebx=" and 32 letters, from bit 31 to bit 0. False if it is wrong, which has been said.
static bool read_register(struct config_reader *r, const struct config_place *place, uint32_t leaf,
                          uint32_t subleaf, const char *text)
{
    size_t len = strcspn(text, ",");
    unsigned reg = 0;
    int word;

    while (reg < 4 && strncmp(text, cpuid_registers[reg], 3))
        reg++;
    if (reg == 4 || text[3] != '=' || len != 4 + 32 || strspn(text + 4, "01xks") < 32) {
        config_error(r->messages, place, KEY,
                     "\"%.*s\" is no register (eax, ebx, ecx, edx), '=', and 32 of 0, 1, x, k, s",
                     (int)len, text);
        return false;
    }
    word = word_at(leaf, subleaf, reg);
    for (unsigned i = 0; i < 32; i++) {
        char what = text[4 + i];

        if (word >= 0)
            choose(&r->config->cpuid, (unsigned)word, 31 - i, what);
        else if (what == '0' || what == '1') {
            config_error(r->messages, place, KEY,
                         "leaf %#x, %u has no features in %s, and only features can be chosen",
                         leaf, subleaf, cpuid_registers[reg]);
            return false;
        }
    }
    return true;
}

static void read_leaf(struct config_reader *r, const struct config_value *item)
{
    const char *text = config_item_text(r, KEY, item);
    char *end;
    uint32_t leaf, subleaf = 0;

    if (!text)
        return;
    leaf = (uint32_t)strtoul(text, &end, 0);
    if (end != text && *end == ',')
        subleaf = (uint32_t)strtoul(end + 1, &end, 0);
    if (end == text || *end != ':') {
        config_error(r->messages, &item->place, KEY,
                     "\"%s\" is not of the form LEAF:REGISTER=BITS,... or LEAF,SUBLEAF:...", text);
        return;
    }
    while (*end && read_register(r, &item->place, leaf, subleaf, end + 1))
        end += 1 + strcspn(end + 1, ",");
}

void config_read_cpuid(struct config_reader *r)
{
    struct config_setting *setting = config_take(r->settings, KEY);

    if (!setting)
        return;
    if (setting->value->kind != CONFIG_LIST) {
        read_names(r, setting->value);
        return;
    }
    for (size_t i = 0; i < setting->value->count; i++)
        read_leaf(r, setting->value->items[i]);
}
