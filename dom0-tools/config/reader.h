// From settings to a domain's configuration: values of the expected kind, and the families of keys.
#pragma once

#include "config/domain_config.h"
#include "config/syntax.h"

struct config_reader {
    struct config_settings *settings;
    struct config_memory *memory;
    struct config_messages *messages;
    struct domain_config *config;
};

// Each reads the value of `key`: false if it is not given or wrong (which is said); *out is only
// written when it is right.
bool config_read_string(struct config_reader *reader, const char *key, char **out);
bool config_read_number(struct config_reader *reader, const char *key, int64_t least, int64_t most,
                        int64_t *out);
bool config_read_bool(struct config_reader *reader, const char *key, bool *out);

// A list; a single value where a list is meant is an error. `meaning` says of what: "disks".
bool config_read_list(struct config_reader *reader, const char *key, const char *meaning,
                      struct config_value **out);

// The text of a list's item, which must be a string or a number; NULL if it is a list (said).
const char *config_item_text(struct config_reader *reader, const char *key,
                             const struct config_value *item);

// A name out of `names`, whose place it gives.
bool config_read_choice(struct config_reader *reader, const char *key, const char *const *names,
                        size_t count, unsigned *out);

// A number as xl.cfg writes it (decimal, 0 octal, 0x hexadecimal), all of `text`.
bool config_parse_number(const char *text, int64_t *out);

// RATE/s[@INTERVAL], as "10Mb/s" or "1MB/s@20ms"; the interval is 50 ms unless given. False: it is
// not of that form, or no byte an interval.
bool config_parse_rate(const char *text, struct rate_config *out);
#define CONFIG_NO_RATE "'%s' is no rate (10Mb/s, 250KB/s, 1MB/s@20ms)"

// The families. Each fills in its part of the configuration, defaults included.
void config_read_identity(struct config_reader *reader);
void config_read_actions(struct config_reader *reader);
void config_read_cpus(struct config_reader *reader);
void config_read_cpuid(struct config_reader *reader);
void config_read_memory(struct config_reader *reader);
void config_read_boot(struct config_reader *reader);
void config_read_hvm(struct config_reader *reader);
void config_read_limits(struct config_reader *reader);
void config_read_time(struct config_reader *reader);
void config_read_hardware(struct config_reader *reader);
void config_read_disks(struct config_reader *reader);
void config_read_vifs(struct config_reader *reader);

// Where `key` is set; the configuration as a whole if it is not.
struct config_place config_place_of(struct config_reader *reader, const char *key);

// All families: the configuration in *out, which owns the settings' memory; -EINVAL (said) if
// anything was wrong, and the memory is the caller's.
int config_read_settings(struct config_settings *settings, struct domain_config **out);
