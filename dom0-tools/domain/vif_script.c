// The scripts of network cards: what they are told, and how they are called.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "domain/script.h"
#include "domain/vifs.h"

struct script {
    const struct toolstack *t;
    domid_t id;
    uint32_t number;
    const char *back; // the back end's path
};

static char *back_node(const struct script *s, const char *name)
{
    char path[2 * DOMAIN_PATH_MAX];

    snprintf(path, sizeof(path), "%s/%s", s->back, name);
    return xs_read(s->t->store, XBT_NULL, path, NULL);
}

// As libxl calls such scripts, with what they would look up in the store besides.
static void describe_surroundings(const struct script *s, struct script_words *env)
{
    static const char *const copied[] = {"bridge", "ip", "mac", "mtu", "gatewaydev", "script"};
    char text[DOMAIN_PATH_MAX];
    char *name = back_node(s, "vifname");

    snprintf(text, sizeof(text), "vif%u.%u", s->id, s->number);
    script_tell(env, "vif", name && *name ? name : text);
    script_tell(env, "INTERFACE", name && *name ? name : text);
    free(name);
    for (size_t i = 0; i < sizeof(copied) / sizeof(copied[0]); i++) {
        char *value = back_node(s, copied[i]);

        if (value)
            script_tell(env, copied[i], value);
        free(value);
    }
    script_tell(env, "type_if", "vif");
    script_tell_device(env, VIF_KIND, s->back);
}

static int run(const struct script *s, char *path, const char *verb)
{
    char *arguments[] = {path, (char *)verb, (char *)"type_if=vif", NULL};
    struct script_words env = {0};
    char whose[64];
    int rc;

    snprintf(whose, sizeof(whose), "network card %u of domain %u", s->number, s->id);
    describe_surroundings(s, &env);
    rc = script_run(s->t, whose, arguments, &env, NULL);
    script_forget(&env);
    return rc;
}

// What was never joined with anything is not to be taken out: its name may be another's.
static bool is_online(const struct script *s)
{
    char *status = back_node(s, "hotplug-status");
    bool is = status && !strcmp(status, "connected");

    free(status);
    return is;
}

static int run_script(const struct script *s, const char *verb)
{
    char *path = back_node(s, "script");
    int rc = 0;

    if (path && *path && (!strcmp(verb, "online") || is_online(s)))
        rc = run(s, path, verb);
    free(path);
    return rc;
}

static int tell_back_end(const struct script *s)
{
    char path[2 * DOMAIN_PATH_MAX];

    snprintf(path, sizeof(path), "%s/hotplug-status", s->back);
    if (xs_write(s->t->store, XBT_NULL, path, "connected", 9))
        return 0;
    return domain_fail(s->t, -errno, "%s cannot be written", path);
}

int vif_script(const struct toolstack *t, domid_t id, uint32_t number, const char *verb)
{
    struct script script = {t, id, number, NULL};
    struct device_entry *entries;
    int count = device_list(t, id, VIF_KIND, &entries), rc = -ENOENT;

    if (count < 0)
        return domain_fail(t, count, "network cards of domain %u", id);
    for (int i = 0; i < count; i++) {
        if (entries[i].number != number)
            continue;
        script.back = entries[i].back_path;
        rc = run_script(&script, verb);
        if (!rc && !strcmp(verb, "online"))
            rc = tell_back_end(&script);
    }
    device_list_free(entries, count);
    return rc;
}

void vifs_offline(const struct toolstack *t, domid_t id)
{
    struct device_entry *entries;
    int count = device_list(t, id, VIF_KIND, &entries);

    for (int i = 0; i < count; i++) {
        struct script script = {t, id, entries[i].number, entries[i].back_path};

        run_script(&script, "offline");
    }
    if (count >= 0)
        device_list_free(entries, count);
}
