#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "config/keys.h"
#include "config/reader.h"

#define MOST_TEXT (256 * 1024)

static void fill_defaults(struct domain_config *config)
{
    *config = (struct domain_config){
        .type = DOMAIN_TYPE_PV,
        .name = "",
        .pool = "Pool-0",
        .vcpus = 1,
        .max_vcpus = 1,
        .weight = 256,
        .memory_kib = 32 * 1024,
        .max_memory_kib = 32 * 1024,
        .cmdline = "",
        .hvm = {.boot = "cda",
                .acpi = true,
                .acpi_s3 = true,
                .acpi_s4 = true,
                .apic = true,
                .hpet = true,
                .platform_pci = true,
                .vga = HVM_VGA_CIRRUS,
                .video_mib = -1,
                .vnc = true,
                .vnc_unused = true},
        .on_poweroff = ACTION_DESTROY,
        .on_reboot = ACTION_RESTART,
        .on_watchdog = ACTION_DESTROY,
        .on_crash = ACTION_DESTROY,
        .on_soft_reset = ACTION_SOFT_RESET,
        .max_event_channels = 1023,
        .max_grant_frames = -1,
        .max_maptrack_frames = -1,
        .max_grant_version = -1,
        .owned = config->owned,
    };
}

static void read_families(struct config_reader *reader)
{
    config_read_identity(reader);
    config_check_keys(reader->settings, reader->config->type == DOMAIN_TYPE_HVM);
    config_read_actions(reader);
    config_read_cpus(reader);
    config_read_memory(reader);
    config_read_boot(reader);
    config_read_hvm(reader);
    config_read_limits(reader);
    config_read_time(reader);
    config_read_hardware(reader);
    config_read_cpuid(reader);
    config_read_disks(reader);
    config_read_vifs(reader);
}

// A key of the table that no family reads would be ignored in silence: a mistake of this program.
static void check_taken(struct config_reader *reader)
{
    for (size_t i = 0; i < reader->settings->count; i++) {
        const struct config_setting *setting = &reader->settings->list[i];
        const struct config_key *key = config_key_find(setting->key);
        bool used = key && (key->use == KEY_USED ||
                            (key->use == KEY_HVM && reader->config->type == DOMAIN_TYPE_HVM));
        if (used && !setting->taken)
            config_error(reader->messages, &setting->value->place, setting->key,
                         "was not read (a mistake of this program)");
    }
}

int config_read_settings(struct config_settings *settings, struct domain_config **out)
{
    struct config_memory *memory = settings->memory;
    struct domain_config *config = config_alloc(memory, sizeof(*config));
    struct config_reader reader = {settings, memory, settings->messages, config};

    config->owned = memory;
    fill_defaults(config);
    if (!settings->messages->errors) {
        read_families(&reader);
        check_taken(&reader);
    }
    if (settings->messages->errors)
        return -EINVAL;
    *out = config;
    return 0;
}

int domain_config_read(const struct config_source *source, bool warnings, FILE *messages,
                       struct domain_config **out)
{
    struct config_memory *memory = config_memory_new();
    struct config_messages said = {.out = messages, .warnings = warnings};
    struct config_settings settings = {.memory = memory, .messages = &said};

    if (source->text)
        config_parse(&settings, config_strdup(memory, source->path), source->text, source->length);
    for (size_t i = 0; i < source->overrides_count; i++)
        config_parse_override(&settings, source->overrides[i]);
    int error = config_read_settings(&settings, out);
    if (error)
        config_memory_free(memory);
    return error;
}

static int read_all(int fd, char *buffer, size_t size, size_t *length)
{
    ssize_t count = 0;

    for (*length = 0; *length < size; *length += (size_t)count) {
        count = read(fd, buffer + *length, size - *length);
        if (count < 0 && errno == EINTR)
            count = 0;
        else if (count <= 0)
            break;
    }
    if (count < 0)
        return -errno;
    return *length == size ? -EFBIG : 0;
}

int domain_config_load(const char *path, const char *const *overrides, size_t overrides_count,
                       bool warnings, FILE *messages, struct domain_config **out)
{
    struct config_source source = {
        .path = path, .overrides = overrides, .overrides_count = overrides_count};
    struct config_memory *memory = config_memory_new();
    int error = 0;

    if (path) {
        char *text = config_alloc(memory, MOST_TEXT + 1);
        bool standard = !strcmp(path, "-");
        int fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
        error = fd < 0 ? -errno : read_all(fd, text, MOST_TEXT + 1, &source.length);
        source.text = text;
        if (fd >= 0 && !standard)
            close(fd);
    }
    if (error == -EFBIG)
        fprintf(messages, "%s: larger than 256 KiB: this is no domain's configuration\n", path);
    else if (error)
        fprintf(messages, "%s: cannot be read: %s\n", path, strerror(-error));
    else
        error = domain_config_read(&source, warnings, messages, out);
    config_memory_free(memory);
    return error;
}

void domain_config_free(struct domain_config *config)
{
    if (config)
        config_memory_free(config->owned);
}
