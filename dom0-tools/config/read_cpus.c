// vcpus, maxvcpus, cpus, cpus_soft, cpu_weight, cap.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/reader.h"

#define PVH_MOST_VCPUS 128 // the ids of their local APICs are even, and have 8 bits

static void read_counts(struct config_reader *r)
{
    int64_t online = 0, most = 0;

    config_read_number(r, "vcpus", 0, DOMAIN_MAX_VCPUS, &online);
    config_read_number(r, "maxvcpus", 1, DOMAIN_MAX_VCPUS, &most);
    online = online ? online : 1; // xl reads vcpus=0 as "not given"
    most = most ? most : online;
    if (online > most) {
        struct config_place place = config_place_of(r, "maxvcpus");
        config_error(r->messages, &place, "maxvcpus", "%d is less than vcpus, which is %d",
                     (int)most, (int)online);
    }
    if (r->config->type != DOMAIN_TYPE_PV && most > PVH_MOST_VCPUS) {
        struct config_place place = config_place_of(r, "maxvcpus");
        config_error(r->messages, &place, "maxvcpus", "%d: %s guest has at most %d vCPUs",
                     (int)most, r->config->type == DOMAIN_TYPE_PVH ? "a PVH" : "an HVM",
                     PVH_MOST_VCPUS);
    }
    r->config->vcpus = (unsigned)online;
    r->config->max_vcpus = (unsigned)most;
}

static void check_list(struct config_reader *r, const char *key, const struct config_place *place,
                       const char *text)
{
    char *why;

    if (cpu_list_parse(text, NULL, NULL, 0, &why))
        config_error(r->messages, place, key, "\"%s\": %s", text, why ? why : "not understood");
    free(why);
}

static void read_affinity(struct config_reader *r, const char *key, struct domain_affinity *out)
{
    struct config_setting *setting = config_take(r->settings, key);

    if (!setting)
        return;
    const struct config_value *value = setting->value;
    out->every = value->kind != CONFIG_LIST;
    out->count = out->every ? 1 : value->count;
    out->lists = config_alloc(r->memory, out->count * sizeof(*out->lists));
    for (size_t i = 0; i < out->count; i++) {
        const struct config_value *item = out->every ? value : value->items[i];
        const char *text = config_item_text(r, key, item);
        out->lists[i] = config_strdup(r->memory, text ? text : "all");
        if (text)
            check_list(r, key, &item->place, text);
    }
    if (out->count > r->config->max_vcpus) {
        config_warn(r->messages, &value->place, key,
                    "has %zu entries for %u vCPUs; the last ones have no effect", out->count,
                    r->config->max_vcpus);
        out->count = r->config->max_vcpus;
    }
}

void config_read_cpus(struct config_reader *r)
{
    int64_t number;

    read_counts(r);
    read_affinity(r, "cpus", &r->config->hard);
    read_affinity(r, "cpus_soft", &r->config->soft);
    if (config_read_number(r, "cpu_weight", 1, 65535, &number))
        r->config->weight = (unsigned)number;
    if (config_read_number(r, "cap", 0, 65535, &number))
        r->config->cap = (unsigned)number;
}

static int resolve(struct domain_config *config, struct domain_affinity *affinity, const char *key,
                   const struct cpu_topology *topology, FILE *messages)
{
    uint8_t bitmap[DOMAIN_MAX_VCPUS / 8];

    for (size_t i = 0; i < affinity->count; i++) {
        char *why;
        if (cpu_list_parse(affinity->lists[i], topology, bitmap, DOMAIN_MAX_VCPUS, &why)) {
            fprintf(messages, "%s: %s=\"%s\": %s\n", config->name, key, affinity->lists[i],
                    why ? why : "not understood");
            free(why);
            return -EINVAL;
        }
        char *text = cpu_list_format(bitmap, DOMAIN_MAX_VCPUS, 0);
        affinity->lists[i] = config_strdup(config->owned, text ? text : "all");
        free(text);
    }
    return 0;
}

int domain_config_resolve_cpus(struct domain_config *config, const struct cpu_topology *topology,
                               FILE *messages)
{
    int error = resolve(config, &config->hard, "cpus", topology, messages);

    return error ? error : resolve(config, &config->soft, "cpus_soft", topology, messages);
}
