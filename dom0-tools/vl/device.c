#include "vl/device.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vl/vl.h"

struct domain_config *vl_read_device(const char *key, int count, char **words)
{
    // what a domain's configuration must have besides is of no interest
    const char *overrides[] = {"name=\"-\"", "type=\"pv\"", "kernel=\"-\"", "memory=4", NULL};
    struct domain_config *config = NULL;
    size_t length = strlen(key) + sizeof("=['']");
    char *text;

    for (int i = 0; i < count; i++)
        length += strlen(words[i]) + 1;
    text = vl_alloc(length);
    strcat(strcpy(text, key), "=['");
    for (int i = 0; i < count; i++) {
        if (strchr(words[i], '\''))
            vl_misused("%s: a quotation mark in a device's specification", words[i]);
        strcat(strcat(text, i ? "," : ""), words[i]);
    }
    strcat(text, "']");
    overrides[4] = text;
    if (domain_config_load(NULL, overrides, 5, false, stderr, &config))
        config = NULL;
    free(text);
    return config;
}
