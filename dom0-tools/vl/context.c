#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vl/main.h"

bool vl_verbose, vl_dry_run;

static void say(const char *format, va_list arguments)
{
    fprintf(stderr, "vl %s: ", vl_current->name);
    vfprintf(stderr, format, arguments);
}

// What to do about an error, where that can be said without knowing more.
static const char *advice(int error)
{
    switch (-error) {
    case EPERM:
        return " (only domain 0 may do this)";
    case EACCES:
        return " (run it as root)";
    case ESRCH:
        return " (the domain is gone; 'vl list' shows who is there)";
    case ENOMEM:
        return " (too little memory is free; 'vl info' says how much)";
    case ENOSYS:
    case EOPNOTSUPP:
        return " (this hypervisor cannot do it)";
    default:
        return "";
    }
}

int vl_complain(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    say(format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    return VL_FAILED;
}

int vl_fail(int error, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    say(format, arguments);
    va_end(arguments);
    fprintf(stderr, ": %s%s\n", strerror(-error), advice(error));
    return VL_FAILED;
}

void vl_misused(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    say(format, arguments);
    va_end(arguments);
    fprintf(stderr, "\nUsage: vl %s %s\n", vl_current->name, vl_current->usage);
    exit(VL_USAGE);
}

long long vl_number(const char *text, const char *what, long long least, long long most)
{
    char *end;

    errno = 0;
    long long number = strtoll(text, &end, 0);
    if (end == text || *end || errno)
        vl_misused("'%s' is no number, as %s must be", text, what);
    if (number < least || number > most)
        vl_misused("%s must be %lld to %lld, not %s", what, least, most, text);
    return number;
}

int vl_option(int argc, char **argv, const char *letters, const struct option *options)
{
    static const struct option none[] = {{"help", no_argument, NULL, 'h'}, {0}};

    opterr = 0;
    int option = getopt_long(argc, argv, letters, options ? options : none, NULL);
    if (option == 'h' && !strchr(letters, 'h')) {
        vl_help(stdout, vl_current);
        exit(VL_OK);
    }
    if (option == '?' && !strcmp(argv[optind - 1], "--help")) {
        vl_help(stdout, vl_current);
        exit(VL_OK);
    }
    if (option == '?' && optopt == 'h' && !strchr(letters, 'h')) {
        vl_help(stdout, vl_current);
        exit(VL_OK);
    }
    if (option == '?' && optopt && strchr(letters, optopt))
        vl_misused("option -%c needs a value", optopt);
    if (option == '?')
        vl_misused("no option '%s'", optopt ? (char[]){'-', (char)optopt, 0} : argv[optind - 1]);
    return option;
}

void vl_no_options(int argc, char **argv)
{
    while (vl_option(argc, argv, "+", NULL) != -1)
        ;
}

int vl_operands(int argc, int least, int most)
{
    int count = argc - optind;

    if (count < least)
        vl_misused("needs at least %d argument%s", least, least == 1 ? "" : "s");
    if (most == 0 && count)
        vl_misused("takes no arguments");
    if (most >= 0 && count > most)
        vl_misused("takes at most %d argument%s", most, most == 1 ? "" : "s");
    return count;
}

struct control *vl_control(void)
{
    static struct control *control;

    if (control)
        return control;
    int error = control_open(&control);
    if (error == -ENOENT)
        vl_complain(
            "no /dev/xen/privcmd: this machine does not run on Vellum or Xen, or the module "
            "xen-privcmd is not loaded (modprobe xen-privcmd)");
    else if (error)
        vl_fail(error, "the hypervisor cannot be reached through /dev/xen/privcmd");
    if (error)
        exit(VL_FAILED);
    return control;
}

struct xs_handle *vl_store_if_any(void)
{
    static struct xs_handle *store;
    static bool tried;

    if (!tried)
        store = xs_open(0);
    tried = true;
    return store;
}

struct xs_handle *vl_store(void)
{
    struct xs_handle *store = vl_store_if_any();

    if (!store) {
        vl_fail(-errno, "xenstore cannot be reached; is vellum-xenstored running?");
        exit(VL_FAILED);
    }
    return store;
}

static void *must(void *memory)
{
    if (!memory) {
        vl_complain("out of memory");
        exit(VL_FAILED);
    }
    return memory;
}

void *vl_buffer(size_t size)
{
    return must(control_buffer(vl_control(), size));
}

void *vl_alloc(size_t size)
{
    return must(calloc(1, size ? size : 1));
}

char *vl_store_read(domid_t domain, const char *path)
{
    char full[200];

    snprintf(full, sizeof(full), "/local/domain/%u/%s", domain, path);
    return vl_store_if_any() ? xs_read(vl_store_if_any(), XBT_NULL, full, NULL) : NULL;
}

int vl_store_write(domid_t domain, const char *path, const char *value)
{
    char full[200];

    snprintf(full, sizeof(full), "/local/domain/%u/%s", domain, path);
    if (xs_write(vl_store(), XBT_NULL, full, value, (unsigned)strlen(value)))
        return VL_OK;
    return vl_fail(-errno, "%s cannot be written to xenstore", full);
}
