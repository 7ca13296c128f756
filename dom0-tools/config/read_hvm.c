// The keys of guests of type "hvm".
#include <string.h>

#include "config/hvm_keys.h"
#include "config/reader.h"

#define AT(field) offsetof(struct hvm_config, field)

static const char *const vgas[] = {
    [HVM_VGA_NONE] = "none", [HVM_VGA_STD] = "stdvga", [HVM_VGA_CIRRUS] = "cirrus"};
static const char *const vgas_json[] = {
    [HVM_VGA_NONE] = "none", [HVM_VGA_STD] = "std", [HVM_VGA_CIRRUS] = "cirrus"};
static const char *const buses[] = {[HVM_DISKS_IDE] = "ide", [HVM_DISKS_AHCI] = "ahci"};
static const struct config_names vga_names = {vgas, vgas_json, 3};
static const struct config_names bus_names = {buses, buses, 2};

const struct hvm_key hvm_keys[] = {
    {"device_model_override", NULL, "device_model", AT(device_model), HVM_STRING, NULL, 0},
    {"device_model_args", NULL, "extra", AT(model_args), HVM_LIST, NULL, 0},
    {"device_model_args_hvm", NULL, "extra_hvm", AT(model_args_hvm), HVM_LIST, NULL, 0},
    {"firmware_override", "", "firmware", AT(loader), HVM_STRING, NULL, 0},
    {"bios_path_override", "", "system_firmware", AT(bios), HVM_STRING, NULL, 0},
    {"boot", "", "boot", AT(boot), HVM_STRING, NULL, 0},
    {"acpi", "", "acpi", AT(acpi), HVM_BOOL, NULL, 0},
    {"acpi_s3", "", "acpi_s3", AT(acpi_s3), HVM_BOOL, NULL, 0},
    {"acpi_s4", "", "acpi_s4", AT(acpi_s4), HVM_BOOL, NULL, 0},
    {"apic", "", "apic", AT(apic), HVM_BOOL, NULL, 0},
    {"hpet", "", "hpet", AT(hpet), HVM_BOOL, NULL, 0},
    {"xen_platform_pci", "", "xen_platform_pci", AT(platform_pci), HVM_BOOL, NULL, 0},
    {"hdtype", "", "hdtype", AT(disk_bus), HVM_CHOICE, &bus_names, 0},
    {"serial", "", "serial_list", AT(serial), HVM_LIST, NULL, 0},
    {"usb", "", "usb", AT(usb), HVM_BOOL, NULL, 0},
    {"usbdevice", "", "usbdevice_list", AT(usb_devices), HVM_LIST, NULL, 0},
    {"keymap", "", "keymap", AT(keymap), HVM_STRING, NULL, 0},
    {"nographic", "", "nographic", AT(nographic), HVM_BOOL, NULL, 0},
    {"videoram", "", "videoram", AT(video_mib), HVM_NUMBER, NULL, 256},
    {"vga", "vga", "kind", AT(vga), HVM_CHOICE, &vga_names, 0},
    {"vnc", "vnc", "enable", AT(vnc), HVM_BOOL, NULL, 0},
    {"vnclisten", "vnc", "listen", AT(vnc_listen), HVM_STRING, NULL, 0},
    {"vncdisplay", "vnc", "display", AT(vnc_display), HVM_NUMBER, NULL, 59635},
    {"vncunused", "vnc", "findunused", AT(vnc_unused), HVM_BOOL, NULL, 0},
};
const size_t hvm_keys_count = sizeof(hvm_keys) / sizeof(hvm_keys[0]);

uint64_t hvm_video_kib(const struct hvm_config *hvm)
{
    static const uint64_t usual_mib[] = {
        [HVM_VGA_NONE] = 0, [HVM_VGA_STD] = 16, [HVM_VGA_CIRRUS] = 8};
    bool usual = hvm->video_mib < 0 || hvm->vga == HVM_VGA_NONE;

    return (usual ? usual_mib[hvm->vga] : (uint64_t)hvm->video_mib) * 1024;
}

const char *hvm_vga_name(unsigned vga)
{
    return vgas[vga];
}

