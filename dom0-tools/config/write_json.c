#include <stdlib.h>
#include <string.h>
#include <uuid/uuid.h>

#include "common/json.h"
#include "config/cpuid.h"
#include "config/domain_config.h"
#include "config/hvm_keys.h"
#include "config/names.h"

static void flag(struct json *json, const char *key, bool value)
{
    json_string(json, key, value ? "True" : "False"); // libxl's "defbool"
}

static void optional(struct json *json, const char *key, const char *value)
{
    if (value)
        json_string(json, key, value);
}

static void write_creation(struct json *json, const struct domain_config *config)
{
    char uuid[UUID_STR_LEN];

    uuid_unparse_lower(config->uuid, uuid);
    json_map(json, "c_info");
    json_string(json, "type", domain_type_name(config->type));
    json_string(json, "name", config->name);
    json_string(json, "uuid", uuid);
    if (strcmp(config->pool, "Pool-0"))
        json_string(json, "pool_name", config->pool);
    if (config->driver_domain)
        flag(json, "driver_domain", true);
    if (config->suspend_compat)
        flag(json, "xend_suspend_evtchn_compat", true);
    json_end_map(json);
}

static void write_cpu_list(struct json *json, const char *text)
{
    uint8_t bitmap[DOMAIN_MAX_VCPUS / 8];
    char *why;

    json_array(json, NULL);
    if (!cpu_list_parse(text, NULL, bitmap, DOMAIN_MAX_VCPUS, &why))
        for (unsigned cpu = 0; cpu < DOMAIN_MAX_VCPUS; cpu++)
            if (bitmap[cpu / 8] >> cpu % 8 & 1)
                json_number(json, NULL, cpu);
    free(why);
    json_end_array(json);
}

static void write_affinity(struct json *json, const char *key,
                           const struct domain_affinity *affinity, unsigned vcpus)
{
    if (!affinity->count)
        return;
    json_array(json, key);
    for (unsigned i = 0; i < (affinity->every ? vcpus : affinity->count); i++)
        write_cpu_list(json, affinity->lists[affinity->every ? 0 : i]);
    json_end_array(json);
}

static void write_cpus(struct json *json, const struct domain_config *config)
{
    json_number(json, "max_vcpus", config->max_vcpus);
    json_array(json, "avail_vcpus");
    for (unsigned i = 0; i < config->vcpus; i++)
        json_number(json, NULL, i);
    json_end_array(json);
    write_affinity(json, "vcpu_hard_affinity", &config->hard, config->max_vcpus);
    write_affinity(json, "vcpu_soft_affinity", &config->soft, config->max_vcpus);
    json_map(json, "sched_params");
    if (config->weight != 256)
        json_number(json, "weight", config->weight);
    if (config->cap)
        json_number(json, "cap", config->cap);
    json_end_map(json);
}

static void write_limits(struct json *json, const struct domain_config *config)
{
    if (config->tsc_mode != TSC_DEFAULT)
        json_string(json, "tsc_mode", domain_tsc_mode_name(config->tsc_mode));
    if (config->time_offset)
        json_number(json, "rtc_timeoffset", (uint32_t)config->time_offset);
    if (config->localtime)
        flag(json, "localtime", true);
    if (config->nomigrate)
        flag(json, "disable_migrate", true);
    if (config->max_grant_frames >= 0)
        json_number(json, "max_grant_frames", config->max_grant_frames);
    if (config->max_maptrack_frames >= 0)
        json_number(json, "max_maptrack_frames", config->max_maptrack_frames);
    if (config->max_grant_version >= 0)
        json_number(json, "max_grant_version", config->max_grant_version);
    if (config->max_event_channels != 1023)
        json_number(json, "event_channels", config->max_event_channels);
}

