// Domains' configurations, from xl.cfg (with an override after a zero byte) and from JSON. What is
// accepted must go to JSON and back and come out the same.
//
// sources: dom0-tools/config/*.c dom0-tools/common/json.c
// libraries: -D_GNU_SOURCE -Idom0-tools -lyajl -luuid
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "config/domain_config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static FILE *null;

static void check_round_trip(const struct domain_config *config)
{
    struct domain_config *again;
    char *json = domain_config_to_json(config);

    if (!json)
        abort();
    if (domain_config_from_json(json, strlen(json), stderr, &again)) {
        fprintf(stderr, "does not come back: %s", json);
        abort();
    }
    char *json2 = domain_config_to_json(again);
    if (!json2 || strcmp(json, json2)) {
        fprintf(stderr, "comes back changed: %s\n%s", json, json2);
        abort();
    }
    domain_config_free(again);
    free(json2);
    free(json);
}

static void read_file(const char *text, size_t length)
{
    static const char base[] = "name='a';kernel='/k'\n";
    const char *zero = memchr(text, 0, length);
    char *word = strndup(zero ? zero + 1 : "", zero ? length - (size_t)(zero + 1 - text) : 0);
    const char *const overrides[] = {word};
    struct config_source source = {.path = "f", .overrides = overrides, .overrides_count = 1};
    struct domain_config *config;
    char *all = malloc(sizeof(base) + length);

    if (!word || !all)
        abort();
    source.length = sizeof(base) - 1 + (zero ? (size_t)(zero - text) : length);
    memcpy(all, base, sizeof(base) - 1);
    memcpy(all + sizeof(base) - 1, text, length);
    source.text = all;
    if (!domain_config_read(&source, true, null, &config)) {
        check_round_trip(config);
        domain_config_free(config);
    }
    free(all);
    free(word);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    struct domain_config *config;

    if (!null)
        null = fopen("/dev/null", "w");
    if (size && *text == '{') {
        if (!domain_config_from_json(text, size, null, &config)) {
            check_round_trip(config);
            domain_config_free(config);
        }
    } else {
        read_file(text, size);
    }
    return 0;
}
