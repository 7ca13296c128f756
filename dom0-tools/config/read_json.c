// libxl's JSON, turned into settings of xl.cfg, so that the same checks stand between it and a
// domain.
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <yajl/yajl_tree.h>

#include "config/hvm_keys.h"
#include "config/names.h"
#include "config/reader.h"

#define MOST_JSON  (1024 * 1024)
#define MOST_DEPTH 64

struct json_reader {
    struct config_settings *settings;
    yajl_val root;
};

// What a string inside another string's list of parameters must not have in it.
#define SEPARATORS ","

static const struct config_place in_json = {.source = "JSON"};

static yajl_val field(yajl_val node, const char *name)
{
    if (!YAJL_IS_OBJECT(node))
        return NULL;
    for (size_t i = 0; i < node->u.object.len; i++)
        if (!strcmp(node->u.object.keys[i], name))
            return node->u.object.values[i];
    return NULL;
}

static size_t length_of(yajl_val node)
{
    return YAJL_IS_ARRAY(node) ? node->u.array.len : 0;
}

static bool is_true(yajl_val node)
{
    if (YAJL_IS_STRING(node))
        return !strcmp(node->u.string, "True");
    return YAJL_IS_TRUE(node) || (YAJL_IS_INTEGER(node) && YAJL_GET_INTEGER(node));
}

static bool is_false(yajl_val node)
{
    return node && !is_true(node) && !YAJL_IS_NULL(node);
}

static struct config_value *value(struct json_reader *j, enum config_kind kind, const char *text)
{
    struct config_value *value = config_alloc(j->settings->memory, sizeof(*value));

    value->kind = kind;
    value->text = config_strdup(j->settings->memory, text);
    value->place = in_json;
    return value;
}

// A string's or a number's text, or NULL.
static const char *text_of(struct json_reader *j, yajl_val node)
{
    if (YAJL_IS_STRING(node))
        return node->u.string;
    if (YAJL_IS_INTEGER(node))
        return config_printf(j->settings->memory, "%lld", YAJL_GET_INTEGER(node));
    if (YAJL_IS_NUMBER(node))
        return node->u.number.r;
    return NULL;
}

static void copy(struct json_reader *j, yajl_val from, const char *name, const char *key)
{
    const char *text = text_of(j, field(from, name));

    if (text)
        config_add(j->settings, key, value(j, CONFIG_STRING, text));
}

static void copy_flag(struct json_reader *j, yajl_val from, const char *name, const char *key)
{
    if (is_true(field(from, name)))
        config_add(j->settings, key, value(j, CONFIG_NUMBER, "1"));
}

// KiB there, MiB here; libxl's own numbers need not be whole MiB.
static void copy_memory(struct json_reader *j, yajl_val from, const char *name, const char *key)
{
    yajl_val node = field(from, name);

    if (YAJL_IS_INTEGER(node))
        config_add(j->settings, key,
                   value(j, CONFIG_NUMBER,
                         config_printf(j->settings->memory, "%lld",
                                       (YAJL_GET_INTEGER(node) + 1023) / 1024)));
}

static void copy_action(struct json_reader *j, const char *key)
{
    const char *name = text_of(j, field(j->root, key));

    if (!name)
        name = "destroy";
    for (size_t i = 0; i < config_action_names.count; i++)
        if (!strcmp(name, config_action_names.json[i]))
            name = config_action_names.file[i];
    config_add(j->settings, key, value(j, CONFIG_STRING, name));
}

static const char *cpu_list(struct json_reader *j, yajl_val bitmap)
{
    char *list = config_strdup(j->settings->memory, "");

    for (size_t i = 0; i < length_of(bitmap); i++) {
        yajl_val cpu = bitmap->u.array.values[i];
        list = config_printf(j->settings->memory, "%s%s%lld", list, *list ? "," : "",
                             YAJL_IS_INTEGER(cpu) ? YAJL_GET_INTEGER(cpu) : -1);
    }
    return *list ? list : "all";
}

static void copy_affinity(struct json_reader *j, yajl_val from, const char *name, const char *key)
{
    yajl_val vcpus = field(from, name);
    struct config_value *list = value(j, CONFIG_LIST, "");

    for (size_t i = 0; i < length_of(vcpus); i++)
        config_append(j->settings->memory, list,
                      value(j, CONFIG_STRING, cpu_list(j, vcpus->u.array.values[i])));
    if (list->count)
        config_add(j->settings, key, list);
}

