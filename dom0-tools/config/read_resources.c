// Memory, limits, clocks, and the machine's ports, interrupts and memory that a guest may use.
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "config/names.h"
#include "config/reader.h"

#define MOST_MIB (INT64_C(1) << 34) // 16 PiB: what page numbers of a PV guest can say

void config_read_memory(struct config_reader *r)
{
    struct domain_config *config = r->config;
    struct config_place place = config_place_of(r, "maxmem");
    int64_t now, most;

    if (config_read_number(r, "memory", 1, MOST_MIB, &now))
        config->memory_kib = config->max_memory_kib = (uint64_t)now * 1024;
    else if (!config_take(r->settings, "memory"))
        config_warn(r->messages, &place, "memory", "is not given; the domain gets 32 MiB");
    if (!config_read_number(r, "maxmem", 1, MOST_MIB, &most))
        return;
    config->max_memory_kib = (uint64_t)most * 1024;
    if (config->max_memory_kib < config->memory_kib)
        config_error(r->messages, &place, "maxmem",
                     "%" PRId64 " is less than memory, which is %" PRIu64, most,
                     config->memory_kib / 1024);
}

static void read_int(struct config_reader *r, const char *key, int64_t most, int *out)
{
    int64_t number;

    if (config_read_number(r, key, 0, most, &number))
        *out = (int)number;
}

void config_read_limits(struct config_reader *r)
{
    static const char *const passthrough[] = {"default", "disabled", "enabled", "sync_pt",
                                              "share_pt"};
    struct domain_config *config = r->config;
    int64_t number;
    unsigned choice;

    read_int(r, "max_grant_frames", INT32_MAX, &config->max_grant_frames);
    read_int(r, "max_maptrack_frames", INT32_MAX, &config->max_maptrack_frames);
    read_int(r, "max_grant_version", 2, &config->max_grant_version);
    if (config_read_number(r, "max_event_channels", 0, 131071, &number) && number)
        config->max_event_channels = (unsigned)number; // xl reads 0 as "not given"
    config_read_bool(r, "nomigrate", &config->nomigrate);
    config_read_bool(r, "driver_domain", &config->driver_domain);
    config_read_bool(r, "xend_suspend_evtchn_compat", &config->suspend_compat);
    struct config_place place = config_place_of(r, "passthrough");
    if (config_read_choice(r, "passthrough", passthrough, 5, &choice) && choice > 1)
        config_error(r->messages, &place, "passthrough",
                     "\"%s\" cannot be had: Vellum does not pass devices through",
                     passthrough[choice]);
}

void config_read_time(struct config_reader *r)
{
    struct config_setting *mode = config_take(r->settings, "tsc_mode");
    unsigned choice;
    int64_t number;

    if (mode && mode->value->kind != CONFIG_LIST &&
        config_parse_number(mode->value->text, &number)) {
        if (config_read_number(r, "tsc_mode", TSC_DEFAULT, TSC_NATIVE, &number))
            r->config->tsc_mode = (enum domain_tsc_mode)number;
    } else if (config_read_choice(r, "tsc_mode", config_tsc_mode_names.file,
                                  config_tsc_mode_names.count, &choice)) {
        r->config->tsc_mode = choice;
    }
    config_read_bool(r, "localtime", &r->config->localtime);
    if (config_read_number(r, "rtc_timeoffset", INT32_MIN, INT32_MAX, &number))
        r->config->time_offset = (int32_t)number;
}

static bool parse_hex(const char **at, uint64_t most, uint64_t *out)
{
    char *end;

    if (!strchr("0123456789abcdefABCDEF", **at) || !**at)
        return false;
    *out = strtoull(*at, &end, 16);
    *at = end;
    return *out <= most;
}

static bool parse_ports(const char *text, struct io_port_range *out)
{
    uint64_t first, last;

    if (!parse_hex(&text, 0xffff, &first))
        return false;
    last = first;
    if (*text == '-' && (text++, !parse_hex(&text, 0xffff, &last)))
        return false;
    *out = (struct io_port_range){(uint32_t)first, (uint32_t)(last - first + 1)};
    return !*text && last >= first;
}

// FIRST,FRAMES[@GUEST], all hexadecimal.
static bool parse_frames(const char *text, struct io_memory_range *out)
{
    const uint64_t most = UINT64_C(1) << 40; // frames: 52 bits of address

    if (!parse_hex(&text, most, &out->first_frame) || *text++ != ',' ||
        !parse_hex(&text, most, &out->frames) || !out->frames)
        return false;
    out->guest_frame = out->first_frame;
    if (*text == '@' && (text++, !parse_hex(&text, most, &out->guest_frame)))
        return false;
    return !*text;
}

static bool parse_irq(const char *text, uint32_t *out)
{
    int64_t number;

    if (!config_parse_number(text, &number) || number < 0 || number > 65535)
        return false;
    *out = (uint32_t)number;
    return true;
}

static void wrong(struct config_reader *r, const char *key, const struct config_value *item,
                  const char *text, const char *form)
{
    config_error(r->messages, &item->place, key, "\"%s\" is not of the form %s", text, form);
}

#define READ_LIST(r, key, meaning, form, parse, list, number)               \
    do {                                                                    \
        struct config_value *value;                                         \
        if (!config_read_list(r, key, meaning, &value))                     \
            break;                                                          \
        (list) = config_alloc((r)->memory, value->count * sizeof(*(list))); \
        for (size_t i = 0; i < value->count; i++) {                         \
            const char *text = config_item_text(r, key, value->items[i]);   \
            if (text && !parse(text, &(list)[(number)++]))                  \
                wrong(r, key, value->items[i], text, form);                 \
        }                                                                   \
    } while (0)

void config_read_hardware(struct config_reader *r)
{
    struct domain_config *config = r->config;

    READ_LIST(r, "ioports", "port ranges", "2f8 or 2f8-2ff (hexadecimal)", parse_ports,
              config->ioports, config->ioports_count);
    READ_LIST(r, "irqs", "interrupts", "7", parse_irq, config->irqs, config->irqs_count);
    READ_LIST(r, "iomem", "frame ranges", "FIRST,FRAMES[@GUEST] (hexadecimal frame numbers)",
              parse_frames, config->iomem, config->iomem_count);
}
