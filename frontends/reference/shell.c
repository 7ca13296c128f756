#include "frontends/reference/shell.h"

#include "frontends/kernel/console.h"
#include "frontends/kernel/guest.h"

#define WORDS_MOST 16

extern const struct command __start_commands[], __stop_commands[];
static unsigned passed, failed;

static const struct command *find(const char *name)
{
    for (const struct command *c = __start_commands; c < __stop_commands; c++)
        if (!strcmp(c->name, name))
            return c;
    return NULL;
}

static unsigned split(char *text, char *words[WORDS_MOST + 1])
{
    unsigned n = 0;

    while (n < WORDS_MOST) {
        while (*text == ' ')
            *text++ = '\0';
        if (!*text)
            break;
        words[n++] = text;
        while (*text && *text != ' ')
            text++;
    }
    words[n] = NULL;
    return n;
}

static void run_one(char *text)
{
    char *words[WORDS_MOST + 1];
    unsigned n = split(text, words);
    const struct command *command;
    int error;

    if (n == 0)
        return;
    command = find(words[0]);
    if (!command)
        print("no command '%s'; 'help' lists them\n", words[0]);
    error = command ? command->run(n, words) : -XEN_ENOENT;
    if (error < 0) {
        failed++;
        print("FAIL %s: %s\n", words[0], error_name(error));
    } else {
        passed++;
    }
}

void shell_run(char *text)
{
    while (text) {
        char *end = strchr(text, ';');

        if (end)
            *end++ = '\0';
        run_one(text);
        text = end;
    }
}

void shell_loop(void)
{
    static char line[400];

    for (;;) {
        print("> ");
        console_read_line(line, sizeof(line));
        shell_run(line);
    }
}

uint64_t word_number(unsigned nr_words, char **words, unsigned n, uint64_t otherwise)
{
    uint64_t value = 0;

    if (n >= nr_words)
        return otherwise;
    for (const char *p = words[n]; *p; p++) {
        if (*p < '0' || *p > '9' || value > UINT64_MAX / 10 - 1) {
            print("'%s' is no number; %lu is taken\n", words[n], otherwise);
            return otherwise;
        }
        value = value * 10 + (uint64_t)(*p - '0');
    }
    return value;
}

bool word_given(unsigned nr_words, char **words, const char *word)
{
    for (unsigned i = 1; i < nr_words; i++)
        if (!strcmp(words[i], word))
            return true;
    return false;
}

COMMAND(help, "", "lists the commands")
{
    for (const struct command *c = __start_commands; c < __stop_commands; c++)
        print("  %s %s\n      %s\n", c->name, c->arguments, c->help);
    return 0;
}

COMMAND(summary, "", "says how many commands have been right, and how many have failed")
{
    print("%u passed, %u failed\n", passed, failed);
    return 0;
}