static void read_creation(struct json_reader *j)
{
    yajl_val from = field(j->root, "c_info");

    copy(j, from, "type", "type");
    copy(j, from, "name", "name");
    copy(j, from, "uuid", "uuid");
    copy(j, from, "pool_name", "pool");
    copy(j, from, "ssid_label", "seclabel");
    copy_flag(j, from, "driver_domain", "driver_domain");
    copy_flag(j, from, "xend_suspend_evtchn_compat", "xend_suspend_evtchn_compat");
}

static void read_build(struct json_reader *j)
{
    yajl_val from = field(j->root, "b_info");
    yajl_val online = field(from, "avail_vcpus");

    if (length_of(online))
        config_add(
            j->settings, "vcpus",
            value(j, CONFIG_NUMBER, config_printf(j->settings->memory, "%zu", length_of(online))));
    copy(j, from, "max_vcpus", "maxvcpus");
    copy_affinity(j, from, "vcpu_hard_affinity", "cpus");
    copy_affinity(j, from, "vcpu_soft_affinity", "cpus_soft");
    copy_memory(j, from, "max_memkb", "maxmem");
    copy_memory(j, from, "target_memkb", "memory");
    copy(j, from, "tsc_mode", "tsc_mode");
    copy_flag(j, from, "localtime", "localtime");
    copy_flag(j, from, "disable_migrate", "nomigrate");
    copy(j, from, "max_grant_frames", "max_grant_frames");
    copy(j, from, "max_maptrack_frames", "max_maptrack_frames");
    copy(j, from, "max_grant_version", "max_grant_version");
    copy(j, from, "event_channels", "max_event_channels");
    copy(j, from, "kernel", "kernel");
    copy(j, from, "ramdisk", "ramdisk");
    copy(j, from, "cmdline", "cmdline");
    copy(j, field(from, "sched_params"), "weight", "cpu_weight");
    copy(j, field(from, "sched_params"), "cap", "cap");
    if (YAJL_IS_INTEGER(field(from, "rtc_timeoffset")))
        config_add(j->settings, "rtc_timeoffset",
                   value(j, CONFIG_NUMBER,
                         config_printf(j->settings->memory, "%d",
                                       (int32_t)YAJL_GET_INTEGER(field(from, "rtc_timeoffset")))));
}

static int64_t number_of(yajl_val node, int64_t otherwise)
{
    return YAJL_IS_INTEGER(node) ? YAJL_GET_INTEGER(node) : otherwise;
}

static void read_hardware(struct json_reader *j)
{
    static const char *const lists[] = {"ioports", "irqs", "iomem"};
    struct config_memory *memory = j->settings->memory;

    for (size_t kind = 0; kind < 3; kind++) {
        yajl_val from = field(field(j->root, "b_info"), lists[kind]);
        struct config_value *list = value(j, CONFIG_LIST, "");
        for (size_t i = 0; i < length_of(from); i++) {
            yajl_val item = from->u.array.values[i];
            int64_t first = number_of(field(item, kind == 2 ? "start" : "first"), 0);
            int64_t number = number_of(field(item, "number"), 0);
            const char *text;
            if (kind == 1)
                text = config_printf(memory, "%lld", (long long)number_of(item, -1));
            else if (kind == 0)
                text = config_printf(memory, "%llx-%llx", (long long)first,
                                     (long long)(uint64_t)(first + number) - 1);
            else
                text = config_printf(memory, "%llx,%llx@%llx", (long long)first, (long long)number,
                                     (long long)number_of(field(item, "gfn"), first));
            config_append(memory, list, value(j, CONFIG_STRING, text));
        }
        if (list->count)
            config_add(j->settings, lists[kind], list);
    }
}

static void read_cpuid(struct json_reader *j)
{
    struct config_memory *memory = j->settings->memory;
    yajl_val from = field(field(j->root, "b_info"), "cpuid");
    struct config_value *list = value(j, CONFIG_LIST, "");

    for (size_t i = 0; i < length_of(from); i++) {
        yajl_val item = from->u.array.values[i];
        const char *text =
            config_printf(memory, "%lld,%lld:", (long long)number_of(field(item, "leaf"), 0),
                          (long long)number_of(field(item, "subleaf"), 0));
        const char *separator = "";

        for (unsigned reg = 0; reg < 4; reg++) {
            const char *bits = text_of(j, field(item, cpuid_registers[reg]));

            if (!bits)
                continue;
            text = config_printf(memory, "%s%s%s=%s", text, separator, cpuid_registers[reg], bits);
            separator = ",";
        }
        config_append(memory, list, value(j, CONFIG_STRING, text));
    }
    if (list->count)
        config_add(j->settings, "cpuid", list);
}