static void write_hardware(struct json *json, const struct domain_config *config)
{
    if (config->ioports_count)
        json_array(json, "ioports");
    for (size_t i = 0; i < config->ioports_count; i++) {
        json_map(json, NULL);
        json_number(json, "first", config->ioports[i].first);
        json_number(json, "number", config->ioports[i].count);
        json_end_map(json);
    }
    if (config->ioports_count)
        json_end_array(json);
    if (config->irqs_count)
        json_array(json, "irqs");
    for (size_t i = 0; i < config->irqs_count; i++)
        json_number(json, NULL, config->irqs[i]);
    if (config->irqs_count)
        json_end_array(json);
    if (config->iomem_count)
        json_array(json, "iomem");
    for (size_t i = 0; i < config->iomem_count; i++) {
        json_map(json, NULL);
        json_number(json, "start", (int64_t)config->iomem[i].first_frame);
        json_number(json, "number", (int64_t)config->iomem[i].frames);
        if (config->iomem[i].guest_frame != config->iomem[i].first_frame)
            json_number(json, "gfn", (int64_t)config->iomem[i].guest_frame);
        json_end_map(json);
    }
    if (config->iomem_count)
        json_end_array(json);
}

// One map for each register that has a choice in it.
static void write_cpuid(struct json *json, const struct cpuid_choice *choice)
{
    if (!cpuid_is_chosen(choice))
        return;
    json_array(json, "cpuid");
    for (unsigned word = 0; word < CPUID_WORDS; word++) {
        char bits[33] = "";

        for (unsigned i = 0; i < 32; i++)
            bits[31 - i] = choice->hide[word] >> i & 1   ? '0'
                           : choice->need[word] >> i & 1 ? '1'
                                                         : 'x';
        if (strspn(bits, "x") == 32)
            continue;
        json_map(json, NULL);
        json_number(json, "leaf", cpuid_places[word].leaf);
        if (cpuid_places[word].leaf == 7 || cpuid_places[word].leaf == 0xd)
            json_number(json, "subleaf", cpuid_places[word].subleaf);
        json_string(json, cpuid_registers[cpuid_places[word].reg], bits);
        json_end_map(json);
    }
    json_end_array(json);
}

static void write_hvm_key(struct json *json, const struct hvm_key *k, const void *field)
{
    const struct text_list *list = field;

    switch (k->kind) {
    case HVM_BOOL:
        flag(json, k->json, *(const bool *)field);
        break;
    case HVM_CHOICE:
        json_string(json, k->json, k->names->json[*(const unsigned *)field]);
        break;
    case HVM_NUMBER:
        if (*(const int64_t *)field >= 0)
            json_number(json, k->json, *(const int64_t *)field);
        break;
    case HVM_STRING:
        optional(json, k->json, *(char *const *)field);
        break;
    case HVM_LIST:
        if (!list->count)
            break;
        json_array(json, k->json);
        for (size_t i = 0; i < list->count; i++)
            json_string(json, NULL, list->items[i]);
        json_end_array(json);
        break;
    }
}

// Those of one map, NULL being b_info itself.
static void write_hvm_keys(struct json *json, const struct hvm_config *hvm, const char *map)
{
    for (size_t i = 0; i < hvm_keys_count; i++)
        if (map ? hvm_keys[i].map && !strcmp(hvm_keys[i].map, map) : !hvm_keys[i].map)
            write_hvm_key(json, &hvm_keys[i], (const char *)hvm + hvm_keys[i].offset);
}

static void write_hvm(struct json *json, const struct hvm_config *hvm)
{
    static const char *const maps[] = {"vga", "vnc"};

    write_hvm_keys(json, hvm, "");
    for (size_t i = 0; i < sizeof(maps) / sizeof(maps[0]); i++) {
        json_map(json, maps[i]);
        write_hvm_keys(json, hvm, maps[i]);
        json_end_map(json);
    }
}

static void write_build(struct json *json, const struct domain_config *config)
{
    static const char *const kinds[] = {"type.pv", "type.pvh", "type.hvm"};

    json_map(json, "b_info");
    write_cpus(json, config);
    json_number(json, "max_memkb", (int64_t)config->max_memory_kib);
    json_number(json, "target_memkb", (int64_t)config->memory_kib);
    write_limits(json, config);
    write_hardware(json, config);
    write_cpuid(json, &config->cpuid);
    optional(json, "kernel", config->kernel);
    optional(json, "ramdisk", config->ramdisk);
    if (*config->cmdline)
        json_string(json, "cmdline", config->cmdline);
    if (config->type == DOMAIN_TYPE_HVM)
        write_hvm_keys(json, &config->hvm, NULL);
    json_map(json, kinds[config->type]);
    if (config->type == DOMAIN_TYPE_HVM)
        write_hvm(json, &config->hvm);
    json_end_map(json);
    json_end_map(json);
}

