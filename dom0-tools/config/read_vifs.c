// vif=: KEY=VALUE and flags, separated by commas; all of them optional. backendtype= and antispoof
// are not xl's.
#include <string.h>
#include <stdlib.h>
#include <uuid/uuid.h>

#include "config/nearest.h"
#include "config/reader.h"

struct vif_reader {
    struct config_reader *r;
    const struct config_value *item;
    struct vif_config *vif;
    bool mac_given;
};

#define wrong(v, ...) config_error((v)->r->messages, &(v)->item->place, "vif", __VA_ARGS__)

// Six bytes in hexadecimal, with ':' or '-' between them.
static bool parse_mac(const char *text, uint8_t mac[6])
{
    for (int i = 0; i < 6; i++) {
        size_t digits = strspn(text, "0123456789abcdefABCDEF");
        if (digits < 1 || digits > 2)
            return false;
        mac[i] = (uint8_t)strtoul(text, NULL, 16);
        text += digits;
        if (i < 5 && *text != ':' && *text != '-')
            return false;
        text += i < 5;
    }
    return !*text;
}

static void take_number(struct vif_reader *v, const char *key, const char *value, int64_t most,
                        uint32_t *out)
{
    int64_t number;

    if (!config_parse_number(value, &number) || number < 0 || number > most)
        wrong(v, "\"%s\": %s is a number up to %d, not '%s'", v->item->text, key, (int)most, value);
    else
        *out = (uint32_t)number;
}

static void unknown(struct vif_reader *v, const char *key)
{
    static const char *const names[] = {"mac",     "bridge",    "gatewaydev",  "type",
                                        "model",   "vifname",   "script",      "ip",
                                        "backend", "rate",      "devid",       "mtu",
                                        "trusted", "untrusted", "backendtype", "antispoof"};
    const char *nearest = config_nearest(key, names, sizeof(names) / sizeof(names[0]));

    if (nearest)
        wrong(v, "\"%s\": no parameter '%s'; did you mean '%s'?", v->item->text, key, nearest);
    else
        wrong(v, "\"%s\": no parameter '%s'; vl.cfg(5) lists all", v->item->text, key);
}

// Those that are plain strings.
static char **string_of(struct vif_config *vif, const char *key)
{
    const struct {
        const char *key;
        char **string;
    } strings[] = {
        {"bridge", &vif->bridge},          {"gatewaydev", &vif->gatewaydev},
        {"netdev", &vif->gatewaydev},      {"vifname", &vif->ifname},
        {"script", &vif->script},          {"ip", &vif->ip},
        {"backend", &vif->backend_domain}, {"model", &vif->model},
    };

    for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++)
        if (!strcmp(strings[i].key, key))
            return strings[i].string;
    return NULL;
}

static void take_backend(struct vif_reader *v, const char *value)
{
    for (int i = VIF_BACKEND_VELLUM; i <= VIF_BACKEND_LINUX; i++)
        if (!strcmp(value, vif_backend_name((enum vif_backend)i))) {
            v->vif->backend_type = (enum vif_backend)i;
            return;
        }
    wrong(v, "\"%s\": backendtype is vellum (vellum-netback) or linux (xen-netback), not '%s'",
          v->item->text, value);
}

static void take_mac(struct vif_reader *v, const char *value)
{
    v->mac_given = true;
    if (!parse_mac(value, v->vif->mac))
        wrong(v, "\"%s\": '%s' is no MAC address (00:16:3e:74:3d:76)", v->item->text, value);
    else if (v->vif->mac[0] & 1)
        wrong(v, "\"%s\": '%s' is a multicast address; make the first byte even", v->item->text,
              value);
}

static void named(struct vif_reader *v, const char *key, char *value)
{
    char **string = string_of(v->vif, key);

    if (string)
        *string = *value ? value : NULL;
    else if (!strcmp(key, "mac"))
        take_mac(v, value);
    else if (!strcmp(key, "backendtype"))
        take_backend(v, value);
    else if (!strcmp(key, "devid"))
        take_number(v, key, value, 65535, &v->vif->devid);
    else if (!strcmp(key, "mtu"))
        take_number(v, key, value, 65535, &v->vif->mtu);
    else if (!strcmp(key, "type") && strcmp(value, "vif") && strcmp(value, "ioemu"))
        wrong(v, "\"%s\": type is vif or ioemu, not '%s'", v->item->text, value);
    else if (!strcmp(key, "rate") && !config_parse_rate(value, &v->vif->rate))
        wrong(v, "\"%s\": " CONFIG_NO_RATE, v->item->text, value);
    else if (strcmp(key, "rate") && strcmp(key, "type"))
        unknown(v, key);
}

static void parameter(struct vif_reader *v, char *word)
{
    char *equals = strchr(word, '=');

    if (equals) {
        *equals = 0;
        named(v, word, equals + 1);
    } else if (!strcmp(word, "trusted") || !strcmp(word, "untrusted")) {
        v->vif->trusted = *word == 't';
    } else if (!strcmp(word, "antispoof")) {
        v->vif->own_source_only = true;
    } else if (*word) {
        unknown(v, word);
    }
}

// Xen's own range; the rest is random.
static void make_mac(uint8_t mac[6])
{
    uuid_t random;

    uuid_generate_random(random);
    memcpy(mac, (const uint8_t[]){0x00, 0x16, 0x3e}, 3);
    memcpy(mac + 3, random, 3);
    mac[3] &= 0x7f;
}

static void check_unique(struct config_reader *r, const struct config_value *list)
{
    const struct vif_config *vifs = r->config->vifs;

    for (size_t i = 0; i < list->count; i++)
        for (size_t j = 0; j < i; j++) {
            if (vifs[i].devid == vifs[j].devid)
                config_error(r->messages, &list->items[i]->place, "vif",
                             "\"%s\": devid %u is taken already", list->items[i]->text,
                             vifs[i].devid);
            if (!memcmp(vifs[i].mac, vifs[j].mac, 6))
                config_error(r->messages, &list->items[i]->place, "vif",
                             "\"%s\": two cards have this MAC address", list->items[i]->text);
        }
}

void config_read_vifs(struct config_reader *r)
{
    struct config_value *list;
    unsigned errors = r->messages->errors;

    if (!config_read_list(r, "vif", "network cards", &list))
        return;
    r->config->vifs = config_alloc(r->memory, list->count * sizeof(*r->config->vifs));
    for (size_t i = 0; i < list->count; i++) {
        struct vif_config *vif = &r->config->vifs[r->config->vifs_count++];
        struct vif_reader v = {.r = r, .item = list->items[i], .vif = vif};
        const char *text = config_item_text(r, "vif", list->items[i]);
        char *rest = config_strdup(r->memory, text ? text : "");
        *vif = (struct vif_config){.devid = (uint32_t)i, .trusted = true};
        for (char *word; (word = strsep(&rest, ","));) {
            word += strspn(word, " \t");
            parameter(&v, word);
        }
        if (!v.mac_given)
            make_mac(vif->mac);
    }
    if (r->messages->errors == errors)
        check_unique(r, list);
}