struct parameter {
    const char *json;
    const char *file;
};

// The parameters that are copied, joined with commas.
static char *join(struct json_reader *j, const char *key, yajl_val from,
                  const struct parameter *list, size_t count)
{
    char *all = config_strdup(j->settings->memory, "");

    for (size_t i = 0; i < count; i++) {
        const char *text = text_of(j, field(from, list[i].json));
        if (!text)
            continue;
        if (strpbrk(text, SEPARATORS))
            config_error(j->settings->messages, &in_json, key, "a comma in %s: \"%s\"",
                         list[i].json, text);
        all = config_printf(j->settings->memory, "%s%s=%s,", all, list[i].file, text);
    }
    return all;
}

static const char *disk_text(struct json_reader *j, yajl_val from)
{
    static const struct parameter list[] = {
        {"vdev", "vdev"},           {"format", "format"},
        {"backend", "backendtype"}, {"backend_domname", "backend"},
        {"script", "script"},       {"iops", "iops"}};
    const char *target = text_of(j, field(from, "pdev_path"));
    char *text = join(j, "disk", from, list, sizeof(list) / sizeof(list[0]));

    return config_printf(j->settings->memory, "%saccess=%s,%s%s%s%s%s%s", text,
                         is_true(field(from, "readwrite")) ? "rw" : "ro",
                         is_true(field(from, "is_cdrom")) ? "cdrom," : "",
                         is_true(field(from, "direct_io_safe")) ? "direct-io-safe," : "",
                         is_false(field(from, "discard_enable")) ? "no-discard," : "",
                         is_false(field(from, "trusted")) ? "untrusted," : "",
                         target ? "target=" : "", target ? target : "");
}

static const char *vif_text(struct json_reader *j, yajl_val from)
{
    static const struct parameter list[] = {
        {"mac", "mac"},
        {"bridge", "bridge"},
        {"gatewaydev", "gatewaydev"},
        {"model", "model"},
        {"ifname", "vifname"},
        {"script", "script"},
        {"ip", "ip"},
        {"devid", "devid"},
        {"backend_domname", "backend"},
        {"mtu", "mtu"},
        {"backendtype", "backendtype"},
    };

    return config_printf(j->settings->memory, "%s%s%s",
                         join(j, "vif", from, list, sizeof(list) / sizeof(list[0])),
                         is_false(field(from, "trusted")) ? "untrusted," : "",
                         is_true(field(from, "antispoof")) ? "antispoof" : "");
}

static void read_devices(struct json_reader *j, const char *name, const char *key,
                         const char *(*text)(struct json_reader *, yajl_val))
{
    yajl_val from = field(j->root, name);
    struct config_value *list = value(j, CONFIG_LIST, "");

    for (size_t i = 0; i < length_of(from); i++)
        config_append(j->settings->memory, list,
                      value(j, CONFIG_STRING, text(j, from->u.array.values[i])));
    if (list->count)
        config_add(j->settings, key, list);
}

// Credit per interval has no exact form in xl.cfg.
static void read_rate(yajl_val from, struct rate_config *rate)
{
    int64_t bytes = number_of(field(from, "rate_bytes_per_interval"), 0);
    int64_t interval = number_of(field(from, "rate_interval_usecs"), 0);

    if (bytes > 0 && interval > 0 && interval <= UINT32_MAX)
        *rate = (struct rate_config){(uint64_t)bytes, (uint32_t)interval};
}

static void read_rates(struct json_reader *j, struct domain_config *config)
{
    yajl_val disks = field(j->root, "disks"), nics = field(j->root, "nics");

    for (size_t i = 0; i < length_of(disks) && i < config->disks_count; i++)
        read_rate(disks->u.array.values[i], &config->disks[i].rate);
    for (size_t i = 0; i < length_of(nics) && i < config->vifs_count; i++)
        read_rate(nics->u.array.values[i], &config->vifs[i].rate);
}