static void write_rate(struct json *json, const struct rate_config *rate)
{
    if (!rate->bytes)
        return;
    json_number(json, "rate_bytes_per_interval", (int64_t)rate->bytes);
    json_number(json, "rate_interval_usecs", rate->interval_us);
}

static void write_disk(struct json *json, const struct disk_config *disk)
{
    json_map(json, NULL);
    optional(json, "backend_domname", disk->backend_domain);
    optional(json, "pdev_path", disk->target);
    json_string(json, "vdev", disk->vdev);
    if (disk->backend_type != DISK_BACKEND_ANY)
        json_string(json, "backend", disk_backend_name(disk->backend_type));
    json_string(json, "format", disk_format_name(disk->format));
    optional(json, "script", disk->script);
    if (disk->cdrom)
        json_number(json, "removable", 1);
    if (disk->writable)
        json_number(json, "readwrite", 1);
    if (disk->cdrom)
        json_number(json, "is_cdrom", 1);
    if (disk->direct_io_safe)
        json_bool(json, "direct_io_safe", true);
    if (!disk->discard)
        flag(json, "discard_enable", false);
    if (!disk->trusted)
        flag(json, "trusted", false);
    // Not libxl's, which ignores them.
    write_rate(json, &disk->rate);
    if (disk->iops)
        json_number(json, "iops", disk->iops);
    json_end_map(json);
}

static void write_mac(struct json *json, const uint8_t mac[6])
{
    static const char digits[] = "0123456789abcdef";
    char text[] = "00:00:00:00:00:00";

    for (int i = 0; i < 6; i++) {
        text[3 * i] = digits[mac[i] >> 4];
        text[3 * i + 1] = digits[mac[i] & 15];
    }
    json_string(json, "mac", text);
}

static void write_vif(struct json *json, const struct vif_config *vif)
{
    json_map(json, NULL);
    optional(json, "backend_domname", vif->backend_domain);
    json_number(json, "devid", vif->devid);
    if (vif->mtu)
        json_number(json, "mtu", vif->mtu);
    optional(json, "model", vif->model);
    write_mac(json, vif->mac);
    optional(json, "ip", vif->ip);
    optional(json, "bridge", vif->bridge);
    optional(json, "ifname", vif->ifname);
    optional(json, "script", vif->script);
    write_rate(json, &vif->rate);
    optional(json, "gatewaydev", vif->gatewaydev);
    if (!vif->trusted)
        flag(json, "trusted", false);
    // Not libxl's, which ignores them.
    if (vif->backend_type != VIF_BACKEND_VELLUM)
        json_string(json, "backendtype", vif_backend_name(vif->backend_type));
    if (vif->own_source_only)
        flag(json, "antispoof", true);
    json_end_map(json);
}

static void write_devices(struct json *json, const struct domain_config *config)
{
    if (config->disks_count) {
        json_array(json, "disks");
        for (size_t i = 0; i < config->disks_count; i++)
            write_disk(json, &config->disks[i]);
        json_end_array(json);
    }
    if (config->vifs_count) {
        json_array(json, "nics");
        for (size_t i = 0; i < config->vifs_count; i++)
            write_vif(json, &config->vifs[i]);
        json_end_array(json);
    }
}

static void write_action(struct json *json, const char *key, enum domain_action action)
{
    if (action != ACTION_DESTROY)
        json_string(json, key, config_action_names.json[action]);
}

void domain_config_write_json(const struct domain_config *config, struct json *json,
                              const char *key)
{
    json_map(json, key);
    write_creation(json, config);
    write_build(json, config);
    write_devices(json, config);
    write_action(json, "on_poweroff", config->on_poweroff);
    write_action(json, "on_reboot", config->on_reboot);
    write_action(json, "on_watchdog", config->on_watchdog);
    write_action(json, "on_crash", config->on_crash);
    write_action(json, "on_soft_reset", config->on_soft_reset);
    json_end_map(json);
}

char *domain_config_to_json(const struct domain_config *config)
{
    struct json *json = json_new();

    domain_config_write_json(config, json, NULL);
    return json_finish(json);
}
