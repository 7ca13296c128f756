// disk=: parameters separated by commas, each KEY=VALUE, a flag, or the next positional one
// (target, format, vdev, access) that has not been given yet. rate= and iops= are not xl's.
#include <string.h>

#include "config/nearest.h"
#include "config/names.h"
#include "config/reader.h"
#include "config/vdev.h"

enum position { TARGET, FORMAT, VDEV, ACCESS, POSITIONS };

struct disk_reader {
    struct config_reader *r;
    const struct config_value *item; // the whole specification
    struct disk_config *disk;
    char *given[POSITIONS]; // NULL: not given, maybe ""
    char *devtype, *backendtype;
    bool failed;
};

static const char *const position_names[POSITIONS] = {"target", "format", "vdev", "access"};

#define wrong(d, ...)                                                           \
    do {                                                                        \
        (d)->failed = true;                                                     \
        config_error((d)->r->messages, &(d)->item->place, "disk", __VA_ARGS__); \
    } while (0)

static bool is_one_of(const char *word, const char *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!strcmp(word, list[i]))
            return true;
    return false;
}

#define ONE_OF(word, list) is_one_of(word, list, sizeof(list) / sizeof((list)[0]))

static void give(struct disk_reader *d, enum position position, char *value)
{
    if (d->given[position] && *d->given[position])
        wrong(d, "\"%s\" gives its %s twice", d->item->text, position_names[position]);
    d->given[position] = value;
}

// Deprecated: FORMAT:, SCRIPT: and prefixes without meaning before the target; each takes the place
// of the format.
static char *strip_prefixes(struct disk_reader *d, char *target)
{
    static const char *const formats[] = {"raw", "qcow", "qcow2", "vhd", "qed"};
    static const char *const scripts[] = {"iscsi", "nbd", "enbd", "drbd"};
    static const char *const ignored[] = {"tap", "tap2", "tapdisk", "aio", "ioemu", "file", "phy"};
    char *colon;

    while (*target != '/' && (colon = strchr(target, ':'))) {
        char *prefix = config_strndup(d->r->memory, target, (size_t)(colon - target));
        if (ONE_OF(prefix, formats)) {
            d->given[FORMAT] = prefix;
        } else if (ONE_OF(prefix, scripts)) {
            d->disk->script = config_printf(d->r->memory, "block-%s", prefix);
        } else if (!ONE_OF(prefix, ignored)) {
            wrong(d,
                  "\"%s\": the prefix '%s:' is unknown; a target with a colon goes last, as "
                  "target=...",
                  d->item->text, prefix);
            return target;
        }
        if (!d->given[FORMAT])
            d->given[FORMAT] = config_strdup(d->r->memory, "raw");
        target = colon + 1;
    }
    return target;
}

// Deprecated: VDEV:cdrom.
static bool strip_devtype(struct disk_reader *d, char *vdev)
{
    char *colon = strchr(vdev, ':');

    if (!colon || (strcmp(colon, ":cdrom") && strcmp(colon, ":disk")))
        return false;
    d->devtype = colon + 1;
    *colon = 0;
    return true;
}

static void positional(struct disk_reader *d, char *value)
{
    enum position position = TARGET;

    while (position < POSITIONS && d->given[position])
        position++;
    if (position == POSITIONS) {
        if (*value)
            wrong(d, "\"%s\": '%s' is one positional parameter too many", d->item->text, value);
        return;
    }
    if (position == TARGET)
        value = strip_prefixes(d, value);
    if (position == FORMAT && strip_devtype(d, value)) {
        d->given[FORMAT] = config_strdup(d->r->memory, "");
        position = VDEV;
    }
    d->given[position] = value;
}

