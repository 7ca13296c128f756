// QEMU's command line for a guest, as libxl gives it.
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/vdev.h"
#include "domain/device_model.h"
#include "domain/devices.h"

struct args {
    char **list;
    size_t count;
    bool failed;
};

static void add_text(struct args *a, char *text)
{
    char **longer = realloc(a->list, (a->count + 2) * sizeof(*longer));

    if (longer)
        a->list = longer;
    if (!longer || !text) {
        free(text);
        a->failed = true;
        return;
    }
    a->list[a->count++] = text;
    a->list[a->count] = NULL;
}

__attribute__((format(printf, 2, 3))) static void add(struct args *a, const char *format, ...)
{
    char *text = NULL;
    va_list list;

    va_start(list, format);
    if (vasprintf(&text, format, list) < 0)
        text = NULL;
    va_end(list);
    add_text(a, text);
}

// In a list of parameters a comma is written twice.
static char *escaped(struct args *a, const char *text)
{
    char *out = malloc(2 * strlen(text) + 1), *to = out;

    a->failed |= !out;
    for (; out && *text; text++) {
        *to++ = *text;
        if (*text == ',')
            *to++ = ',';
    }
    if (out)
        *to = '\0';
    return out;
}

static void add_control(struct args *a, domid_t id)
{
    add(a, "-chardev");
    add(a, "socket,id=libxl-cmd,path=" DEVICE_MODEL_SOCKET ",server=on,wait=off", id);
    add(a, "-mon");
    add(a, "chardev=libxl-cmd,mode=control");
}

// LISTEN may have a display of its own.
static void add_vnc(struct args *a, const struct hvm_config *hvm)
{
    const char *listen = hvm->vnc_listen ? hvm->vnc_listen : "127.0.0.1";
    const char *colon = strrchr(listen, ':');
    bool display = colon && !strchr(colon, ']');

    add(a, "-vnc");
    if (!hvm->vnc || hvm->nographic)
        add(a, "none");
    else if (display)
        add(a, "%s%s", listen, hvm->vnc_unused ? ",to=99" : "");
    else
        add(a, "%s:%d%s", listen, (int)hvm->vnc_display, hvm->vnc_unused ? ",to=99" : "");
    add(a, "-display");
    add(a, "none");
    if (hvm->keymap) {
        add(a, "-k");
        add(a, "%s", hvm->keymap);
    }
}

static void add_video(struct args *a, const struct hvm_config *hvm)
{
    static const char *const cards[] = {
        [HVM_VGA_NONE] = NULL, [HVM_VGA_STD] = "VGA", [HVM_VGA_CIRRUS] = "cirrus-vga"};

    if (!cards[hvm->vga])
        return;
    add(a, "-device");
    add(a, "%s,vgamem_mb=%u", cards[hvm->vga], (unsigned)(hvm_video_kib(hvm) / 1024));
}

static void add_pairs(struct args *a, const char *option, const struct text_list *values)
{
    for (size_t i = 0; i < values->count; i++) {
        if (option)
            add(a, "%s", option);
        add(a, "%s", values->items[i]);
    }
}

static void add_disk(struct args *a, const struct hvm_config *hvm, const struct disk_config *disk,
                     unsigned place)
{
    char path[DISK_TARGET_MAX], *file;

    disk_target(disk, path);
    file = escaped(a, path);
    if (!file)
        return;
    add(a, "-drive");
    if (disk->cdrom) {
        add(a, "if=ide,index=%u,readonly=on,media=cdrom,id=ide-%u%s%s%s", place, 832 + place,
            *file ? ",format=raw,cache=writeback,file=" : "", file, "");
    } else if (hvm->disk_bus == HVM_DISKS_AHCI) {
        add(a, "file=%s,if=none,id=ahcidisk-%u,format=raw,cache=writeback", file, place);
        add(a, "-device");
        add(a, "ide-hd,bus=ahci0.%u,unit=0,drive=ahcidisk-%u", place, place);
    } else {
        add(a, "file=%s,if=ide,index=%u,media=disk,format=raw,cache=writeback", file, place);
    }
    free(file);
}

// The first four are seen by who has no drivers of Xen's; all are by who has.
static void add_disks(struct args *a, const struct domain_config *config)
{
    if (config->hvm.disk_bus == HVM_DISKS_AHCI) {
        add(a, "-device");
        add(a, "ahci,id=ahci0");
    }
    for (size_t i = 0; i < config->disks_count; i++) {
        uint32_t place, partition;

        if (vdev_place(config->disks[i].device, &place, &partition) && place < 4)
            add_disk(a, &config->hvm, &config->disks[i], place);
    }
}

static void add_machine(struct args *a, const struct domain_config *config)
{
    if (!config->hvm.acpi)
        add(a, "-no-acpi");
    if (config->max_vcpus > 1) {
        add(a, "-smp");
        add(a, "%u,maxcpus=%u", config->vcpus, config->max_vcpus);
    }
    add(a, "-net");
    add(a, "none");
    add_pairs(a, NULL, &config->hvm.model_args);
    add_pairs(a, NULL, &config->hvm.model_args_hvm);
    add(a, "-machine");
    add(a, "%s,suppress-vmdesc=on", config->hvm.platform_pci ? "xenfv" : "pc,accel=xen");
    add(a, "-m");
    add(a, "%u", (unsigned)((config->memory_kib - hvm_video_kib(&config->hvm)) / 1024));
}

char **device_model_args(const struct domain_config *config, domid_t id)
{
    const struct hvm_config *hvm = &config->hvm;
    struct args a = {0};
    char *name = escaped(&a, config->name);

    add(&a, "%s", hvm->device_model ? hvm->device_model : DEVICE_MODEL_PATH);
    add(&a, "-xen-domid");
    add(&a, "%u", id);
    add(&a, "-no-shutdown");
    add_control(&a, id);
    add(&a, "-nodefaults");
    add(&a, "-no-user-config");
    add(&a, "-name");
    add(&a, "%s", name ? name : "");
    add_vnc(&a, hvm);
    add_pairs(&a, "-serial", &hvm->serial);
    add_video(&a, hvm);
    add(&a, "-boot");
    add(&a, "order=%s", hvm->boot);
    if (hvm->usb || hvm->usb_devices.count)
        add(&a, "-usb");
    add_pairs(&a, "-usbdevice", &hvm->usb_devices);
    add_machine(&a, config);
    add_disks(&a, config);
    free(name);
    if (a.failed) {
        device_model_args_free(a.list);
        return NULL;
    }
    return a.list;
}

void device_model_args_free(char **args)
{
    for (size_t i = 0; args && args[i]; i++)
        free(args[i]);
    free(args);
}
