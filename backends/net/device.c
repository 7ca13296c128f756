// A network device in the keeper: what toolstack and guest say of it in xenstore, and its tap
// device.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backends/common/keys.h"
#include "backends/net/netback.h"

#define STATISTICS_REQUEST "?" // what a tool writes into that node to have it filled in

// --- preparation ---

static void default_name(const struct device *device, char name[TAP_NAME_MAX])
{
    snprintf(name, TAP_NAME_MAX, "vif%u.%u", device_domain(device), device_number(device));
}

static int tap_name(struct device *device, char name[TAP_NAME_MAX])
{
    char *wanted = keys_text(device, device_back_path(device), "vifname", 64);
    int rc = 0;

    default_name(device, name);
    if (wanted && *wanted && !tap_name_is_good(wanted))
        rc = device_fail(device, -EINVAL, "'%s' cannot be the name of a network device (vifname)",
                         wanted);
    else if (wanted && *wanted)
        snprintf(name, TAP_NAME_MAX, "%s", wanted);
    free(wanted);
    return rc;
}

static int read_mac(struct device *device, uint8_t mac[6])
{
    char *text = keys_text(device, device_back_path(device), "mac", 17);
    unsigned bytes[6] = {0};
    char rest;
    int rc = 0;

    if (!text || sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x%c", &bytes[0], &bytes[1], &bytes[2],
                        &bytes[3], &bytes[4], &bytes[5], &rest) != 6)
        rc = device_fail(device, -EINVAL, "%s/mac is '%s', not an address like 00:16:3e:01:02:03",
                         device_back_path(device), text ? text : "");
    for (int i = 0; !rc && i < 6; i++)
        mac[i] = (uint8_t)bytes[i];
    free(text);
    return rc;
}

static uint64_t most_queues(void)
{
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);

    return cpus < 1 ? 1 : cpus < NETBACK_QUEUES_MAX ? (uint64_t)cpus : NETBACK_QUEUES_MAX;
}

static void offer(struct device *device)
{
    static const char *const features[] = {
        "feature-rx-copy",           "feature-sg",
        "feature-gso-tcpv4",         "feature-gso-tcpv6",
        "feature-ipv6-csum-offload", "feature-split-event-channels",
        "feature-multicast-control", "feature-ctrl-ring",
    };

    for (size_t i = 0; i < sizeof(features) / sizeof(features[0]); i++)
        device_write_number(device, features[i], 1);
    device_write_number(device, "feature-rx-flip", 0);
    device_write_number(device, "multi-queue-max-queues", most_queues());
}

int netback_prepare(struct device *device)
{
    char name[TAP_NAME_MAX];
    uint8_t mac[6];
    int rc = tap_name(device, name);

    if (!rc)
        rc = read_mac(device, mac);
    if (rc)
        return rc;
    rc = tap_create(name, device_back_path(device));
    if (rc == -EEXIST)
        return device_fail(device, rc, "there is a network device %s of another's", name);
    if (rc)
        return device_fail(device, rc, "cannot make the tap device %s (is the module tun there?)",
                           name);
    snprintf(device_of_kind(device), TAP_NAME_MAX, "%s", name);
    offer(device);
    return 0;
}

void netback_release(struct device *device)
{
    char name[TAP_NAME_MAX];

    // A keeper that came later knows no more than the default; the sweep at the start finds the
    // rest.
    default_name(device, name);
    if (*(const char *)device_of_kind(device))
        snprintf(name, sizeof(name), "%s", (const char *)device_of_kind(device));
    tap_remove(name, device_back_path(device));
}

// --- connection ---

static int flag(struct device *device, const char *path, const char *name, bool *value)
{
    uint64_t number;
    int rc = keys_optional(device, path, name, 0, 1, 0, &number);

    *value = !rc && number;
    return rc;
}

