#include "vl/saved_config.h"

#include <stdlib.h>
#include <string.h>
#include <uuid/uuid.h>

#include "domain/userdata.h"
#include "vl/toolstack.h"

// As libxl describes domain 0.
static void write_known(struct json *json, const char *key, const struct vl_domain *domain)
{
    char uuid[UUID_STR_LEN];

    uuid_unparse_lower(domain->info.handle, uuid);
    json_map(json, key);
    json_map(json, "c_info");
    json_string(json, "type", domain->info.flags & XEN_DOMINF_hvm_guest ? "hvm" : "pv");
    json_string(json, "name", domain->name);
    json_string(json, "uuid", uuid);
    json_end_map(json);
    json_map(json, "b_info");
    json_number(json, "max_vcpus", (int64_t)domain->info.max_vcpu_id + 1);
    json_number(json, "max_memkb", (int64_t)domain->info.max_pages * 4);
    json_number(json, "target_memkb", (int64_t)domain->info.tot_pages * 4);
    json_end_map(json);
    json_end_map(json);
}

static uint64_t number_at(domid_t domain, const char *path, uint64_t otherwise)
{
    char *text = vl_store_read(domain, path);
    uint64_t number = text ? strtoull(text, NULL, 10) : otherwise;

    free(text);
    return number;
}

// With what its video card has of it.
static uint64_t memory_of(domid_t domain, uint64_t otherwise)
{
    uint64_t video = number_at(domain, "memory/videoram", 0);

    return number_at(domain, "memory/target", otherwise - video) + video;
}

void vl_write_config(struct json *json, const char *key, const struct vl_domain *domain)
{
    struct domain_config *config = NULL;

    if (!domain->info.domain || userdata_load(vl_toolstack(), domain->info.domain, &config)) {
        write_known(json, key, domain);
        return;
    }
    struct domain_config now = *config;
    now.name = domain->name;
    now.memory_kib = memory_of(domain->info.domain, config->memory_kib);
    domain_config_write_json(&now, json, key);
    domain_config_free(config);
}
