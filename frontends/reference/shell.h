// The reference guest's commands. A command is a function in the linker section "commands".
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct command {
    const char *name, *arguments, *help;
    // 0, or a negative error: what failed has been said then.
    int (*run)(unsigned nr_words, char **words); // words[0] is the name; words[nr_words] is NULL
};

#define COMMAND(id, args, text)                                                                   \
    static int command_##id(unsigned nr_words, char **words);                                     \
    static const struct command command_entry_##id                                                \
        __attribute__((used, section("commands"), aligned(8))) = {#id, args, text, command_##id}; \
    static int command_##id(unsigned nr_words, char **words)

// Runs commands separated by ';', and says of each that failed that it did. TEXT is cut up.
void shell_run(char *text);
// Reads commands from the console for ever.
void shell_loop(void) __attribute__((noreturn));

// The N-th word as a decimal number; OTHERWISE if there is none, or if it is no number, which is
// said.
uint64_t word_number(unsigned nr_words, char **words, unsigned n, uint64_t otherwise);
// Whether any word after the first is this one.
bool word_given(unsigned nr_words, char **words, const char *word);
