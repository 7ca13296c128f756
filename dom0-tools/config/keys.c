#include <string.h>

#include "config/keys.h"
#include "config/nearest.h"

#define HVM     "only guests of type \"hvm\" have it"
#define ARM     "it belongs to ARM machines"
#define GONE    "xl has given it up, too"
#define DM      "there is no device model"
#define DEVICE  "Vellum has no back end for such devices"
#define PASS    "Vellum does not pass devices through"
#define SEDF    "it is for schedulers other than credit's kind; use cpu_weight and cap"
#define USED    KEY_USED, NULL
#define NOTED   KEY_WITHOUT_EFFECT
#define REFUSED KEY_REFUSED

static const struct config_key keys[] = {
    {"name", USED},
    {"type", USED},
    {"builder", USED},
    {"pool", USED},
    {"vcpus", USED},
    {"maxvcpus", USED},
    {"cpus", USED},
    {"cpus_soft", USED},
    {"cpu_weight", USED},
    {"cap", USED},
    {"period", NOTED, SEDF},
    {"slice", NOTED, SEDF},
    {"latency", NOTED, SEDF},
    {"extratime", NOTED, SEDF},
    {"budget", NOTED, SEDF},
    {"memory", USED},
    {"maxmem", USED},
    {"vnuma", REFUSED, "guests here have no virtual NUMA nodes"},
    {"on_poweroff", USED},
    {"on_reboot", USED},
    {"on_watchdog", USED},
    {"on_crash", USED},
    {"on_soft_reset", USED},
    {"kernel", USED},
    {"ramdisk", USED},
    {"cmdline", USED},
    {"root", USED},
    {"extra", USED},
    {"firmware", REFUSED, "Vellum starts kernels, no boot programs; give kernel= and ramdisk="},
    {"firmware_override", NOTED, HVM},
    {"pvshim", REFUSED, "Vellum has no shim; a PV kernel runs with type=\"pv\""},
    {"pvshim_path", NOTED, "it needs pvshim, which Vellum has not"},
    {"pvshim_cmdline", NOTED, "it needs pvshim, which Vellum has not"},
    {"pvshim_extra", NOTED, "it needs pvshim, which Vellum has not"},
    {"uuid", USED},
    {"seclabel", REFUSED, "Vellum has no security labels"},
    {"init_seclabel", REFUSED, "Vellum has no security labels"},
    {"max_grant_frames", USED},
    {"max_maptrack_frames", USED},
    {"max_grant_version", USED},
    {"nomigrate", USED},
    {"driver_domain", USED},
    {"device_tree", NOTED, ARM},
    {"passthrough", USED},
    {"xend_suspend_evtchn_compat", USED},
    {"vmtrace_buf_kb", REFUSED, "Vellum does not trace guests' processors"},
    {"vpmu", NOTED, ARM},
    {"disk", USED},
    {"blkdev_start", NOTED, "it places the disks of boot programs, which Vellum has not"},
    {"vif", USED},
    {"vif2", REFUSED, GONE},
    {"vtpm", REFUSED, DEVICE},
    {"p9", REFUSED, DEVICE},
    {"pvcalls", REFUSED, DEVICE},
    {"vfb", REFUSED, DEVICE},
    {"channel", REFUSED, DEVICE},
    {"usbctrl", REFUSED, DEVICE},
    {"usbdev", REFUSED, DEVICE},
    {"vdispl", REFUSED, DEVICE},
    {"vsnd", REFUSED, DEVICE},
    {"vkb", REFUSED, DEVICE},
    {"pci", REFUSED, PASS},
    {"pci_permissive", NOTED, PASS},
    {"pci_msitranslate", NOTED, PASS},
    {"pci_seize", NOTED, PASS},
    {"pci_power_mgmt", NOTED, PASS},
    {"gfx_passthru", REFUSED, PASS},
    {"rdm", REFUSED, PASS},
    {"rdm_mem_boundary", NOTED, PASS},
    {"dtdev", REFUSED, PASS},
    {"ioports", USED},
    {"iomem", USED},
    {"irqs", USED},
    {"max_event_channels", USED},
    {"dm_restrict", NOTED, DM},
    {"device_model_user", NOTED, DM},
    {"tee", NOTED, ARM},
    {"bootloader", REFUSED, "Vellum starts kernels from files; give kernel= and ramdisk="},
    {"bootloader_args", NOTED, "it needs bootloader, which Vellum has not"},
    {"e820_host", REFUSED, PASS},
    {"boot", NOTED, HVM},
    {"hdtype", NOTED, HVM},
    {"hap", NOTED, HVM},
    {"oos", NOTED, HVM},
    {"shadow_memory", NOTED, HVM},
    {"bios", NOTED, HVM},
    {"bios_path_override", NOTED, HVM},
    {"pae", NOTED, HVM},
    {"acpi", NOTED, HVM},
    {"acpi_s3", NOTED, HVM},
    {"acpi_s4", NOTED, HVM},
    {"acpi_laptop_slate", NOTED, HVM},
    {"apic", NOTED, HVM},
    {"nx", NOTED, HVM},
    {"hpet", NOTED, HVM},
    {"altp2m", NOTED, HVM},
    {"altp2mhvm", NOTED, HVM},
    {"nestedhvm", NOTED, HVM},
    {"cpuid", USED},
    {"acpi_firmware", NOTED, HVM},
    {"smbios_firmware", NOTED, HVM},
    {"ms_vm_genid", NOTED, HVM},
    {"tsc_mode", USED},
    {"localtime", USED},
    {"rtc_timeoffset", USED},
    {"vpt_align", NOTED, HVM},
    {"timer_mode", NOTED, HVM},
    {"mmio_hole", NOTED, HVM},
    {"xen_platform_pci", NOTED, HVM},
    {"viridian", NOTED, HVM},
    {"videoram", NOTED, HVM},
    {"stdvga", NOTED, HVM},
    {"vga", NOTED, HVM},
    {"vnc", NOTED, DM},
    {"vnclisten", NOTED, DM},
    {"vncdisplay", NOTED, DM},
    {"vncunused", NOTED, DM},
    {"vncpasswd", NOTED, DM},
    {"vncviewer", NOTED, DM},
    {"keymap", NOTED, DM},
    {"sdl", NOTED, DM},
    {"opengl", NOTED, DM},
    {"nographic", NOTED, DM},
    {"spice", NOTED, HVM},
    {"spicehost", NOTED, HVM},
    {"spiceport", NOTED, HVM},
    {"spicetls_port", NOTED, HVM},
    {"spicedisable_ticketing", NOTED, HVM},
    {"spicepasswd", NOTED, HVM},
    {"spiceagent_mouse", NOTED, HVM},
    {"spicevdagent", NOTED, HVM},
    {"spice_clipboard_sharing", NOTED, HVM},
    {"spiceusbredirection", NOTED, HVM},
    {"spice_image_compression", NOTED, HVM},
    {"spice_streaming_video", NOTED, HVM},
    {"serial", NOTED, HVM},
    {"soundhw", NOTED, HVM},
    {"vkb_device", NOTED, HVM},
    {"usb", NOTED, HVM},
    {"usbversion", NOTED, HVM},
    {"usbdevice", NOTED, HVM},
    {"vendor_device", NOTED, HVM},
    {"device_model", REFUSED, GONE ": device_model_override took its place"},
    {"device_model_version", NOTED, DM},
    {"device_model_override", NOTED, DM},
    {"stubdomain_kernel", NOTED, DM},
    {"stubdomain_cmdline", NOTED, DM},
    {"stubdomain_ramdisk", NOTED, DM},
    {"stubdomain_memory", NOTED, DM},
    {"device_model_stubdomain_override", NOTED, DM},
    {"device_model_stubdomain_seclabel", NOTED, DM},
    {"device_model_args", NOTED, DM},
    {"device_model_args_pv", NOTED, DM},
    {"device_model_args_hvm", NOTED, DM},
    {"gic_version", NOTED, ARM},
    {"vuart", NOTED, ARM},
    {"mca_caps", NOTED, HVM},
    {"msr_relaxed", NOTED, "Vellum answers unknown MSRs one way only"},
};