static bool flag(struct disk_reader *d, const char *word)
{
    if (!strcmp(word, "cdrom"))
        d->devtype = config_strdup(d->r->memory, word);
    else if (!strcmp(word, "direct-io-safe"))
        d->disk->direct_io_safe = true;
    else if (!strcmp(word, "discard") || !strcmp(word, "no-discard"))
        d->disk->discard = *word == 'd';
    else if (!strcmp(word, "trusted") || !strcmp(word, "untrusted"))
        d->disk->trusted = *word == 't';
    else if (!strcmp(word, "colo"))
        wrong(d, "\"%s\": Vellum has no COLO", d->item->text);
    else
        return false;
    return true;
}

static void unknown(struct disk_reader *d, const char *key)
{
    static const char *const names[] = {
        "target", "format", "vdev",    "access",        "devtype",        "backendtype", "backend",
        "script", "cdrom",  "discard", "specification", "direct-io-safe", "rate",        "iops"};
    const char *nearest = config_nearest(key, names, sizeof(names) / sizeof(names[0]));

    if (nearest)
        wrong(d, "\"%s\": no parameter '%s'; did you mean '%s'?", d->item->text, key, nearest);
    else
        wrong(d, "\"%s\": no parameter '%s'; vl.cfg(5) lists all", d->item->text, key);
}

static void take_iops(struct disk_reader *d, const char *value)
{
    int64_t number;

    if (!config_parse_number(value, &number) || number < 1 || number > 1000000000)
        wrong(d, "\"%s\": iops is a number of requests a second, not '%s'", d->item->text, value);
    else
        d->disk->iops = (uint32_t)number;
}

static void take_rate(struct disk_reader *d, const char *value)
{
    if (!config_parse_rate(value, &d->disk->rate))
        wrong(d, "\"%s\": " CONFIG_NO_RATE, d->item->text, value);
}

static void named(struct disk_reader *d, const char *key, char *value)
{
    for (enum position p = TARGET; p < POSITIONS; p++)
        if (!strcmp(key, position_names[p])) {
            give(d, p, value);
            return;
        }
    if (!strcmp(key, "devtype"))
        d->devtype = value;
    else if (!strcmp(key, "backendtype"))
        d->backendtype = value;
    else if (!strcmp(key, "backend"))
        d->disk->backend_domain = value;
    else if (!strcmp(key, "script"))
        d->disk->script = value;
    else if (!strcmp(key, "rate"))
        take_rate(d, value);
    else if (!strcmp(key, "iops"))
        take_iops(d, value);
    else if (!strcmp(key, "specification") && strcmp(value, "xen"))
        wrong(d, "\"%s\": Vellum has no disks of specification '%s'", d->item->text, value);
    else if (!strncmp(key, "colo-", 5) || !strcmp(key, "active-disk") ||
             !strcmp(key, "hidden-disk"))
        wrong(d, "\"%s\": Vellum has no COLO", d->item->text);
    else if (strcmp(key, "specification"))
        unknown(d, key);
}

static void trim(char *text)
{
    size_t length = strlen(text);

    while (length && strchr(" \t", text[length - 1]))
        text[--length] = 0;
}

// Takes the next parameter off `at`; "target=" takes the whole rest.
static char *next_parameter(char *at)
{
    char *comma = strchr(at, ',');

    if (!strncmp(at, "target=", 7)) {
        comma = NULL;
    } else {
        if (comma)
            *comma = 0;
        trim(at);
    }
    return comma ? comma + 1 : NULL;
}

static void split(struct disk_reader *d, char *at)
{
    while (at) {
        at += strspn(at, " \t");
        char *next = next_parameter(at);
        char *equals = strchr(at, '=');
        if (equals) {
            *equals = 0;
            named(d, at, equals + 1);
        } else if (!flag(d, at)) {
            positional(d, at);
        }
        at = next;
    }
}

static void choose(struct disk_reader *d, const char *what, const char *value,
                   const struct config_names *names, unsigned *out)
{
    for (unsigned i = 0; i < names->count; i++)
        if (!strcmp(value, names->file[i])) {
            *out = i;
            return;
        }
    const char *nearest = config_nearest(value, names->file, names->count);
    if (nearest)
        wrong(d, "\"%s\": there is no %s '%s'; did you mean '%s'?", d->item->text, what, value,
              nearest);
    else
        wrong(d, "\"%s\": there is no %s '%s'", d->item->text, what, value);
}

