// What a guest may write into its network device's nodes: read as it is meant, or refused by name.
//
// sources: backends/net/device.c backends/common/credit.c backends/common/keys.c
#include <CUnit/Basic.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backends/common/store.h"
#include "backends/net/netback.h"
#include "tests/suite.h"

#define BACK  "/local/domain/0/backend/vvif/7/1"
#define FRONT "/local/domain/7/device/vif/1"

// --- a store and a device ---

static struct node {
    char path[160], value[160];
    unsigned length;
} nodes[80];
static unsigned nodes_count;
static char of_kind[TAP_NAME_MAX], said[512], tap_made[32], told[32];
static int tap_result;

static void set(const char *folder, const char *name, const char *value)
{
    char path[160];
    unsigned i = 0;

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    while (i < nodes_count && strcmp(nodes[i].path, path))
        i++;
    if (i == nodes_count)
        nodes_count++;
    snprintf(nodes[i].path, sizeof(nodes[i].path), "%s", path);
    nodes[i].length = (unsigned)snprintf(nodes[i].value, sizeof(nodes[i].value), "%s", value);
}

static struct node *find(const char *path)
{
    for (unsigned i = 0; i < nodes_count; i++)
        if (!strcmp(nodes[i].path, path))
            return &nodes[i];
    return NULL;
}

static void unset(const char *folder, const char *name)
{
    char path[160];
    struct node *node;

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    node = find(path);
    if (node)
        *node = nodes[--nodes_count];
}

void *xs_read(struct xs_handle *h, xs_transaction_t t, const char *path, unsigned *length)
{
    const struct node *node = find(path);
    char *value;

    if (!node) {
        errno = ENOENT;
        return NULL;
    }
    value = calloc(1, node->length + 1);
    memcpy(value, node->value, node->length);
    *length = node->length;
    return value;
}

struct xs_handle *device_store(const struct device *device)
{
    static int reached;

    return (struct xs_handle *)(void *)&reached;
}

domid_t device_domain(const struct device *device)
{
    return 7;
}

uint32_t device_number(const struct device *device)
{
    return 1;
}

const char *device_back_path(const struct device *device)
{
    return BACK;
}

const char *device_front_path(const struct device *device)
{
    return FRONT;
}

void *device_of_kind(struct device *device)
{
    return of_kind;
}

void device_note(const struct device *device, const char *format, ...)
{
}

int device_fail(struct device *device, int error, const char *format, ...)
{
    va_list list;

    va_start(list, format);
    vsnprintf(said, sizeof(said), format, list);
    va_end(list);
    return error;
}

void device_write(struct device *device, const char *name, const char *value)
{
    set(BACK, name, value);
}

void device_write_number(struct device *device, const char *name, uint64_t value)
{
    char text[24];

    snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
    set(BACK, name, text);
}

void device_tell(struct device *device, uint32_t type, const void *data, size_t length)
{
    snprintf(told, sizeof(told), "%u", type);
}

int tap_create(const char *name, const char *owner)
{
    CU_ASSERT_STRING_EQUAL(owner, BACK);
    snprintf(tap_made, sizeof(tap_made), "%s", name);
    return tap_result;
}

void tap_remove(const char *name, const char *owner)
{
    snprintf(tap_made, sizeof(tap_made), "-%s", name);
}

bool tap_name_is_good(const char *name)
{
    return strlen(name) < TAP_NAME_MAX && !strchr(name, '/');
}

// --- tests ---

// What Linux's front end writes, with one queue.
static void begin(void)
{
    static const char *const front[][2] = {
        {"request-rx-copy", "1"},   {"feature-rx-notify", "1"},         {"feature-sg", "1"},
        {"feature-gso-tcpv4", "1"}, {"feature-gso-tcpv6", "1"},         {"tx-ring-ref", "768"},
        {"rx-ring-ref", "769"},     {"feature-ipv6-csum-offload", "1"}, {"event-channel-tx", "9"},
        {"event-channel-rx", "10"}, {"multi-queue-num-queues", "1"},
    };

    nodes_count = 0;
    tap_result = 0;
    memset(of_kind, 0, sizeof(of_kind));
    said[0] = told[0] = tap_made[0] = '\0';
    set(BACK, "mac", "00:16:3e:aa:Bb:01");
    for (size_t i = 0; i < sizeof(front) / sizeof(front[0]); i++)
        set(FRONT, front[i][0], front[i][1]);
}