#define KEYS (sizeof(keys) / sizeof(keys[0]))

const struct config_key *config_keys(size_t *count)
{
    *count = KEYS;
    return keys;
}

const struct config_key *config_key_find(const char *name)
{
    for (size_t i = 0; i < KEYS; i++)
        if (!strcmp(keys[i].name, name))
            return &keys[i];
    return NULL;
}

static void unknown(struct config_settings *settings, const struct config_setting *setting)
{
    const char *names[KEYS];

    for (size_t i = 0; i < KEYS; i++)
        names[i] = keys[i].name;
    const char *nearest = config_nearest(setting->key, names, KEYS);
    if (nearest)
        config_error(settings->messages, &setting->value->place, setting->key,
                     "no such key; did you mean '%s'?", nearest);
    else
        config_error(settings->messages, &setting->value->place, setting->key,
                     "no such key; vl.cfg(5) lists all");
}

static bool is_off(const struct config_value *value)
{
    if (value->kind == CONFIG_LIST)
        return value->count == 0;
    return value->text[strspn(value->text, "0")] == 0;
}

void config_check_keys(struct config_settings *settings)
{
    for (size_t i = 0; i < settings->count; i++) {
        struct config_setting *setting = &settings->list[i];
        const struct config_key *key = config_key_find(setting->key);

        if (!key) {
            unknown(settings, setting);
        } else if (key->use == KEY_REFUSED && !is_off(setting->value)) {
            config_error(settings->messages, &setting->value->place, key->name, "cannot be had: %s",
                         key->why);
        } else if (key->use == KEY_WITHOUT_EFFECT && !is_off(setting->value)) {
            config_warn(settings->messages, &setting->value->place, key->name, "has no effect: %s",
                        key->why);
        }
    }
}