static void finish_access(struct disk_reader *d)
{
    const char *access = d->given[ACCESS];

    d->disk->writable = !d->disk->cdrom;
    if (!access || !*access)
        return;
    if (!strcmp(access, "ro") || !strcmp(access, "r"))
        d->disk->writable = false;
    else if (strcmp(access, "rw") && strcmp(access, "w"))
        wrong(d, "\"%s\": access is r, ro, w or rw, not '%s'", d->item->text, access);
}

static void finish_vdev(struct disk_reader *d)
{
    struct disk_config *disk = d->disk;

    disk->vdev = d->given[VDEV];
    if (!disk->vdev || !*disk->vdev) {
        wrong(d, "\"%s\" does not say which disk the guest shall see (vdev=xvda)", d->item->text);
        return;
    }
    strip_devtype(d, disk->vdev);
    if (!vdev_number(disk->vdev, &disk->device))
        wrong(d, "\"%s\": '%s' is no name of a disk (xvda1, hdc, sdb, d16p1)", d->item->text,
              disk->vdev);
}

static void finish(struct disk_reader *d)
{
    struct disk_config *disk = d->disk;
    unsigned choice = DISK_RAW;

    finish_vdev(d);
    if (d->devtype && !strcmp(d->devtype, "cdrom"))
        disk->cdrom = true;
    else if (d->devtype && strcmp(d->devtype, "disk"))
        wrong(d, "\"%s\": there is no devtype '%s', only cdrom", d->item->text, d->devtype);
    if (d->given[FORMAT] && *d->given[FORMAT])
        choose(d, "format", d->given[FORMAT], &config_disk_format_names, &choice);
    disk->format = choice;
    choice = DISK_BACKEND_ANY;
    if (d->backendtype && *d->backendtype)
        choose(d, "backendtype", d->backendtype, &config_disk_backend_names, &choice);
    disk->backend_type = choice;
    disk->target = d->given[TARGET] && *d->given[TARGET] ? d->given[TARGET] : NULL;
    if (!disk->target && !disk->cdrom)
        wrong(d, "\"%s\" does not say what the disk consists of (target=/path)", d->item->text);
    if (!disk->target)
        disk->format = DISK_EMPTY;
    finish_access(d);
    if (disk->cdrom)
        disk->writable = false;
}

static void check_unique(struct config_reader *r, const struct config_value *list)
{
    for (size_t i = 0; i < list->count; i++)
        for (size_t j = 0; j < i; j++)
            if (r->config->disks[i].vdev && r->config->disks[j].vdev &&
                r->config->disks[i].device == r->config->disks[j].device)
                config_error(r->messages, &list->items[i]->place, "disk",
                             "\"%s\": the guest has another disk '%s' already",
                             list->items[i]->text, r->config->disks[j].vdev);
}

void config_read_disks(struct config_reader *r)
{
    struct config_value *list;
    unsigned errors = r->messages->errors;

    if (!config_read_list(r, "disk", "disks", &list))
        return;
    r->config->disks = config_alloc(r->memory, list->count * sizeof(*r->config->disks));
    for (size_t i = 0; i < list->count; i++) {
        struct disk_config *disk = &r->config->disks[r->config->disks_count++];
        struct disk_reader d = {.r = r, .item = list->items[i], .disk = disk};
        const char *text = config_item_text(r, "disk", list->items[i]);
        *disk = (struct disk_config){.discard = true, .trusted = true};
        if (!text)
            continue;
        split(&d, config_strdup(r->memory, text));
        if (!d.failed)
            finish(&d);
    }
    if (r->messages->errors == errors)
        check_unique(r, list);
}
