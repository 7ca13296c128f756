// vl: manages domains from domain 0. The commands are in commands.c.
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "config/nearest.h"
#include "vl/commands.h"
#include "vl/main.h"

static const struct vl_command global = {.name = "", .usage = "[-vNfTt] COMMAND [ARGUMENT]..."};

const struct vl_command *vl_current = &global;

void vl_help(FILE *out, const struct vl_command *command)
{
    fprintf(out, "Usage: vl %s%s%s\n\n%s\n", command->name, *command->usage ? " " : "",
            command->usage, command->summary);
    if (command->options)
        fprintf(out, "\n%s", command->options);
}

static void help(FILE *out)
{
    fprintf(out, "Usage: vl %s\n\n", global.usage);
    for (size_t i = 0; i < vl_commands_count; i++)
        if (vl_commands[i].run != vl_refused)
            fprintf(out, "  %-18s %s\n", vl_commands[i].name, vl_commands[i].summary);
    fputs("\n'vl COMMAND --help' says more. Before the command: -v says more of what is done, -N "
          "does "
          "nothing; -f, -t and -T are xl's and without effect.\n",
          out);
}

static const struct vl_command *find(const char *name)
{
    for (size_t i = 0; i < vl_commands_count; i++)
        if (!strcmp(vl_commands[i].name, name))
            return &vl_commands[i];
    return NULL;
}

static int unknown(const char *name)
{
    const char **names = vl_alloc(vl_commands_count * sizeof(*names));

    for (size_t i = 0; i < vl_commands_count; i++)
        names[i] = vl_commands[i].name;
    const char *nearest = config_nearest(name, names, vl_commands_count);
    if (nearest)
        fprintf(stderr, "vl: no command '%s'; did you mean '%s'?\n", name, nearest);
    else
        fprintf(stderr, "vl: no command '%s'; 'vl help' lists all\n", name);
    free(names);
    return VL_FAILED;
}

int vl_help_command(int argc, char **argv)
{
    static const struct option options[] = {
        {"long", no_argument, NULL, 'l'}, {"help", no_argument, NULL, 'h'}, {0}};

    while (vl_option(argc, argv, "", options) != -1)
        ;
    if (vl_operands(argc, 0, 1) == 0) {
        help(stdout);
        return VL_OK;
    }
    const struct vl_command *command = find(argv[optind]);
    if (!command)
        return unknown(argv[optind]);
    vl_help(stdout, command);
    return VL_OK;
}

static void global_options(int argc, char **argv)
{
    static const struct option options[] = {
        {"help", no_argument, NULL, 'h'}, {"version", no_argument, NULL, 'V'}, {0}};
    int option;

    opterr = 0;
    while ((option = getopt_long(argc, argv, "+vNftThV", options, NULL)) != -1) {
        switch (option) {
        case 'v':
            vl_verbose = true;
            break;
        case 'N':
            vl_dry_run = true;
            break;
        case 'h':
            help(stdout);
            exit(VL_OK);
        case 'V':
            puts("vl of Vellum, for the control interface of Xen 4.17");
            exit(VL_OK);
        case '?':
            fprintf(stderr, "vl: no option '%s'\nUsage: vl %s\n", argv[optind - 1], global.usage);
            exit(VL_USAGE);
        }
    }
}

int main(int argc, char **argv)
{
    global_options(argc, argv);
    if (optind == argc) {
        help(stderr);
        return VL_FAILED;
    }
    const struct vl_command *command = find(argv[optind]);
    if (!command)
        return unknown(argv[optind]);
    vl_current = command;
    argc -= optind;
    argv += optind;
    optind = 0; // makes getopt start again
    int result = command->run(argc, argv);
    if (fflush(stdout) || ferror(stdout)) {
        vl_complain("the output could not be written");
        result = result ? result : VL_FAILED;
    }
    return result;
}
