// network-attach, network-detach, network-list.
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "domain/vifs.h"
#include "vl/commands.h"
#include "vl/device.h"
#include "vl/domains.h"
#include "vl/table.h"
#include "vl/toolstack.h"

#define STATISTICS_REQUEST "?" // vellum-netback puts them in its place
#define STATISTICS_TRIES   20
#define STATISTICS_PAUSE   50 // ms

// --- attach ---

static bool has_number(int argc, char **argv)
{
    for (int i = optind + 1; i < argc; i++)
        if (!strncmp(argv[i], "devid=", 6) || strstr(argv[i], ",devid="))
            return true;
    return false;
}

// The lowest number that no card has.
static uint32_t free_number(domid_t id)
{
    struct device_entry *entries;
    int count = device_list(vl_toolstack(), id, VIF_KIND, &entries), at = 0;
    uint32_t number = 0;

    while (at < count)
        if (entries[at++].number == number) {
            number++;
            at = 0;
        }
    if (count >= 0)
        device_list_free(entries, count);
    return number;
}

int vl_network_attach(int argc, char **argv)
{
    vl_no_options(argc, argv);
    vl_operands(argc, 1, -1);
    domid_t id = vl_guest(argv[optind], "given a network card");
    struct domain_config *config = vl_read_device("vif", argc - optind - 1, argv + optind + 1);
    if (!config)
        return VL_CONFIG;
    struct vif_config *vif = &config->vifs[0];
    if (!has_number(argc, argv))
        vif->devid = free_number(id);
    int error = vif_attach(vl_toolstack(), id, vif);
    uint32_t number = vif->devid;
    domain_config_free(config);
    if (error)
        return vl_complain("domain '%s' gets no network card", argv[optind]);
    printf("Domain '%s' has network card %u now.\n", argv[optind], number);
    return VL_OK;
}

// --- what there is ---

struct card {
    domid_t domain;
    uint32_t number;
    const char *back_path;
};

static char *read_at(const char *path, const char *name)
{
    char full[512];

    snprintf(full, sizeof(full), "%s/%s", path, name);
    return xs_read(vl_store(), XBT_NULL, full, NULL);
}

static char *front_node(const struct card *card, const char *name)
{
    char path[64];

    snprintf(path, sizeof(path), "device/vif/%u/%s", card->number, name);
    return vl_store_read(card->domain, path);
}

static int64_t front_number(const struct card *card, const char *name, const char *or_name)
{
    char *text = front_node(card, name);
    int64_t number;

    if (!text && or_name)
        text = front_node(card, or_name);
    number = text ? strtoll(text, NULL, 10) : -1;
    free(text);
    return number;
}

// Asks its server, and waits a moment; the caller's, or NULL.
static char *statistics(const struct card *card)
{
    static const struct timespec pause = {0, STATISTICS_PAUSE * 1000000L};
    char path[512];

    if (!strstr(card->back_path, "/vvif/"))
        return NULL;
    snprintf(path, sizeof(path), "%s/statistics", card->back_path);
    if (!xs_write(vl_store(), XBT_NULL, path, STATISTICS_REQUEST, strlen(STATISTICS_REQUEST)))
        return NULL;
    for (int i = 0; i < STATISTICS_TRIES; i++) {
        char *text = xs_read(vl_store(), XBT_NULL, path, NULL);

        if (text && strcmp(text, STATISTICS_REQUEST))
            return text;
        free(text);
        nanosleep(&pause, NULL);
    }
    return NULL;
}

static void print_card(struct vl_table *table, const struct card *card, bool counts)
{
    char *mac = read_at(card->back_path, "mac"), *state = read_at(card->back_path, "state");
    char *counted = counts ? statistics(card) : NULL;

    vl_table_row(table, (int64_t)card->domain, (int64_t)card->number, mac ? mac : "-",
                 state ? strtoll(state, NULL, 10) : 0LL,
                 front_number(card, "event-channel-tx", "event-channel"),
                 front_number(card, "event-channel-rx", "event-channel"),
                 front_number(card, "tx-ring-ref", "queue-0/tx-ring-ref"),
                 front_number(card, "rx-ring-ref", "queue-0/rx-ring-ref"), card->back_path,
                 counts ? counted ? counted : "-" : "");
    free(mac);
    free(state);
    free(counted);
}

static const struct vl_column columns[] = {
    {"Dom", "domid", 5, VL_NUMBER},
    {"Idx", "devid", 4, VL_NUMBER},
    {"Mac Addr.", "mac", -17, VL_TEXT},
    {"state", "state", 5, VL_NUMBER},
    {"evt-tx", "event_channel_tx", 6, VL_NUMBER},
    {"evt-rx", "event_channel_rx", 6, VL_NUMBER},
    {"tx-ring", "tx_ring_ref", 7, VL_NUMBER},
    {"rx-ring", "rx_ring_ref", 7, VL_NUMBER},
    {"BE-path", "backend", -10, VL_TEXT},
    {"", "statistics", -1, VL_TEXT},
};

int vl_network_list(int argc, char **argv)
{
    static const struct option options[] = {{"json", no_argument, NULL, 'j'},
                                            {"statistics", no_argument, NULL, 's'},
                                            {"help", no_argument, NULL, 'h'},
                                            {0}};
    bool json = false, counts = false;

    for (int option; (option = vl_option(argc, argv, "js", options)) != -1;) {
        json |= option == 'j';
        counts |= option == 's';
    }
    vl_operands(argc, 1, -1);
    struct vl_table *table =
        vl_table_new(columns, sizeof(columns) / sizeof(columns[0]) - !counts, json);
    for (int i = optind; i < argc; i++) {
        domid_t id = vl_domain(argv[i]);
        struct device_entry *entries;
        int count = device_list(vl_toolstack(), id, VIF_KIND, &entries);

        for (int k = 0; k < count; k++) {
            struct card card = {id, entries[k].number, entries[k].back_path};

            print_card(table, &card, counts);
        }
        if (count >= 0)
            device_list_free(entries, count);
    }
    vl_table_end(table);
    return VL_OK;
}

// --- detach ---

// The card of this number or address; -1: none.
static int64_t find_card(domid_t id, const char *name)
{
    struct device_entry *entries;
    int count = device_list(vl_toolstack(), id, VIF_KIND, &entries);
    int64_t found = -1;

    for (int i = 0; i < count; i++) {
        char number[12], *mac = read_at(entries[i].back_path, "mac");

        snprintf(number, sizeof(number), "%u", entries[i].number);
        if (!strcmp(name, number) || (mac && !strcasecmp(name, mac)))
            found = entries[i].number;
        free(mac);
    }
    if (count >= 0)
        device_list_free(entries, count);
    return found;
}

int vl_network_detach(int argc, char **argv)
{
    static const struct option options[] = {
        {"force", no_argument, NULL, 'f'}, {"help", no_argument, NULL, 'h'}, {0}};
    bool force = false;

    while (vl_option(argc, argv, "f", options) != -1)
        force = true;
    vl_operands(argc, 2, 2);
    domid_t id = vl_guest(argv[optind], "deprived of a network card");
    int64_t number = find_card(id, argv[optind + 1]);
    if (number < 0)
        return vl_complain("domain '%s' has no network card '%s'; 'vl network-list' shows all",
                           argv[optind], argv[optind + 1]);
    if (vif_detach(vl_toolstack(), id, (uint32_t)number, force))
        return vl_complain("domain '%s' keeps network card %d", argv[optind], (int)number);
    return VL_OK;
}