static void copy_list(struct json_reader *j, yajl_val from, const char *key)
{
    struct config_value *list = value(j, CONFIG_LIST, "");

    for (size_t i = 0; i < length_of(from); i++) {
        const char *text = text_of(j, from->u.array.values[i]);

        config_append(j->settings->memory, list, value(j, CONFIG_STRING, text ? text : ""));
    }
    if (list->count)
        config_add(j->settings, key, list);
}

static void copy_choice(struct json_reader *j, yajl_val from, const struct hvm_key *k)
{
    const char *name = text_of(j, from);

    for (size_t i = 0; name && i < k->names->count; i++)
        if (!strcmp(name, k->names->json[i]))
            name = k->names->file[i];
    if (name)
        config_add(j->settings, k->key, value(j, CONFIG_STRING, name));
}

static void read_hvm(struct json_reader *j)
{
    yajl_val build = field(j->root, "b_info"), hvm = field(build, "type.hvm");

    for (size_t i = 0; hvm && i < hvm_keys_count; i++) {
        const struct hvm_key *k = &hvm_keys[i];
        yajl_val map = !k->map ? build : *k->map ? field(hvm, k->map) : hvm;
        yajl_val from = field(map, k->json);

        if (k->kind == HVM_LIST)
            copy_list(j, from, k->key);
        else if (k->kind == HVM_CHOICE)
            copy_choice(j, from, k);
        else if (k->kind != HVM_BOOL)
            copy(j, map, k->json, k->key);
        else if (from && !YAJL_IS_NULL(from))
            config_add(j->settings, k->key, value(j, CONFIG_NUMBER, is_true(from) ? "1" : "0"));
    }
}

static void refuse_foreign(struct json_reader *j)
{
    static const char *const foreign[] = {"pcidevs", "rdms",  "dtdevs",   "vfbs",     "vkbs",
                                          "virtios", "vtpms", "p9",       "p9s",      "pvcallsifs",
                                          "vdispls", "vsnds", "channels", "usbctrls", "usbdevs"};

    for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++)
        if (length_of(field(j->root, foreign[i])))
            config_error(j->settings->messages, &in_json, foreign[i],
                         "cannot be had: Vellum has no back end for such devices");
}

static void read_root(struct json_reader *j)
{
    read_creation(j);
    read_build(j);
    read_hardware(j);
    read_cpuid(j);
    read_hvm(j);
    read_devices(j, "disks", "disk", disk_text);
    read_devices(j, "nics", "vif", vif_text);
    for (size_t i = 0; i < 5; i++) {
        static const char *const keys[] = {"on_poweroff", "on_reboot", "on_watchdog", "on_crash",
                                           "on_soft_reset"};
        copy_action(j, keys[i]);
    }
    refuse_foreign(j);
}

// libyajl walks a tree by recursion.
static bool too_deep(const char *json, size_t length)
{
    int depth = 0;
    bool string = false;

    for (size_t i = 0; i < length; i++) {
        if (json[i] == '"')
            string = !string;
        else if (string && json[i] == '\\')
            i++;
        else if (!string && (json[i] == '[' || json[i] == '{') && ++depth > MOST_DEPTH)
            return true;
        else if (!string && (json[i] == ']' || json[i] == '}'))
            depth--;
    }
    return false;
}

static yajl_val parse(const char *json, size_t length, struct config_memory *memory,
                      struct config_messages *messages)
{
    char why[256] = "larger than 1 MiB or nested too deeply";
    yajl_val root = NULL;

    if (length <= MOST_JSON && !too_deep(json, length)) {
        why[0] = 0;
        root = yajl_tree_parse(config_strndup(memory, json, length), why, sizeof(why));
    }
    if (!root)
        config_error(messages, &in_json, NULL, "cannot be read: %s", *why ? why : "it is empty");
    else if (!YAJL_IS_OBJECT(root))
        config_error(messages, &in_json, NULL, "is no configuration of a domain");
    return root;
}

int domain_config_from_json(const char *json, size_t length, FILE *messages,
                            struct domain_config **out)
{
    struct config_memory *memory = config_memory_new();
    struct config_messages said = {.out = messages};
    struct config_settings settings = {.memory = memory, .messages = &said};
    struct json_reader j = {.settings = &settings, .root = parse(json, length, memory, &said)};
    int error = -EINVAL;

    if (!said.errors) {
        read_root(&j);
        error = config_read_settings(&settings, out);
    }
    if (!error)
        read_rates(&j, *out);
    yajl_tree_free(j.root);
    if (error)
        config_memory_free(memory);
    return error;
}
