// The command line of `xenstore`, which is also called by the names xenstore-read, xenstore-write,
// ...
#include <err.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "xenstore-commands/commands.h"

static const struct command commands[] = {
    {"read", "pRs", "[-pR] PATH...",
     "Prints the value of each PATH.\n"
     "  -p  each behind its path\n"
     "  -R  raw: no escapes, no line ends\n",
     1, 1, FOR_SEVERAL, run_read},
    {"write", "Rs", "[-R] PATH VALUE [PATH VALUE]...",
     "Writes each VALUE to the PATH before it, all at once. Missing parents are made.\n"
     "  -R  raw: a backslash in VALUE is just that\n",
     2, 2, FOR_SEVERAL, run_write},
    {"list", "ps", "[-p] PATH...",
     "Prints the names of each PATH's children.\n"
     "  -p  as whole paths\n",
     1, 1, ALWAYS, run_list},
    {"ls", "fps", "[-fp] [PATH]...",
     "Prints the tree below each PATH (default: /) with its values.\n"
     "  -f  each node by its whole path\n"
     "  -p  with permissions\n",
     0, 1, NEVER, run_ls},
    {"rm", "ts", "[-t] PATH...",
     "Removes each PATH and all below it.\n"
     "  -t  and then its parents as long as they are empty\n",
     1, 1, ALWAYS, run_rm},
    {"exists", "s", "PATH...", "Succeeds if all of the PATHs exist. Prints nothing.\n", 1, 1,
     FOR_SEVERAL, run_exists},
    {"chmod", "rus", "[-ru] PATH OWNER [OTHER]...",
     "Sets the permissions of PATH. OWNER is a letter (n: nothing, r: reading, w: writing, b: "
     "both) and\n"
     "a domain's number: that domain owns PATH, the letter is for all domains that are not named.\n"
     "Each OTHER likewise: what one domain may do.\n"
     "  -r  and those of everything below PATH\n"
     "  -u  and those of its parents\n",
     2, 1, ALWAYS, run_chmod},
    {"watch", "n:s", "[-n COUNT] PATH...",
     "Prints the path of every change at or below a PATH; first, each PATH itself.\n"
     "  -n  ends after COUNT lines\n",
     1, 1, NEVER, run_watch},
    {"control", "+", "COMMAND [ARGUMENT]...",
     "Gives the store's daemon an order; `help` lists them. Those that take time:\n"
     "  live-update [-c ARGUMENTS] [-F] [-t SECONDS] FILE   go on with the program FILE\n",
     1, 1, NEVER, run_control},
};

#define COUNT (sizeof(commands) / sizeof(*commands))

static void usage(FILE *out, const char *name, const struct command *command)
{
    fprintf(out, "usage: %s %s\n%s", name, command->usage, command->help);
}

static void list_commands(FILE *out)
{
    fprintf(out, "usage: xenstore COMMAND ...     (or xenstore-COMMAND ...; --help tells more)\n");
    for (unsigned i = 0; i < COUNT; i++)
        fprintf(out, "  xenstore %s %s\n", commands[i].name, commands[i].usage);
}

static const struct command *find(const char *name)
{
    for (unsigned i = 0; i < COUNT; i++) {
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    }
    return NULL;
}

bool complain(const struct call *call, const char *what, const char *path)
{
    int error = errno;

    fflush(call->out);
    fprintf(stderr, "%s: cannot %s '%s': %s\n", call->name, what, path, strerror(error));
    return false;
}

static int number_of(const char *text)
{
    char *end;
    long number = strtol(text, &end, 10);

    if (end == text || *end || number < 0 || number > INT_MAX)
        errx(1, "'%s' is no count: give a number from 0 (without end) to %d", text, INT_MAX);
    return number;
}

// Reads the options; ends the program if they are wrong or ask for help.
static void read_options(struct call *call, const struct command *command, int argc, char **argv)
{
    static const struct option long_options[] = {{"help", no_argument, NULL, 'h'}, {0}};
    char letters[32];
    int letter;

    snprintf(letters, sizeof(letters), "%sh", command->options);
    while ((letter = getopt_long(argc, argv, letters, long_options, NULL)) != -1) {
        if (letter == 'h' || letter == '?') {
            usage(letter == 'h' ? stdout : stderr, call->name, command);
            exit(letter != 'h');
        }
        call->set[letter] = true;
        if (letter == 'n')
            call->number = number_of(optarg);
    }
    int count = argc - optind;

    if (count < command->least || count % command->step) {
        usage(stderr, call->name, command);
        exit(1);
    }
}

// One attempt within a transaction; what it prints is kept back until the transaction has succeeded
// or the command failed. Sets *again if others' changes stood against it.
static bool attempt(struct call *call, const struct command *command, char **args, int count,
                    bool *again)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = call->out;

    *again = false;
    call->t = xs_transaction_start(call->h);
    if (!call->t)
        err(1, "cannot start a transaction");
    call->out = open_memstream(&text, &len);
    if (!call->out)
        err(1, "cannot keep the output");
    bool done = command->run(call, args, count);

    fclose(call->out);
    call->out = out;
    if (!xs_transaction_end(call->h, call->t, !done) && done) {
        *again = errno == EAGAIN;
        done = *again || complain(call, "end", "the transaction");
    }
    if (!*again)
        fwrite(text, 1, len, out);
    free(text);
    return done;
}

static bool run(struct call *call, const struct command *command, char **args, int count)
{
    bool again = true, done = false;

    if (command->transactions == NEVER ||
        (command->transactions == FOR_SEVERAL && count <= command->step))
        return command->run(call, args, count);
    while (again)
        done = attempt(call, command, args, count, &again);
    return done;
}

// Which command is meant by "xenstore-NAME ..." or "xenstore NAME ...".
static const struct command *choose(int *argc, char ***argv, char name[64])
{
    const char *called = strrchr(**argv, '/') ? strrchr(**argv, '/') + 1 : **argv;
    const char *word = strncmp(called, "xenstore-", 9) == 0 ? called + 9 : NULL;

    if (!word && *argc < 2) {
        list_commands(stderr);
        exit(1);
    }
    if (!word) {
        word = *++*argv;
        --*argc;
    }
    if (strcmp(word, "help") == 0 || strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
        list_commands(stdout);
        exit(0);
    }
    const struct command *command = find(word);

    if (!command) {
        fprintf(stderr, "xenstore: no command '%s'\n", word);
        list_commands(stderr);
        exit(1);
    }
    snprintf(name, 64, "xenstore-%s", word);
    return command;
}

int main(int argc, char **argv)
{
    char name[64];
    struct call call = {.name = name, .out = stdout};
    const struct command *command = choose(&argc, &argv, name);

    argv[0] = name;
    program_invocation_short_name = name;
    read_options(&call, command, argc, argv);
    call.h = xs_open(0);
    if (!call.h)
        err(1, "cannot reach the store at %s (is its daemon running?)", xs_daemon_socket());
    bool done = run(&call, command, argv + optind, argc - optind);

    xs_close(call.h);
    if (fflush(stdout) || ferror(stdout))
        err(1, "cannot write the output");
    return !done;
}
