// save, restore: domains in files, as xl writes and reads them.
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "stream/stream.h"
#include "vl/commands.h"
#include "vl/create.h"
#include "vl/domains.h"
#include "vl/new_file.h"
#include "vl/save.h"

static void on_signal(int signal)
{
    (void)signal;
    stream_interrupted = 1;
}

void vl_heed_signals(bool heed)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction action = {.sa_handler = heed ? on_signal : SIG_DFL}, old;

    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
        if (!sigaction(signals[i], NULL, &old) && old.sa_handler != SIG_IGN) // as nohup(1) wants
            sigaction(signals[i], &action, NULL);
}

// The domain is suspended in any case; what follows is what was asked for.
static int after_save(domid_t domain, bool keep, bool paused)
{
    const struct toolstack *t = vl_toolstack();

    if (!keep)
        return domain_destroy(t, domain) ? VL_FAILED : VL_OK;
    if (paused && domain_pause(t, domain))
        return VL_FAILED;
    return domain_resume(t, domain) ? VL_FAILED : VL_OK;
}

// An unfinished file is removed, for nobody shall restore half a domain; an older one stays.
static int save_to(domid_t domain, const char *path)
{
    const struct toolstack *t = vl_toolstack();
    struct new_file file;
    int error = new_file_open(&file, path);

    if (error)
        return vl_fail(error, "'%s' cannot be written", path);
    error = domain_save(t, domain, file.fd, false, NULL);
    if (error) {
        new_file_drop(&file);
    } else {
        error = new_file_keep(&file);
        if (error)
            domain_resume(t, domain);
    }
    if (!error)
        return VL_OK;
    return vl_fail(error, "domain %u was not saved to '%s', and runs as before", domain, path);
}

int vl_save(int argc, char **argv)
{
    bool keep = false, paused = false;
    int option;

    while ((option = vl_option(argc, argv, "cpD", NULL)) != -1) {
        keep |= option == 'c' || option == 'p';
        paused |= option == 'p';
    }
    int count = vl_operands(argc, 2, 3);
    domid_t domain = vl_guest(argv[optind], "saved");
    const char *path = argv[optind + 1];
    int result = count == 3 ? vl_replace_config(domain, argv[optind + 2]) : VL_OK;
    vl_heed_signals(true);
    if (!result)
        result = save_to(domain, path);
    vl_heed_signals(false);
    return result ? result : after_save(domain, keep, paused);
}

static int restore_from(int fd, const char *config_path, const struct vl_start *how)
{
    struct domain_config *config = NULL;
    domid_t domain;

    if (config_path && domain_config_load(config_path, NULL, 0, true, stderr, &config))
        return VL_CONFIG;
    vl_heed_signals(true);
    int error = domain_restore(vl_toolstack(), fd, config, false, &domain);
    vl_heed_signals(false);
    domain_config_free(config);
    if (error)
        return vl_complain("nothing was restored");
    return vl_start_domain(domain, how);
}

int vl_restore(int argc, char **argv)
{
    struct vl_start how = {0};
    int option;

    while ((option = vl_option(argc, argv, "pcedFVA", NULL)) != -1) {
        how.paused |= option == 'p';
        how.console |= option == 'c';
        how.no_monitor |= option == 'e';
        how.foreground |= option == 'F';
    }
    int count = vl_operands(argc, 1, 2);
    const char *path = argv[optind + count - 1];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return vl_fail(-errno, "'%s' cannot be read", path);
    int result = restore_from(fd, count == 2 ? argv[optind] : NULL, &how);
    close(fd);
    return result;
}
