// block-attach, block-detach, block-list, cd-insert, cd-eject.
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/vdev.h"
#include "domain/devices.h"
#include "vl/commands.h"
#include "vl/device.h"
#include "vl/domains.h"
#include "vl/table.h"
#include "vl/toolstack.h"

int vl_block_attach(int argc, char **argv)
{
    vl_no_options(argc, argv);
    int count = vl_operands(argc, 2, -1);
    domid_t domain = vl_guest(argv[optind], "given a disk");
    struct domain_config *config = vl_read_device("disk", count - 1, argv + optind + 1);

    if (!config)
        return VL_CONFIG;
    int error = config->disks_count == 1
                    ? domain_attach_disk(vl_toolstack(), domain, &config->disks[0])
                    : -EINVAL;
    domain_config_free(config);
    return error ? vl_complain("domain '%s' was given no disk", argv[optind]) : VL_OK;
}

int vl_block_detach(int argc, char **argv)
{
    static const struct option options[] = {
        {"force", no_argument, NULL, 'f'}, {"help", no_argument, NULL, 'h'}, {0}};
    bool force = false;
    uint32_t number;

    while (vl_option(argc, argv, "f", options) != -1)
        force = true;
    vl_operands(argc, 2, 2);
    domid_t domain = vl_guest(argv[optind], "deprived of a disk");
    const char *disk = argv[optind + 1];
    if (!vdev_number(disk, &number))
        vl_misused("'%s' is no disk, as xvdb or 51728 is", disk);
    int error = domain_detach_disk(vl_toolstack(), domain, number, force);
    if (error == -ENOENT)
        return vl_complain("domain '%s' has no disk %s ('vl block-list %s' shows what it has)",
                           argv[optind], disk, argv[optind]);
    if (error == -ETIMEDOUT)
        return vl_complain("disk %s stays where it is: does the guest still use it? (-f takes it "
                           "away nevertheless)",
                           disk);
    return error ? VL_FAILED : VL_OK;
}

// TARGET "": none.
static int change_medium(const char *guest, const char *drive, const char *target)
{
    char *text = vl_alloc(strlen(target) + strlen(drive) + 16);
    domid_t domain = vl_guest(guest, "given another medium");

    sprintf(text, "vdev=%s,cdrom,%s", drive, target);
    struct domain_config *config = vl_read_device("disk", 1, &text);
    free(text);
    if (!config)
        return VL_CONFIG;
    int error = config->disks_count == 1
                    ? domain_change_medium(vl_toolstack(), domain, &config->disks[0])
                    : -EINVAL;
    domain_config_free(config);
    if (error == -ENOENT)
        return vl_complain("domain '%s' has no disk %s ('vl block-list %s' shows what it has)",
                           guest, drive, guest);
    if (error == -ENODEV)
        return vl_complain(
            "disk %s of domain '%s' is no drive (cdrom in disk=) that vellum-blkback "
            "serves",
            drive, guest);
    return error ? vl_complain("the drive %s is as it was", drive) : VL_OK;
}

int vl_cd_insert(int argc, char **argv)
{
    vl_no_options(argc, argv);
    vl_operands(argc, 3, 3);
    return change_medium(argv[optind], argv[optind + 1], argv[optind + 2]);
}

int vl_cd_eject(int argc, char **argv)
{
    vl_no_options(argc, argv);
    vl_operands(argc, 2, 2);
    return change_medium(argv[optind], argv[optind + 1], "");
}

// A number below the front end; -1 if there is none.
static int64_t front_number(domid_t domain, uint32_t disk, const char *name)
{
    char path[64];

    snprintf(path, sizeof(path), "device/vbd/%u/%s", disk, name);
    char *text = vl_store_read(domain, path);
    int64_t number = text ? strtoll(text, NULL, 10) : -1;
    free(text);
    return number;
}

static void list_domain(struct vl_table *table, domid_t domain)
{
    struct device_entry *entries;
    int count = device_list(vl_toolstack(), domain, "vbd", &entries);

    for (int i = 0; i < count; i++) {
        uint32_t disk = entries[i].number;
        vl_table_row(table, (int64_t)disk, front_number(domain, disk, "backend-id"),
                     (int64_t)domain, front_number(domain, disk, "state"),
                     front_number(domain, disk, "event-channel"),
                     front_number(domain, disk, "ring-ref"), entries[i].back_path);
    }
    device_list_free(entries, count);
}

int vl_block_list(int argc, char **argv)
{
    static const struct vl_column columns[] = {
        {"Vdev", "vdev", -5, VL_NUMBER},          {"BE", "backend_domid", -3, VL_NUMBER},
        {"handle", "handle", -6, VL_NUMBER},      {"state", "state", -5, VL_NUMBER},
        {"evt-ch", "evt_ch", -6, VL_NUMBER},      {"ring-ref", "ring_ref", -8, VL_NUMBER},
        {"BE-path", "backend_path", -30, VL_TEXT}};
    bool json = vl_json_option(argc, argv, 1, -1);
    struct vl_table *table = vl_table_new(columns, sizeof(columns) / sizeof(columns[0]), json);

    for (int i = optind; i < argc; i++)
        list_domain(table, vl_domain(argv[i]));
    vl_table_end(table);
    return VL_OK;
}
