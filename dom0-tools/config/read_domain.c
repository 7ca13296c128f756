// Who the domain is, what it starts with, and what becomes of it: name, type, uuid, pool, kernel,
// on_*.
#include <ctype.h>
#include <string.h>
#include <uuid/uuid.h>

#include "config/names.h"
#include "config/reader.h"

static void read_name(struct config_reader *r)
{
    struct config_place place = config_place_of(r, "name");

    if (!config_read_string(r, "name", &r->config->name)) {
        if (!config_take(r->settings, "name"))
            config_error(r->messages, &place, "name",
                         "is missing; every domain has one: name=\"...\"");
        return;
    }
    const char *name = r->config->name;
    if (!*name || strchr(name, '/') || strlen(name) > DOMAIN_NAME_LENGTH)
        config_error(r->messages, &place, "name",
                     "\"%.40s\": a name has 1 to %d characters, none of them '/'", name,
                     DOMAIN_NAME_LENGTH);
    else if (name[strspn(name, "0123456789")] == 0)
        config_warn(r->messages, &place, "name",
                    "\"%s\" looks like a domain's number, and commands will take it for one", name);
    for (const char *c = name; *c; c++)
        if (iscntrl((unsigned char)*c)) {
            config_error(r->messages, &place, "name", "has a control character (%d) in it", *c);
            return;
        }
}

static void read_type(struct config_reader *r)
{
    static const char *const builders[] = {"generic", "hvm"};
    unsigned builder = 0, type;

    if (config_read_choice(r, "builder", builders, 2, &builder) && builder)
        r->config->type = DOMAIN_TYPE_HVM;
    const char *key = config_take(r->settings, "type") ? "type" : "builder";
    struct config_place place = config_place_of(r, key);
    if (config_read_choice(r, "type", config_type_names.file, config_type_names.count, &type)) {
        if (config_take(r->settings, "builder") && builder != (type == DOMAIN_TYPE_HVM))
            config_error(r->messages, &place, "type", "contradicts builder=\"%s\"; leave that out",
                         builders[builder]);
        r->config->type = type;
    }
}

void config_read_identity(struct config_reader *r)
{
    char *text;

    read_name(r);
    read_type(r);
    config_read_string(r, "pool", &r->config->pool);
    uuid_generate(r->config->uuid);
    if (config_read_string(r, "uuid", &text) && uuid_parse(text, r->config->uuid)) {
        struct config_place place = config_place_of(r, "uuid");
        config_error(r->messages, &place, "uuid",
                     "\"%s\" is no UUID (like 59e1cf6c-6ab9-4879-90e7-adc8d1c63bf5); without the "
                     "key one is made up",
                     text);
    }
}

static void read_action(struct config_reader *r, const char *key, enum domain_action *out)
{
    unsigned choice;

    if (!config_read_choice(r, key, config_action_names.file, config_action_names.count, &choice))
        return;
    *out = choice;
    if (choice == ACTION_SOFT_RESET && out != &r->config->on_soft_reset) {
        struct config_place place = config_place_of(r, key);
        config_error(
            r->messages, &place, key,
            "\"soft-reset\" is an answer to a guest that asks for it (on_soft_reset) alone, "
            "and no guest is reset in place here; say \"restart\"");
    }
}

void config_read_actions(struct config_reader *r)
{
    struct domain_config *config = r->config;

    read_action(r, "on_poweroff", &config->on_poweroff);
    read_action(r, "on_reboot", &config->on_reboot);
    read_action(r, "on_watchdog", &config->on_watchdog);
    read_action(r, "on_crash", &config->on_crash);
    read_action(r, "on_soft_reset", &config->on_soft_reset);
}

static void read_cmdline(struct config_reader *r)
{
    char *root = NULL, *extra = NULL, *cmdline = NULL;

    config_read_string(r, "root", &root);
    config_read_string(r, "extra", &extra);
    if (config_read_string(r, "cmdline", &cmdline)) {
        const char *loser = root ? "root" : "extra";
        struct config_place place = config_place_of(r, loser);
        if (root || extra)
            config_warn(r->messages, &place, loser, "has no effect beside cmdline=");
    } else if (root) {
        cmdline =
            config_printf(r->memory, "root=%s%s%s", root, extra ? " " : "", extra ? extra : "");
    } else {
        cmdline = extra;
    }
    if (cmdline)
        r->config->cmdline = cmdline;
}

void config_read_boot(struct config_reader *r)
{
    struct domain_config *config = r->config;

    config_read_string(r, "kernel", &config->kernel);
    config_read_string(r, "ramdisk", &config->ramdisk);
    if (config->ramdisk && !*config->ramdisk)
        config->ramdisk = NULL;
    if (!config->kernel || !*config->kernel) {
        struct config_place place = config_place_of(r, "kernel");
        if (config->type != DOMAIN_TYPE_HVM && !config_take(r->settings, "bootloader") &&
            !config_take(r->settings, "firmware"))
            config_error(r->messages, &place, "kernel",
                         "is missing: the path of the guest's kernel, say "
                         "kernel=\"/boot/vmlinuz-6.1.0-amd64\"");
    }
    read_cmdline(r);
}
