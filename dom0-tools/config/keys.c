#include <string.h>

#include "config/keys.h"
#include "config/nearest.h"

#define ARM      "it belongs to ARM machines"
#define GONE     "xl has given it up, too"
#define NOT_YET  "it is not done yet for guests of type \"hvm\""
#define NEEDLESS "it changes nothing here"
#define STUB     "device models run in domain 0"
#define DEVICE   "Vellum has no back end for such devices"
#define PASS     "Vellum does not pass devices through"
#define SEDF     "it is for schedulers other than credit's kind; use cpu_weight and cap"
#define USED     KEY_USED, NULL
#define HVM      KEY_HVM, NULL
#define NOTED    KEY_WITHOUT_EFFECT
#define REFUSED  KEY_REFUSED
#define NO_HVM   KEY_HVM_REFUSED

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
    {"firmware_override", HVM},
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
    {"dm_restrict", NO_HVM, NOT_YET},
    {"device_model_user", NO_HVM, NOT_YET},
    {"tee", NOTED, ARM},
    {"bootloader", REFUSED, "Vellum starts kernels from files; give kernel= and ramdisk="},
    {"bootloader_args", NOTED, "it needs bootloader, which Vellum has not"},
    {"e820_host", REFUSED, PASS},
    {"boot", HVM},
    {"hdtype", HVM},
    {"hap", HVM},
    {"oos", NOTED, NEEDLESS},
    {"shadow_memory", NOTED, NEEDLESS},
    {"bios", HVM},
    {"bios_path_override", HVM},
    {"pae", HVM},
    {"acpi", HVM},
    {"acpi_s3", HVM},
    {"acpi_s4", HVM},
    {"acpi_laptop_slate", NO_HVM, NOT_YET},
    {"apic", HVM},
    {"nx", HVM},
    {"hpet", HVM},
    {"altp2m", NO_HVM, NOT_YET},
    {"altp2mhvm", NO_HVM, NOT_YET},
    {"nestedhvm", NO_HVM, NOT_YET},
    {"cpuid", USED},
    {"acpi_firmware", NO_HVM, NOT_YET},
    {"smbios_firmware", NO_HVM, NOT_YET},
    {"ms_vm_genid", NO_HVM, NOT_YET},
    {"tsc_mode", USED},
    {"localtime", USED},
    {"rtc_timeoffset", USED},
    {"vpt_align", NOTED, NEEDLESS},
    {"timer_mode", NOTED, NEEDLESS},
    {"mmio_hole", NO_HVM, NOT_YET},
    {"xen_platform_pci", HVM},
    {"viridian", NO_HVM, NOT_YET},
    {"videoram", HVM},
    {"stdvga", HVM},
    {"vga", HVM},
    {"vnc", HVM},
    {"vnclisten", HVM},
    {"vncdisplay", HVM},
    {"vncunused", HVM},
    {"vncpasswd", NO_HVM, NOT_YET},
    {"vncviewer", NOTED, NEEDLESS},
    {"keymap", HVM},
    {"sdl", NO_HVM, NOT_YET},
    {"opengl", NO_HVM, NOT_YET},
    {"nographic", HVM},
    {"spice", NO_HVM, NOT_YET},
    {"spicehost", NO_HVM, NOT_YET},
    {"spiceport", NO_HVM, NOT_YET},
    {"spicetls_port", NO_HVM, NOT_YET},
    {"spicedisable_ticketing", NO_HVM, NOT_YET},
    {"spicepasswd", NO_HVM, NOT_YET},
    {"spiceagent_mouse", NO_HVM, NOT_YET},
    {"spicevdagent", NO_HVM, NOT_YET},
    {"spice_clipboard_sharing", NO_HVM, NOT_YET},
    {"spiceusbredirection", NO_HVM, NOT_YET},
    {"spice_image_compression", NO_HVM, NOT_YET},
    {"spice_streaming_video", NO_HVM, NOT_YET},
    {"serial", HVM},
    {"soundhw", NO_HVM, NOT_YET},
    {"vkb_device", NO_HVM, NOT_YET},
    {"usb", HVM},
    {"usbversion", NO_HVM, NOT_YET},
    {"usbdevice", HVM},
    {"vendor_device", NO_HVM, NOT_YET},
    {"device_model", REFUSED, GONE ": device_model_override took its place"},
    {"device_model_version", HVM},
    {"device_model_override", HVM},
    {"stubdomain_kernel", NO_HVM, STUB},
    {"stubdomain_cmdline", NO_HVM, STUB},
    {"stubdomain_ramdisk", NO_HVM, STUB},
    {"stubdomain_memory", NO_HVM, STUB},
    {"device_model_stubdomain_override", NO_HVM, STUB},
    {"device_model_stubdomain_seclabel", NO_HVM, STUB},
    {"device_model_args", HVM},
    {"device_model_args_pv", NOTED, "PV guests have no device model"},
    {"device_model_args_hvm", HVM},
    {"gic_version", NOTED, ARM},
    {"vuart", NOTED, ARM},
    {"mca_caps", NO_HVM, NOT_YET},
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

static void check(struct config_settings *settings, const struct config_setting *setting,
                  const struct config_key *key, bool hvm)
{
    const struct config_place *place = &setting->value->place;

    if (is_off(setting->value))
        return;
    if (key->use == KEY_REFUSED || (key->use == KEY_HVM_REFUSED && hvm))
        config_error(settings->messages, place, key->name, "cannot be had: %s", key->why);
    else if (key->use == KEY_WITHOUT_EFFECT)
        config_warn(settings->messages, place, key->name, "has no effect: %s", key->why);
    else if ((key->use == KEY_HVM || key->use == KEY_HVM_REFUSED) && !hvm)
        config_warn(settings->messages, place, key->name,
                    "has no effect: only guests of type \"hvm\" have it");
}

void config_check_keys(struct config_settings *settings, bool hvm)
{
    for (size_t i = 0; i < settings->count; i++) {
        struct config_setting *setting = &settings->list[i];
        const struct config_key *key = config_key_find(setting->key);

        if (key)
            check(settings, setting, key, hvm);
        else
            unknown(settings, setting);
    }
}