static void read_texts(struct config_reader *r, const char *key, struct text_list *out)
{
    struct config_setting *setting = config_take(r->settings, key);
    struct config_value *value = setting ? setting->value : NULL;

    if (!value || (value->kind != CONFIG_LIST && !*value->text))
        return;
    out->count = value->kind == CONFIG_LIST ? value->count : 1;
    out->items = config_alloc(r->memory, out->count * sizeof(*out->items));
    for (size_t i = 0; i < out->count; i++) {
        const char *text =
            config_item_text(r, key, value->kind == CONFIG_LIST ? value->items[i] : value);

        out->items[i] = config_strdup(r->memory, text ? text : "");
    }
}

static void read_text(struct config_reader *r, const char *key, char **out)
{
    char *text;

    if (config_read_string(r, key, &text) && *text)
        *out = text;
}

static void read_key(struct config_reader *r, const struct hvm_key *k)
{
    void *field = (char *)&r->config->hvm + k->offset;

    switch (k->kind) {
    case HVM_BOOL:
        config_read_bool(r, k->key, field);
        break;
    case HVM_CHOICE:
        config_read_choice(r, k->key, k->names->file, k->names->count, field);
        break;
    case HVM_NUMBER:
        config_read_number(r, k->key, 0, k->most, field);
        break;
    case HVM_STRING:
        read_text(r, k->key, field);
        break;
    case HVM_LIST:
        read_texts(r, k->key, field);
        break;
    }
}

// What every such guest has: a file may say so, but not that it has not.
static void must_be(struct config_reader *r, const char *key)
{
    struct config_place place = config_place_of(r, key);
    bool on = true;

    if (config_read_bool(r, key, &on) && !on)
        config_error(r->messages, &place, key,
                     "cannot be switched off: every guest of type \"hvm\" has it");
}

static void must_be_one(struct config_reader *r, const char *key, const char *only)
{
    struct config_place place = config_place_of(r, key);
    char *text;

    if (config_read_string(r, key, &text) && strcmp(text, only))
        config_error(r->messages, &place, key, "\"%s\" cannot be had; it may be %s", text, only);
}

static void must_not_be(struct config_reader *r, const char *key)
{
    struct config_setting *setting = config_take(r->settings, key);

    if (setting && (setting->value->kind == CONFIG_LIST || *setting->value->text))
        config_error(r->messages, &setting->value->place, key,
                     "a guest of type \"hvm\" starts from its disks; leave it out");
}

static void read_vga(struct config_reader *r)
{
    bool standard = false;

    if (config_read_bool(r, "stdvga", &standard) && standard)
        r->config->hvm.vga = HVM_VGA_STD;
}

static void check_hvm(struct config_reader *r)
{
    const struct hvm_config *hvm = &r->config->hvm;
    struct config_place place = config_place_of(r, "boot");

    if (!*hvm->boot || hvm->boot[strspn(hvm->boot, "acdn")])
        config_error(r->messages, &place, "boot",
                     "\"%s\": an order of c (disk), d (CD) and n (network)", hvm->boot);
    place = config_place_of(r, "serial");
    for (size_t i = 0; i < hvm->serial.count; i++)
        if (!strcmp(hvm->serial.items[i], "stdio") || !strncmp(hvm->serial.items[i], "mon:", 4))
            config_error(r->messages, &place, "serial",
                         "\"%s\": the device model has no terminal; \"pty\" makes one for "
                         "'vl console'",
                         hvm->serial.items[i]);
    place = config_place_of(r, "memory");
    if (r->config->memory_kib < hvm_video_kib(hvm) + 4096)
        config_error(r->messages, &place, "memory",
                     "is too little: the video card takes %d MiB of it (videoram, vga)",
                     (int)(hvm_video_kib(hvm) / 1024));
}

void config_read_hvm(struct config_reader *r)
{
    static const char *const always[] = {"hap", "pae", "nx"};
    static const char *const never[] = {"kernel", "ramdisk", "cmdline", "root", "extra"};

    if (r->config->type != DOMAIN_TYPE_HVM)
        return;
    read_vga(r);
    for (size_t i = 0; i < hvm_keys_count; i++)
        read_key(r, &hvm_keys[i]);
    for (size_t i = 0; i < sizeof(always) / sizeof(always[0]); i++)
        must_be(r, always[i]);
    for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++)
        must_not_be(r, never[i]);
    must_be_one(r, "bios", "seabios");
    must_be_one(r, "device_model_version", "qemu-xen");
    check_hvm(r);
}