static struct backend_connection connection;
static const struct netback_connection *c = (const void *)connection.kind_data;

static int connect_now(void)
{
    memset(&connection, 0, sizeof(connection));
    return netback_connect(NULL, &connection);
}

static void test_prepare(void)
{
    begin();
    CU_ASSERT_EQUAL(netback_prepare(NULL), 0);
    CU_ASSERT_STRING_EQUAL(tap_made, "vif7.1");
    CU_ASSERT_STRING_EQUAL(find(BACK "/feature-rx-copy")->value, "1");
    netback_release(NULL);
    CU_ASSERT_STRING_EQUAL(tap_made, "-vif7.1");
    set(BACK, "vifname", "web");
    CU_ASSERT_EQUAL(netback_prepare(NULL), 0);
    CU_ASSERT_STRING_EQUAL(tap_made, "web");
    netback_release(NULL);
    CU_ASSERT_STRING_EQUAL(tap_made, "-web");
    set(BACK, "vifname", "../web");
    CU_ASSERT_EQUAL(netback_prepare(NULL), -EINVAL);
    unset(BACK, "vifname");
    tap_result = -EEXIST;
    CU_ASSERT_EQUAL(netback_prepare(NULL), -EEXIST);
    tap_result = -ENODEV;
    CU_ASSERT_EQUAL(netback_prepare(NULL), -ENODEV);
    CU_ASSERT(strstr(said, "vif7.1") && strstr(said, "tun"));
    set(BACK, "mac", "00:16:3e:aa:bb");
    CU_ASSERT_EQUAL(netback_prepare(NULL), -EINVAL);
    CU_ASSERT_PTR_NOT_NULL(strstr(said, "00:16:3e:aa:bb"));
}

static void test_connect(void)
{
    static const uint8_t mac[] = {0, 0x16, 0x3e, 0xaa, 0xbb, 1};

    begin();
    CU_ASSERT_EQUAL_FATAL(connect_now(), 0);
    CU_ASSERT(!memcmp(c->mac, mac, 6) && !c->own_source_only && !c->chosen_multicast);
    CU_ASSERT_STRING_EQUAL(c->tap, "vif7.1");
    CU_ASSERT(c->guest.sg && c->guest.gso_tcpv4 && c->guest.gso_tcpv6 && c->guest.csum_ipv4);
    CU_ASSERT(c->guest.csum_ipv6 && !c->control_ring.pages && connection.queues == 1);
    CU_ASSERT_EQUAL(connection.queue[0].rings[NETBACK_TX].references[0], 768);
    CU_ASSERT_EQUAL(connection.queue[0].rings[NETBACK_RX].references[0], 769);
    CU_ASSERT(connection.queue[0].ports[0] == 9 && connection.queue[0].ports[1] == 10);
    unset(FRONT, "event-channel-tx");
    set(FRONT, "event-channel", "11");
    set(FRONT, "feature-no-csum-offload", "1");
    set(FRONT, "request-multicast-control", "1");
    set(FRONT, "ctrl-ring-ref", "770");
    set(FRONT, "event-channel-ctrl", "12");
    set(BACK, "rate", "50000,50000");
    set(BACK, "anti-spoof", "1");
    unset(FRONT, "feature-sg");
    CU_ASSERT_EQUAL_FATAL(connect_now(), 0);
    CU_ASSERT(connection.queue[0].ports[0] == 11 && connection.queue[0].ports[1] == 0);
    CU_ASSERT(!c->guest.sg && !c->guest.csum_ipv4 && c->chosen_multicast && c->own_source_only);
    CU_ASSERT(c->control_ring.references[0] == 770 && c->control_port == 12);
    CU_ASSERT_STRING_EQUAL(c->rate, "50000,50000");
}