static int read_features(struct device *device, struct netback_connection *c)
{
    const char *front = device_front_path(device);
    bool copies, notifies, no_csum;
    const struct {
        const char *name;
        bool *value;
    } flags[] = {
        {"request-rx-copy", &copies},
        {"feature-rx-notify", &notifies},
        {"feature-sg", &c->guest.sg},
        {"feature-gso-tcpv4", &c->guest.gso_tcpv4},
        {"feature-gso-tcpv6", &c->guest.gso_tcpv6},
        {"feature-no-csum-offload", &no_csum},
        {"feature-ipv6-csum-offload", &c->guest.csum_ipv6},
        {"request-multicast-control", &c->chosen_multicast},
    };

    for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
        int rc = flag(device, front, flags[i].name, flags[i].value);

        if (rc)
            return rc;
    }
    c->guest.csum_ipv4 = !no_csum;
    if (!copies)
        return device_fail(device, -EOPNOTSUPP,
                           "%s/request-rx-copy is not 1: pages cannot be flipped", front);
    if (!notifies)
        return device_fail(device, -EOPNOTSUPP,
                           "%s/feature-rx-notify is not 1: a guest that gives pages must tell",
                           front);
    return 0;
}

static int read_port(struct device *device, const char *path, const char *name, uint32_t *port)
{
    uint64_t number;
    int rc = keys_number(device, path, name, 1, UINT32_MAX, &number);

    *port = (uint32_t)number;
    return rc;
}

static int read_queue(struct device *device, const char *path, struct backend_queue *queue)
{
    uint64_t split;
    int rc = keys_ring(device, path, "tx-ring-", 1, false, &queue->rings[NETBACK_TX]);

    if (!rc)
        rc = keys_ring(device, path, "rx-ring-", 1, false, &queue->rings[NETBACK_RX]);
    if (!rc)
        rc = keys_optional(device, path, "event-channel-tx", 0, UINT32_MAX, 0, &split);
    if (rc)
        return rc;
    if (!split)
        return read_port(device, path, "event-channel", &queue->ports[NETBACK_TX]);
    rc = read_port(device, path, "event-channel-tx", &queue->ports[NETBACK_TX]);
    return rc ? rc : read_port(device, path, "event-channel-rx", &queue->ports[NETBACK_RX]);
}

// One queue's nodes lie in the device's own folder, unless the guest said how many there are.
static int read_queues(struct device *device, struct backend_connection *connection)
{
    const char *front = device_front_path(device);
    char path[BACKEND_PATH_MAX + 32];
    uint64_t count;
    int rc = keys_optional(device, front, "multi-queue-num-queues", 1, most_queues(), 0, &count);

    if (!rc && count <= 1) {
        connection->queues = 1;
        // Linux's front end writes a single queue flat, whatever it says of their number.
        return read_queue(device, front, &connection->queue[0]);
    }
    connection->queues = (uint32_t)count;
    for (uint32_t i = 0; !rc && i < count; i++) {
        snprintf(path, sizeof(path), "%s/queue-%u", front, i);
        rc = read_queue(device, path, &connection->queue[i]);
    }
    return rc;
}

static int read_control(struct device *device, struct netback_connection *c)
{
    const char *front = device_front_path(device);
    uint64_t reference;
    int rc = keys_optional(device, front, "ctrl-ring-ref", 1, UINT32_MAX, 0, &reference);

    if (rc || !reference)
        return rc;
    c->control_ring = (struct backend_ring){.pages = 1, .references = {(uint32_t)reference}};
    return read_port(device, front, "event-channel-ctrl", &c->control_port);
}

// What the toolstack says.
static int read_limits(struct device *device, struct netback_connection *c)
{
    const char *back = device_back_path(device);
    int rc = keys_rate(device, back, c->rate);

    return rc ? rc : flag(device, back, "anti-spoof", &c->own_source_only);
}

int netback_connect(struct device *device, struct backend_connection *connection)
{
    struct netback_connection *c = (struct netback_connection *)connection->kind_data;
    int rc = tap_name(device, c->tap);

    connection->kind_bytes = sizeof(*c);
    if (!rc)
        rc = read_mac(device, c->mac);
    if (!rc)
        rc = read_limits(device, c);
    if (!rc)
        rc = read_features(device, c);
    if (!rc)
        rc = read_control(device, c);
    return rc ? rc : read_queues(device, connection);
}

// --- statistics ---

void netback_ready(struct device *device, const void *data, size_t length)
{
    char text[1024];

    if (!length || length >= sizeof(text))
        return;
    memcpy(text, data, length);
    text[length] = '\0';
    device_write(device, "statistics", text);
}

void netback_changed(struct device *device)
{
    char *text = keys_text(device, device_back_path(device), "statistics", 1024);

    if (text && !strcmp(text, STATISTICS_REQUEST))
        device_tell(device, NETBACK_TELL_STATISTICS, NULL, 0);
    free(text);
}