static void test_queues(void)
{
    begin();
    set(FRONT, "multi-queue-num-queues", "2");
    for (int i = 0; i < 2; i++) {
        char folder[64], number[12];

        snprintf(folder, sizeof(folder), FRONT "/queue-%d", i);
        snprintf(number, sizeof(number), "%d", 20 + i);
        set(folder, "tx-ring-ref", number);
        set(folder, "rx-ring-ref", number);
        set(folder, "event-channel", number);
    }
    if (sysconf(_SC_NPROCESSORS_ONLN) < 2) {
        CU_ASSERT_EQUAL(connect_now(), -EINVAL);
        return;
    }
    CU_ASSERT_EQUAL_FATAL(connect_now(), 0);
    CU_ASSERT(connection.queues == 2 && connection.queue[1].ports[0] == 21);
    unset(FRONT "/queue-1", "rx-ring-ref");
    CU_ASSERT_EQUAL(connect_now(), -ENOENT);
    CU_ASSERT_PTR_NOT_NULL(strstr(said, "queue-1/rx-ring-ref"));
    set(FRONT, "multi-queue-num-queues", "5");
    CU_ASSERT_EQUAL(connect_now(), -EINVAL);
}

// One after the other is missing, or absurd: refused, and said which.
static void test_refused(void)
{
    static const struct {
        const char *folder, *name, *value; // NULL: missing
    } wrong[] = {
        {FRONT, "tx-ring-ref", NULL},
        {FRONT, "rx-ring-ref", NULL},
        {FRONT, "event-channel-rx", NULL},
        {FRONT, "request-rx-copy", NULL},
        {FRONT, "request-rx-copy", "0"},
        {FRONT, "feature-rx-notify", NULL},
        {FRONT, "tx-ring-ref", "-1"},
        {FRONT, "tx-ring-ref", "4294967296"},
        {FRONT, "rx-ring-ref", "99999999999999999999"},
        {FRONT, "rx-ring-ref", ""},
        {FRONT, "event-channel-tx", "0x9"},
        {FRONT, "event-channel-rx", "0"},
        {FRONT, "feature-sg", "2"},
        {FRONT, "feature-gso-tcpv4", "yes"},
        {FRONT, "feature-ipv6-csum-offload", " 1"},
        {FRONT, "multi-queue-num-queues", "0"},
        {FRONT, "multi-queue-num-queues", "4000000000"},
        {FRONT, "ctrl-ring-ref", "x"},
        {BACK, "rate", "1"},
        {BACK, "anti-spoof", "maybe"},
        {BACK, "mac", NULL},
    };

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        begin();
        if (wrong[i].value)
            set(wrong[i].folder, wrong[i].name, wrong[i].value);
        else
            unset(wrong[i].folder, wrong[i].name);
        CU_ASSERT(connect_now() < 0);
        CU_ASSERT_PTR_NOT_NULL(strstr(said, wrong[i].name));
    }
    begin();
    set(FRONT, "ctrl-ring-ref", "770"); // without its event channel
    CU_ASSERT(connect_now() < 0);
}

static void test_statistics(void)
{
    begin();
    netback_changed(NULL);
    CU_ASSERT_STRING_EQUAL(told, "");
    set(BACK, "statistics", "?");
    netback_changed(NULL);
    CU_ASSERT_STRING_EQUAL(told, "64");
    netback_ready(NULL, "{\"a\": 1}", 8);
    CU_ASSERT_STRING_EQUAL(find(BACK "/statistics")->value, "{\"a\": 1}");
    told[0] = '\0';
    netback_changed(NULL);
    CU_ASSERT_STRING_EQUAL(told, "");
    netback_ready(NULL, NULL, 0); // connected anew
    CU_ASSERT_STRING_EQUAL(find(BACK "/statistics")->value, "{\"a\": 1}");
}

int main(void)
{
    static CU_TestInfo tests[] = {
        {"prepared and released", test_prepare},
        {"a front end's offer", test_connect},
        {"several queues", test_queues},
        {"absurd nodes", test_refused},
        {"statistics on request", test_statistics},
        CU_TEST_INFO_NULL,
    };

    return run_suite("network device", tests);
}
